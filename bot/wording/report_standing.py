"""The tables and figures of a report about rules, clocks, sources, alerts and decisions, in words."""

from __future__ import annotations

from collections.abc import Iterable

from bot.contents.clocks import ClockRow, Stands
from bot.contents.notices import scope_name
from bot.contents.summary import AlertStanding, DecisionTaken, Drawn, DrawnExposure, RuleStanding, SummaryContent
from bot.figures.words import counted, share
from bot.wording.clocks import due_time
from bot.wording.document import Column, Enrolled, Figure, Row, Table
from bot.wording.phrases import STATE, protocol_says
from bot.wording.summary_lines import SOURCES_THEN, decided, in_force, standing, treated, whom
from bot.wording.text import listed, plain, unescaped, words
from bot.wording.times import moment

PRINTED = 60
"""Clocks on paper; where more run, all of them are a sheet of the workbook."""

AS_POSSIBLE = "Drawn with every event that may count, as early as it may have been."
_STANDS = {Stands.RUNNING: "running", Stands.WARNED: "running, warned of", Stands.OVERDUE: "overdue"}


def rules(content: SummaryContent) -> Table:
    """Where each rule stands."""
    rows = [
        Row(
            (
                plain(rule.line.rule_id),
                plain(rule.line.title),
                standing(rule),
                rule.line.n_evaluable,
                rule.n_pending,
                rule.n_overdue,
                protocol_says(rule.action),
                rule.version or "–",
            )
        )
        for rule in content.rules
    ]
    return Table(
        "Rules",
        "R1",
        "Stopping rules and where each stands",
        (
            Column("Rule", width=1.7),
            Column("What it watches", width=2.8),
            Column("Standing", width=3),
            *(Column(name, width=1, number=True) for name in ("Evaluable", "Pending", "Overdue")),
            Column("The protocol says", width=1.8),
            Column("Version", width=0.8, number=True),
        ),
        tuple(rows),
        (
            (
                "As the alerts say: findings of the last evaluation. Evaluable: window closed, whatever the outcome. "
                "Overdue: past the window without evidence of assessment; in no rate's denominator, never event-free."
            ),
        ),
        "No rule is open to this audience.",
    )


def boundaries(content: SummaryContent, first: int) -> Iterable[Figure]:
    """A figure each rule that has a boundary, numbered from `first` on."""
    shown = [(rule, rule.drawn) for rule in content.rules if rule.drawn is not None]
    for number, (rule, drawn) in enumerate(shown, start=first):
        lines = (plain(rule.sentence, 1200), _where(rule, drawn))
        yield Figure(f"F{number}", plain(rule.line.title), _design(rule, drawn), drawn, lines)


def _design(rule: RuleStanding, drawn: Drawn | DrawnExposure) -> str:
    return (
        f"{plain(rule.line.rule_id)}, {words(drawn.method)}: false alarm {share(drawn.attained_alpha)} "
        f"at {share(drawn.null_rate)}"
    )


def _where(rule: RuleStanding, drawn: Drawn | DrawnExposure) -> str:
    if isinstance(drawn, DrawnExposure):
        return f"Now {standing(rule)}. {AS_POSSIBLE}"
    line = rule.line
    among = f" among the first {line.at_n} dosed" if line.at_n else ""
    stops = f"; it stops at {line.stop_at}" if line.stop_at is not None else ""
    waiting = f" {rule.n_pending} still in follow-up, {rule.n_overdue} overdue."
    return f"Now {STATE[line.state]}: {counted(line.events, 'event')}{among}{stops}.{waiting}"


def enrolment(content: SummaryContent) -> Figure | None:
    """Subjects dosed by month against the number planned; None before the first dose."""
    months = content.tables.dosed
    if not months:
        return None
    drawn, so_far = 0, []
    for label, number in months:
        drawn += number
        so_far.append((label, drawn))
    undated = treated(content) - drawn
    left_out = f"; {counted(undated, 'subject')} without a known month left out" if undated else ""
    by = "months of the study (month 1: first dose)" if months[0][0].startswith("month ") else "calendar months"
    return Figure(
        "F1",
        f"{treated(content):,} of {content.planned_n:,} planned subjects dosed",
        f"Subjects dosed by the end of each month, all arms together, by {by}{left_out}",
        Enrolled(tuple(so_far), content.planned_n),
    )


def months(content: SummaryContent) -> Table:
    """The numbers behind the figure of enrolment."""
    total, rows = 0, []
    for label, number in content.tables.dosed:
        total += number
        rows.append(Row((label, number, total, f"{100 * total / content.planned_n:.1f}" if content.planned_n else "–")))
    return Table(
        "T1 By month",
        "T1b",
        "Subjects dosed, by month",
        (Column("Month", width=2), *(Column(n, number=True) for n in ("Dosed", "Dosed so far", "% of planned"))),
        tuple(rows),
        (f"Planned: {content.planned_n:,} subjects, all arms together. A partial date counts as early as it may be.",),
        "Nobody has been dosed yet.",
        only_sheet=True,
    )


