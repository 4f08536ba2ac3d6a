"""Alerts, decisions and clocks of a summary, as they stood at a moment. May not word anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.contents.clocks import Stands, clock_rows
from bot.contents.summary import AlertStanding, Answer, Clocks, DecisionTaken
from bot.study import Study
from rules.model import Finding
from storage.alert_records import BY_BOT, HOLDS, Response, ResponseKind, StoredAlert
from storage.alert_stands import stands

_SUBJECT = "subject:"


def open_alerts(study: Study, known: Iterable[StoredAlert], as_of: datetime) -> tuple[AlertStanding, ...]:
    """Alerts that nobody had resolved by a moment."""
    return tuple(_alert(study, item, as_of) for item in known if not _resolved(item, as_of))


def _alert(study: Study, item: StoredAlert, as_of: datetime) -> AlertStanding:
    shown = [version for version in item.versions if version.at <= as_of] or [item.versions[0]]
    latest = {done.kind: done for done in _by(item, as_of)}
    answers = tuple(
        Answer(kind.value, done.user_id, done.at, _roles(study, done.user_id)) for kind, done in latest.items()
    )
    finding = shown[-1].finding
    return AlertStanding(
        item.rule_id, item.scope, item.episode, finding.state, item.urgency, item.opened_at,
        tuple(sorted(answers, key=lambda answer: answer.at)),
        subjects=_subjects(item),
    )  # fmt: skip


def decisions(
    study: Study, known: Iterable[StoredAlert], since: datetime | None, as_of: datetime
) -> tuple[DecisionTaken, ...]:
    """Decisions on alerts that were open at a moment, and those since the last summary, oldest first."""
    found = [
        _decision(study, item, done, in_force=_in_force(item, done, as_of))
        for item in known
        for done in _by(item, as_of)
        if done.kind is ResponseKind.DECIDED and (not _resolved(item, as_of) or since is None or done.at > since)
    ]
    return tuple(sorted(found, key=lambda one: one.at))


def _decision(study: Study, item: StoredAlert, done: Response, *, in_force: bool) -> DecisionTaken:
    whom = str(done.body.get("scope", ""))
    return DecisionTaken(
        item.rule_id, item.scope, item.episode, str(done.body.get("decision", "")), done.user_id, done.at,
        _roles(study, done.user_id), subject=whom.removeprefix(_SUBJECT) if whom.startswith(_SUBJECT) else "",
        in_force=in_force, subjects=_subjects(item),
    )  # fmt: skip


def _in_force(item: StoredAlert, done: Response, as_of: datetime) -> bool:
    """A hold is in force until a resume; anything else is where it was the last decision, and not to be taken again."""
    versions = [version for version in item.versions if version.at <= as_of]
    now = stands(versions, _by(item, as_of))
    if done.body.get("decision") in HOLDS:
        later = [one for one in _by(item, as_of) if one.at > done.at and one.body.get("decision") == "resume"]
        return not later and done.body["decision"] in now.holding.split()
    return now.decided_by == done.response_id and not now.rearmed and not now.resolved


def clocks(findings: Sequence[Finding]) -> Clocks:
    """Clocks that run, the earliest due first, and how many have ended; all from findings, as App Home has them."""
    rows = clock_rows(findings)
    ended = [row for row in rows if row.stands is Stands.SUBMITTED]
    return Clocks(
        tuple(row for row in rows if row.open), len(ended), sum(row.late for row in ended),
        sum(row.stands is Stands.WITHDRAWN for row in rows),
    )  # fmt: skip


def _subjects(item: StoredAlert) -> tuple[str, ...]:
    """Everybody whom some version of it named: its scope may name one whose record was deleted since."""
    return tuple(sorted({one.usubjid for v in item.versions for one in v.finding.evidence if one.usubjid}))


def _by(item: StoredAlert, as_of: datetime) -> list[Response]:
    """What people did by then."""
    return [done for done in item.responses if done.at <= as_of and done.user_id != BY_BOT]


def _resolved(item: StoredAlert, as_of: datetime) -> bool:
    return any(done.kind is ResponseKind.RESOLVED for done in _by(item, as_of))


def _roles(study: Study, user_id: str) -> tuple[str, ...]:
    return tuple(sorted(role.value for role in study.config.slack.roles_of(user_id)))
