"""What can run but should be known: the warnings of `dsmbot check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.configuration.blocks import StudyFile
from bot.configuration.crosschecks import block, entries, filters, terms_used
from bot.configuration.people import UNBLINDED, Role
from bot.configuration.problems import Problem
from bot.configuration.reader import Document


def doubts(document: Document, file: StudyFile) -> Iterator[Problem]:
    """Every warning about one configuration that loads."""
    yield from _grades(document, file)
    yield from _causality(document, file)
    yield from _unused_terms(document)
    yield from _two_sides(document, file)
    yield from _nobody(document, file)
    yield from _impatient(document, file)


def _asks(rule: Mapping[str, Any], key: str) -> bool:
    return any(key in chosen for _, chosen in filters(rule))


def _grades(document: Document, file: StudyFile) -> Iterator[Problem]:
    asking = [rule.get("id") for _, rule in entries(document, "rules") if _asks(rule, "grade")]
    if asking and not file.codes.grades:
        yield document.problem(
            ("codes", "grades"),
            f"rules use grade ({', '.join(map(str, asking))}), but no map from AESEV to grades is written: where "
            "the data have no AETOXGR every event counts as reaching the grade",
            "Add codes.grades, for example {MILD: 1, MODERATE: 2, SEVERE: 3}, if the study grades by AESEV",
        )  # fmt: skip


def _causality(document: Document, file: StudyFile) -> Iterator[Problem]:
    asking = [rule.get("id") for _, rule in entries(document, "rules") if _asks(rule, "related")]
    if asking and not file.codes.unrelated:
        yield document.problem(
            ("codes", "unrelated"),
            f"rules use causality ({', '.join(map(str, asking))}), but no value means unrelated: every event counts as "
            "related",
            "Add codes.related and codes.unrelated with the values of AEREL",
        )  # fmt: skip


def _unused_terms(document: Document) -> Iterator[Problem]:
    used = {name for _, rule in entries(document, "rules") for _, name in terms_used(rule)}
    for name in block(document, "terms"):
        if name not in used:
            yield document.problem(("terms", name), f"no rule uses the term list {name!r}", "Use it or remove it")


def _two_sides(document: Document, file: StudyFile) -> Iterator[Problem]:
    for role in sorted(UNBLINDED & set(file.slack.roles)):
        for index, member in enumerate(file.slack.roles[role]):
            others = sorted(file.slack.roles_of(member.id) - UNBLINDED - {Role.OPERATOR})
            if others:
                yield document.problem(
                    ("slack", "roles", role.value, index),
                    f"{member.id} may read closed content and is also {', '.join(others)}, who stays blinded",
                    "Keep each person on one side of the blinding",
                )  # fmt: skip


def _nobody(document: Document, file: StudyFile) -> Iterator[Problem]:
    here = ("slack", "roles")
    if not file.slack.holders(Role.OPERATOR):
        yield document.problem(here, "nobody is operator", "Add operator: […], who hears of failing sources")
    if "ops" not in file.slack.channels:
        yield document.problem(("slack", "channels"), "no channel 'ops'", "Add one: source failures are told there")
    if not file.slack.escalate:
        yield document.problem(("slack",), "nobody is called when an alert is not acknowledged", "Add slack.escalate")
    if file.slack.paging is None:
        yield document.problem(
            ("slack",), "Nobody will be woken between 22:00 and 08:00: Slack's do-not-disturb wins",
            "Agree who watches at night; 'paging: none' under slack states that the study accepts this",
        )  # fmt: skip
    yield from _unpaged(document, file)
    if file.operations.heartbeat_url is None:
        yield document.problem(
            ("operations",), "no heartbeat: if this machine dies, only a missing daily note says so",
            "Set operations.heartbeat_url to a dead-man's switch outside this machine",
        )  # fmt: skip


def _unpaged(document: Document, file: StudyFile) -> Iterator[Problem]:
    """Critical rules whose audience nobody is called about by the second path."""
    pager = file.slack.pager
    if pager is None:
        return
    heard = {"open": "investigator", "closed": "dsmb", "pharmacy": "pharmacist"}
    critical = {str(r.get("audience", "open")) for _, r in entries(document, "rules") if r.get("urgency") == "critical"}
    for audience in sorted(critical & set(heard)):
        by_hook = pager.webhook is not None and audience == "open"
        if not by_hook and not pager.addresses(Role(heard[audience])):
            yield document.problem(
                ("slack", "paging"), f"critical {audience} alerts call nobody outside Slack",
                f"Add paging.email.to.{heard[audience]}",
            )  # fmt: skip


def _impatient(document: Document, file: StudyFile) -> Iterator[Problem]:
    changed = sorted(file.operations.delivery.written())
    if changed:
        yield document.problem(
            ("operations", "delivery"),
            f"delivery does not wait as long as Slack needs ({', '.join(changed)}): a message may be posted twice, "
            "and the second copy stands until it is found and deleted",
            "Remove operations.delivery unless somebody who knows the server told you to set it",
        )  # fmt: skip