def clocks(content: SummaryContent, zone: str, *, sheet: bool) -> Table:
    """Clocks that run; `sheet`: all of them, for the workbook where they are too many to print."""
    rows = content.clocks.open if content.clocks else ()
    cut = () if sheet or len(rows) <= PRINTED else (f"Showing {PRINTED} of {len(rows):,}; all are in the workbook.",)
    return Table(
        "Clocks" if sheet or not cut else "Clocks due first",
        "C1",
        "Reporting clocks that run, the earliest due first",
        (
            Column("Rule", width=1.5),
            Column("Subject", width=1.5),
            Column("Preferred term", width=2.2),
            Column("What is due", width=2),
            Column("Due", width=2.6),
            Column("State", width=1.3),
        ),
        tuple(_clock(row, zone) for row in (rows if sheet else rows[:PRINTED])),
        (*cut, "A clock ends when its report is recorded in the source; DSMBot submits nothing."),
        "No clock runs.",
        only_sheet=sheet and len(rows) > PRINTED,
    )


def _clock(row: ClockRow, zone: str) -> Row:
    due = unescaped(due_time(row, zone))
    doubt = {"assumed": ", awareness not recorded", "in part": ", awareness recorded in part"}.get(row.awareness, "")
    what = f"{plain(row.name)}, {plain(row.limit)}{doubt}"
    term = plain(row.term) or "uncoded"
    return Row((plain(row.rule_id), plain(row.usubjid), term, what, due, _STANDS.get(row.stands, row.stands.value)))


def sources(content: SummaryContent, zone: str) -> Table:
    """How current each source of records is."""
    rows = tuple(
        Row(
            (
                plain(source.source_id),
                moment(source.last_complete_at, zone) if source.last_complete_at else "never",
                "yes" if source.current else f"no: {plain(source.reason)}" if source.reason else "no",
            )
        )
        for source in content.sources
    )
    return Table(
        "Sources",
        "D1",
        "Sources of records",
        (Column("Source", width=1.5), Column("Last read completely", width=2.5), Column("Current", width=3)),
        rows,
        (),
        SOURCES_THEN,
    )


def alerts(content: SummaryContent, zone: str) -> Table:
    """Alerts that nobody has resolved."""
    rows = [
        Row(
            (
                plain(alert.rule_id),
                _scope(alert.scope),
                STATE[alert.state],
                moment(alert.opened_at, zone),
                unescaped(_answers(alert, zone)),
            )
        )
        for alert in content.alerts
    ]
    return Table(
        "Open alerts",
        "A1",
        "Alerts that nobody has resolved, and what people did",
        (
            Column("Rule", width=1.8),
            Column("About", width=1.8),
            Column("State", width=1.6),
            Column("Open since", width=2.2),
            Column("Answers", width=3),
        ),
        tuple(rows),
        ("An acknowledgement is neither a decision nor a signature.",),
        "No alert is open.",
    )


def _scope(scope: str) -> str:
    return "the study" if scope == "study" else plain(scope_name(scope))


def _answers(alert: AlertStanding, zone: str) -> str:
    said = (
        f"{words(answer.kind)} {moment(answer.at, zone)}"
        + (f" by {listed(words(role) for role in answer.roles)}" if answer.roles else "")
        for answer in alert.answers
    )
    return listed(said) or "none"


def decisions(content: SummaryContent, zone: str) -> Table:
    """Decisions that people recorded: what, for whom, who, when, and whether it stands."""
    return Table(
        "Decisions",
        "A2",
        "Decisions on open alerts, and those since the last summary",
        (
            Column("Rule", width=1.6),
            Column("About", width=1.4),
            Column("Decision", width=2),
            Column("For whom", width=1.5),
            Column("Recorded", width=2.2),
            Column("By", width=2),
            Column("State", width=1.3),
        ),
        tuple(_decision(decision, zone) for decision in content.decisions),
        ("A decision is a record, not a signature. DSMBot does nothing of it. Reasons stand in the alert's thread.",),
        "No decision was recorded.",
    )


def _decision(decision: DecisionTaken, zone: str) -> Row:
    roles = listed(words(role) for role in decision.roles) or "no role now"
    return Row(
        (
            plain(decision.rule_id),
            _scope(decision.scope),
            decided(decision),
            whom(decision),
            moment(decision.at, zone),
            f"{roles} ({plain(decision.by)})",
            in_force(decision) or "–",
        )
    )
