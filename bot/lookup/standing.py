"""Where a study stands, read from storage: the facts of the daily note, of `status`, and of the starting state.

May not word anything (`bot.wording`) nor decide who reads it (`bot.access`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from bot.acting.covering import beside, cover_lines, joined
from bot.config import Role, StudyConfig
from bot.contents.clocks import clocks_running
from bot.lookup.news import News, news_since
from bot.study import Study, by_arm
from bot.telling.outgoing import key
from bot.views import OpenAlertLine, RuleLine, SourceLine, StartingStateContent, StatusContent, scope_name, stored_body
from rules.evaluate import STUDY
from rules.model import Audience, Finding, Rule, Snapshot, State
from storage import alerts, outbox
from storage.alert_records import OpenAlert
from storage.duties import covers
from storage.findings import last_findings
from storage.heads import read_head
from storage.schema import evaluation, source_state

ADVANCE = {
    State.WITHIN: 0, State.PENDING: 1, State.NEAR: 2, State.BEYOND_DESIGN: 3, State.NOT_EVALUABLE: 4,
    State.PROVISIONAL: 5, State.CROSSED: 6,
}  # fmt: skip
"""How much a state has to say: a rule's line shows its most advanced scope."""

SINGLE = ("event", "clock")
"""Kinds of rule that speak of one event each: what was already so is told of them together, not one by one."""

MET = (State.CROSSED, State.PROVISIONAL)

NO_GROUP = "dosed_in_no_group"
"""Detail of a finding by arm: how many dosed subjects have no arm on record; each may belong to any group."""

HEARD = {
    Audience.OPEN: (Audience.OPEN,),
    Audience.CLOSED: (Audience.CLOSED, Audience.OPEN),
    Audience.PHARMACY: (Audience.PHARMACY,),
    Audience.OPS: (),
}
"""Audience of the reader → audiences of the rules it hears about."""


def status_content(
    conn: Connection,
    config: StudyConfig,
    audience: Audience,
    now: datetime,
    *,
    since: datetime | None = None,
    next_at: datetime | None = None,
    due_at: datetime | None = None,
    problems: Iterable[str] = (),
) -> StatusContent:
    """What was and could not be checked on the open side, for one audience.

    Parameters
    ----------
    conn: reading or writing.   now: aware UTC, the study's time.   problems: said first.
    since: rules newly crossed after this are named, and alerts that changed; None = none are.
    next_at: when the next note comes; its absence half an hour later means that the bot is down.
    due_at: when this note was due, where it is late.
    """
    heard = HEARD[audience]
    head = read_head(conn, config.id)
    rules = [
        rule
        for rule in config.rules
        if rule.audience in heard and not by_arm(rule) and not getattr(rule, "retired", None)
    ]
    opened = alerts.open_alerts(conn, config.id, audiences=heard) if heard else []
    news = news_since(conn, config.id, since, heard) if since and heard else News()
    return StatusContent(
        audience=audience,
        at=now,
        rules=tuple(_rule_lines(conn, config.id, rules)),
        alerts=tuple(_alert_lines(conn, opened)),
        sources=tuple(source_lines(conn, config, now)),
        newly=news.newly,
        changed=news.changed,
        problems=(*problems, *_problems(conn, config.id, audience)),
        evaluated_at=_evaluated_at(conn, config.id),
        next_at=next_at,
        down_at=next_at + timedelta(minutes=30) if next_at else None,
        due_at=due_at,
        ops=tuple(member.id for member in config.slack.holders(Role.OPERATOR)),
        seq=head.audit_seq,
        digest=head.audit_hash,
        on_cover=tuple(cover_lines(conn, config.id, config.slack, audience, now)),
    )


def note_content(
    conn: Connection, study: Study, audience: Audience, now: datetime, **times: datetime | None
) -> StatusContent:
    """The daily note of one side for one audience: on the closed side, a line for each group of each rule by arm.

    Parameters
    ----------
    times: `since`, `next_at`, `due_at` as in `status_content`.
    """
    unwatched = study.closed.unwatched if study.closed and audience is Audience.CLOSED else ""
    content = status_content(conn, study.config, audience, now, problems=filter(None, [unwatched]), **times)
    if not study.unblinded:
        return content
    since, head = times.get("since"), read_head(conn, study.id)
    news = news_since(conn, study.id, since, None) if since else News()
    return replace(
        content,
        rules=tuple(group_lines(conn, study)),
        alerts=tuple(_alert_lines(conn, alerts.open_alerts(conn, study.id))),
        newly=news.newly,
        changed=news.changed,
        problems=(*_without_group(conn, study), *_problems(conn, study.id, audience)),
        evaluated_at=_evaluated_at(conn, study.id),
        seq=head.audit_seq,
        digest=head.audit_hash,
    )


def status_answer(conn: Connection, study: Study, audience: Audience, now: datetime) -> StatusContent:
    """The answer to `status`: of both sides at once where the reader is of the closed audience."""
    content = note_content(conn, study, audience, now)
    closed = study.closed
    if closed is None or audience is not Audience.CLOSED or closed.unwatched:
        return content
    beside = note_content(conn, closed, audience, now)
    return replace(
        content, rules=(*content.rules, *beside.rules), alerts=(*content.alerts, *beside.alerts),
        problems=(*content.problems, *beside.problems),
    )  # fmt: skip


def group_lines(conn: Connection, study: Study) -> list[RuleLine]:
    """Where each group of each rule by arm stands."""
    return [
        line
        for rule in study.rules
        for line in lines_of(study, rule, last_findings(conn, study.id, rule_id=rule.id).values())
    ]


