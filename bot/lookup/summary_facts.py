"""The facts of an open summary as of a moment: tables from the records, standings from what was found and told.

Everything is of the last evaluation by that moment, of its batch and its cut-off, so that tables and alerts speak of
the same records. The same moment gives the same summary, however late it is asked for. May not word anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.contents.summary import (
    AlertStanding,
    Answer,
    Changes,
    Drawn,
    RuleStanding,
    Stamps,
    SummaryContent,
)
from bot.lookup.standing import MET, most_advanced, source_lines
from bot.study import Study, by_arm
from rules.derive import Facts
from rules.model import Audience, Finding, Rule, Standing
from rules.statistics import Boundary
from rules.tabulate import tabulate
from rules.tabulated import events
from storage.alert_records import ResponseKind, StoredAlert
from storage.as_of import Evaluated, alerts_at, evaluation_at, findings_at
from storage.heads import read_head

FRESH = timedelta(hours=1)
"""How far a summary may look back and still say how current the sources are: what they were earlier is not kept."""

_AWAITED = (Standing.PENDING, Standing.OVERDUE)
_OPEN = (Audience.OPEN,)


def summary_content(
    study: Study, as_of: datetime, *, report_of: datetime, since: datetime | None, due_at: datetime | None = None
) -> SummaryContent | None:
    """The open summary of a study as of a moment; None where nothing had been evaluated by then.

    Parameters
    ----------
    as_of: nothing that became known later is in it.   report_of: when it is made.
    since: when the last summary was, for what changed; None = there was none.   due_at: where it is late.
    """
    with study.database.reading() as conn:
        run = evaluation_at(conn, study.id, as_of)
        before = evaluation_at(conn, study.id, since) if since else None
    if run is None:
        return None
    facts = _facts(study, run)
    rules = [rule for rule in study.rules if rule.audience is Audience.OPEN and not by_arm(rule)]
    with study.database.reading() as conn:
        known = alerts_at(conn, study.id, as_of, audiences=_OPEN)
        plan, head = study.config.plan, read_head(conn, study.id)
        return SummaryContent(
            stamps=Stamps(
                data_as_of=run.data_cutoff, as_of=as_of, report_of=report_of, batch_no=run.batch_no,
                seq=head.audit_seq, digest=head.audit_hash, config=study.fingerprint, code_version=study.code_version,
                due_at=due_at,
            ),
            tables=tabulate(facts, _lists(rules)),
            rules=tuple(_rule(conn, study.id, rule, run) for rule in rules),
            alerts=tuple(_alert(study, item, as_of) for item in known if not _resolved(item, as_of)),
            changes=_changes(study, before, since, known, as_of),
            sources=tuple(source_lines(conn, study.config, report_of)) if report_of - as_of <= FRESH else (),
            planned_n=plan.planned_n,
            title=plan.title,
            registry=plan.registry,
            ctcae=plan.ctcae,
        )  # fmt: skip


def _facts(study: Study, run: Evaluated) -> Facts:
    config = study.config
    return Facts(
        study.snapshots.build(config.plan, config.derivation, batch_no=run.batch_no, data_cutoff=run.data_cutoff)
    )


def _lists(rules: Iterable[Rule]) -> list[str]:
    """Term lists that the rules name, each once, in order: events of special interest."""
    wanted = (getattr(getattr(rule, "events", None), "terms", None) or () for rule in rules)
    return list(dict.fromkeys(name for names in wanted for name in names))


def _rule(conn: Connection, study_id: str, rule: Rule, run: Evaluated) -> RuleStanding:
    findings = findings_at(conn, study_id, rule.id, run.evaluation_id)
    line = most_advanced(rule, findings)
    shown = next((item for item in findings if item.state is line.state and item.events == line.events), None)
    return RuleStanding(
        line=line,
        kind=rule.kind,
        sentence=rule.describe(),
        action=rule.action,
        version=run.rule_versions.get(rule.id, 0),
        met=sum(item.state in MET for item in findings),
        n_pending=shown.n_pending if shown else 0,
        n_overdue=shown.n_overdue if shown else 0,
        drawn=_drawn(rule, shown) if shown else None,
    )


def _drawn(rule: Rule, finding: Finding) -> Drawn | None:
    """The boundary of a rule that has one, with the path that its finding gives.

    Who is still in follow-up is left out where the finding does not hold every subject, which is said by its counts.
    """
    boundary = getattr(rule, "boundary", None)
    size = finding.details.get("n_sequence")
    if not isinstance(boundary, Boundary) or not isinstance(size, int):
        return None
    placed = {item.facts["position"]: item for item in finding.evidence if item.facts.get("position")}
    whole = "evidence_total" not in finding.details
    places = [placed.get(place) for place in range(1, size + 1)]
    return Drawn(
        boundary.method, boundary.null_rate, boundary.alpha, boundary.attained_alpha, boundary.looks, boundary.stop_at,
        events=tuple(bool(item and item.event_key) for item in places),
        pending=tuple(bool(whole and item and item.standing in _AWAITED) for item in places),
    )  # fmt: skip


def _resolved(item: StoredAlert, as_of: datetime) -> bool:
    return any(done.kind is ResponseKind.RESOLVED and done.at <= as_of for done in item.responses)


def _alert(study: Study, item: StoredAlert, as_of: datetime) -> AlertStanding:
    shown = [version for version in item.versions if version.at <= as_of] or [item.versions[0]]
    latest = {done.kind: done for done in item.responses if done.at <= as_of}
    answers = tuple(
        Answer(kind.value, done.user_id, done.at, _roles(study, done.user_id)) for kind, done in latest.items()
    )
    return AlertStanding(
        item.rule_id, item.scope, item.episode, shown[-1].finding.state, item.urgency, item.opened_at,
        tuple(sorted(answers, key=lambda answer: answer.at)),
    )  # fmt: skip


def _roles(study: Study, user_id: str) -> tuple[str, ...]:
    return tuple(sorted(role.value for role in study.config.slack.roles_of(user_id)))


def _changes(
    study: Study, before: Evaluated | None, since: datetime | None, known: Sequence[StoredAlert], as_of: datetime
) -> Changes:
    opened = [item for item in known if since is None or item.opened_at > since]
    done = Counter(
        answer.kind.value
        for item in known
        for answer in item.responses
        if answer.at <= as_of and (since is None or answer.at > since)
    )
    told = Changes(opened=tuple(dict.fromkeys(item.rule_id for item in opened)), answered=tuple(sorted(done.items())))
    if before is None:
        return told
    facts = _facts(study, before)
    counts, treated = facts.populations(), facts.population("treated")
    then = {name: events.measure(facts, events.OVERVIEW[name], treated).events for name in ("any", "serious", "death")}
    return replace(
        told, since=since, randomised=counts["randomised"], treated=counts["treated"], events=then["any"],
        serious=then["serious"], deaths=then["death"],
    )  # fmt: skip