def _without_group(conn: Connection, study: Study) -> list[str]:
    found = [int(item.details.get(NO_GROUP, 0)) for item in last_findings(conn, study.id).values()]
    number = max(found, default=0)
    who = "1 dosed subject has" if number == 1 else f"{number} dosed subjects have"
    return [f"{who} no arm on record; each may belong to any group."] if number else []


def lines_of(study: Study, rule: Rule, findings: Iterable[Finding]) -> list[RuleLine]:
    """The lines of a rule: one, of its most advanced scope; by arm, one a group."""
    if not study.unblinded:
        return [most_advanced(rule, findings)]
    by_scope = sorted(findings, key=lambda finding: finding.scope)
    lines = [(finding.scope, most_advanced(rule, [finding])) for finding in by_scope if finding.scope != STUDY]
    named = [replace(line, rule_id=f"{rule.id} {scope_name(scope)}") for scope, line in lines]
    return named or [most_advanced(rule, by_scope)]


def source_lines(conn: Connection, config: StudyConfig, now: datetime) -> list[SourceLine]:
    """How current each configured source is; one that was never read completely is not current."""
    query = select(source_state).where(source_state.c.study_id == config.id)
    known = {row.source_id: row for row in conn.execute(query)}
    lines = []
    for settings in config.sources:
        row = known.get(settings.id)
        read_at = row.last_complete_at if row else None
        late = read_at is None or now - read_at > settings.stale_after
        failing = bool(row and row.failing_since)
        failure = row.reason.rstrip(".") if row and failing else ""
        reason = failure or ("no complete read within its limit" if late and read_at else "")
        lines.append(SourceLine(settings.id, read_at, not late and not failing, reason))
    return lines


def starting_state(
    conn: Connection, study: Study, snapshot: Snapshot, findings: Sequence[Finding], now: datetime
) -> None:
    """Queue the one message that says what was already so, for the medical monitor to accept.

    A study without a single subject has no state to accept, and nothing is said.
    """
    subjects = snapshot.frames.get("DM")
    if subjects is None or subjects.empty:
        return
    events, standing_in = snapshot.frames.get("AE"), covers(conn, study.config.id, now)
    for audience in study.audiences:
        rules = [rule for rule in study.rules if rule.audience is audience]
        if not rules:
            continue
        lines = [
            (rule.kind in SINGLE, line)
            for rule in rules
            for line in lines_of(study, rule, [f for f in findings if f.rule == rule.id])
        ]
        role = Role.DSMB if audience is Audience.CLOSED else Role.MEDICAL_MONITOR
        content = StartingStateContent(
            audience=audience, at=now, rules=tuple(line for _, line in lines), subjects=len(subjects),
            events=0 if events is None else len(events), role=role.value,
            crossed=_met(line for single, line in lines if not single),
            covered=_met(line for single, line in lines if single),
            mention=joined(study.voice.members(role), beside(role, standing_in, study.config.slack)),
        )  # fmt: skip
        outbox.enqueue(
            conn, study_id=study.id, delivery_key=key(conn, study.id, "start", audience), audience=audience.value,
            kind="note", content=stored_body(content), priority=4, created_at=study.clock.wall(),
        )  # fmt: skip


def _met(lines: Iterable[RuleLine]) -> tuple[str, ...]:
    return tuple(line.rule_id for line in lines if line.state in MET)


def most_advanced(rule: Rule, findings: Iterable[Finding]) -> RuleLine:
    """The line of a rule: its most advanced scope; a rule that found nothing is WITHIN with no events."""
    findings = tuple(findings)
    found = max(findings, key=lambda f: (ADVANCE[f.state], f.events), default=None)
    if found is None:
        return RuleLine(rule.id, rule.title, State.WITHIN, clocks=0 if rule.kind == "clock" else None)
    needs, running = found.details.get("needs"), clocks_running(findings)
    return RuleLine(
        rule.id, rule.title, found.state, events=found.events, n_evaluable=found.n_evaluable, stop_at=found.stop_at,
        at_n=found.at_n, needs=needs if isinstance(needs, int) else None, reason=found.reason,
        clocks=len(running) if rule.kind == "clock" else None, due_at=running[0].due_at if running else None,
    )  # fmt: skip


def _rule_lines(conn: Connection, study_id: str, rules: Sequence[Rule]) -> list[RuleLine]:
    return [most_advanced(rule, last_findings(conn, study_id, rule_id=rule.id).values()) for rule in rules]


def _alert_lines(conn: Connection, opened: Sequence[OpenAlert]) -> Iterable[OpenAlertLine]:
    decided = alerts.by_id(conn, [item.alert_id for item in opened if item.decided_by is not None])
    for item in opened:
        by, answers = item.acknowledgement, decided[item.alert_id].responses if item.alert_id in decided else ()
        decision = next((done for done in answers if done.response_id == item.decided_by), None)
        yield OpenAlertLine(
            item.rule_id, item.scope, item.state, item.opened_at,
            acknowledged_by=by.user_id if by else "", acknowledged_at=by.at if by else None, alert_id=item.alert_id,
            decision=str(decision.body["decision"]) if decision else "", decided_at=decision.at if decision else None,
            asks_again=item.rearmed,
        )  # fmt: skip


def _evaluated_at(conn: Connection, study_id: str) -> datetime | None:
    c = evaluation.c
    last = select(c.at).where(c.study_id == study_id).order_by(c.evaluation_id.desc()).limit(1)
    return conn.execute(last).scalar_one_or_none()


def _problems(conn: Connection, study_id: str, audience: Audience) -> list[str]:
    """Messages that are held: all for ops, only its own for any other audience, which may not hear of the rest."""
    own = None if audience is Audience.OPS else [reader.value for reader in (*HEARD[audience], audience)]
    held = outbox.counts(conn, study_id, own)["held"]
    return [f"{held} message{'s are' if held > 1 else ' is'} held and not delivered"] if held else []
