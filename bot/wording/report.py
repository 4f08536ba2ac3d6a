"""The open report: its first page, its sections, and what is written on every page."""

from __future__ import annotations

from collections.abc import Iterable

from bot.contents.summary import AlertStanding, RuleStanding, SummaryContent
from bot.figures.words import share
from bot.views import ClosedView, OpenView
from bot.wording import report_tables as make
from bot.wording.document import Column, Figure, Headline, Report, Row, Section, Table
from bot.wording.phrases import MARK, MARK_SENTENCE, STATE
from bot.wording.summary_lines import (
    MET,
    NO_DECISION,
    POOLED,
    RUNNING,
    changed,
    data,
    enrolment,
    exposure,
    stamped,
    treated,
)
from bot.wording.text import count, listed, plain, unescaped, words
from bot.wording.times import moment
from rules.tabulated.events import MOST_LISTED


def report(view: OpenView | ClosedView) -> Report:
    """The report of a summary. Raises TypeError for other content."""
    content = view.content
    if not isinstance(content, SummaryContent):
        raise TypeError(f"no report of {type(content).__name__}")
    zone, stamps, mode = view.setting.timezone, content.stamps, view.setting.mode
    return Report(
        running=RUNNING,
        study=plain(view.setting.study_id),
        title=plain(content.title) or plain(view.setting.study_id),
        subtitle=" · ".join(filter(None, [plain(view.setting.study_id), plain(content.registry), POOLED])),
        stamps=stamped(content, zone),
        short=f"Data as of {moment(stamps.data_as_of, zone)} · Report of {moment(stamps.report_of, zone)}",
        headlines=tuple(_headlines(content)),
        said=(*changed(content, zone), NO_DECISION),
        sections=tuple(_sections(content, zone)),
        made_at=int(stamps.report_of.timestamp()),
        mark=MARK[mode],
        mark_line=MARK_SENTENCE[mode],
    )


def _headlines(content: SummaryContent) -> Iterable[Headline]:
    whole, seen = treated(content), content.tables.overview
    yield Headline(f"{whole:,}", "dosed", f"of {content.planned_n:,} planned")
    yield Headline(
        f"{seen['treatment_emergent'].subjects:,}",
        "with a treatment-emergent event",
        _share(seen["treatment_emergent"].subjects, whole),
    )
    serious = seen["serious"]
    events = "serious event" if serious.events == 1 else "serious events"
    yield Headline(f"{serious.events:,}", events, f"in {count(serious.subjects, 'subject')}")
    met = [rule for rule in content.rules if rule.line.state in MET]
    yield Headline(f"{len(met):,}", "rule met" if len(met) == 1 else "rules met", f"of {len(content.rules):,}")
    open_now = "alert open" if len(content.alerts) == 1 else "alerts open"
    yield Headline(f"{len(content.alerts):,}", open_now, _unanswered(content.alerts))


def _share(number: int, whole: int) -> str:
    return f"{share(number / whole)} of the dosed" if whole else "nobody dosed"


def _unanswered(alerts: tuple[AlertStanding, ...]) -> str:
    silent = sum(not alert.answers for alert in alerts)
    return f"{silent} without an answer" if silent else "all answered" if alerts else "none"


def _sections(content: SummaryContent, zone: str) -> Iterable[Section]:
    tables = content.tables
    yield Section("Stopping rules", (make.rules(content), *_boundaries(content)))
    yield Section("Open alerts", (_alerts(content, zone),))
    yield Section(
        "Enrolment and disposition",
        (
            f"{enrolment(content)} {exposure(content)}",
            make.sites(content),
            make.status(content),
            make.demographics(content),
            make.deviations(content),
        ),
    )
    chart = make.frequent(content)
    yield Section(
        "Adverse events",
        (
            make.overview(content),
            *([chart] if chart.bars else []),
            make.terms(content),
            make.grades(content),
        ),
    )
    everybody = "of all subjects, dosed or not (first dose = day 1)"
    yield Section(
        "Listings",
        (
            make.listing(
                "L1 Serious", "L1", f"Serious events {everybody}", tables.serious, empty="No serious event is recorded."
            ),
            make.listing("L2 Deaths", "L2", f"Deaths {everybody}", tables.deaths, empty="No death is recorded."),
            make.listing(
                "L3 All events",
                "L3",
                f"All adverse events {everybody}",
                tables.listing,
                notes=_cut(content),
                only_sheet=True,
            ),
            f"L3, all {tables.listed:,} adverse events, is a sheet of the workbook beside this report.",
        ),
    )
    yield Section("Laboratory", (make.labs(content),))
    yield Section("Data", (*data(content), make.gaps(content), make.lags(content)))


def _cut(content: SummaryContent) -> tuple[str, ...]:
    shown = len(content.tables.listing)
    return (f"Showing {shown:,} of {content.tables.listed:,}.",) if shown == MOST_LISTED < content.tables.listed else ()


def _boundaries(content: SummaryContent) -> Iterable[Figure]:
    drawn = [rule for rule in content.rules if rule.drawn is not None]
    for number, rule in enumerate(drawn, start=2):
        assert rule.drawn is not None
        yield Figure(
            f"F{number}", plain(rule.line.title), _design(rule), rule.drawn, (plain(rule.sentence, 1200), _where(rule))
        )


def _design(rule: RuleStanding) -> str:
    assert rule.drawn is not None
    return (
        f"{plain(rule.line.rule_id)}, {words(rule.drawn.method)}: false alarm {share(rule.drawn.attained_alpha)} "
        f"at {share(rule.drawn.null_rate)}"
    )


def _where(rule: RuleStanding) -> str:
    line = rule.line
    among = f" among the first {line.at_n} dosed" if line.at_n else ""
    stops = f"; it stops at {line.stop_at}" if line.stop_at is not None else ""
    waiting = f" {rule.n_pending} still in follow-up, {rule.n_overdue} overdue."
    return f"Now {STATE[line.state]}: {line.events} events{among}{stops}.{waiting}"


def _alerts(content: SummaryContent, zone: str) -> Table:
    rows = [
        Row(
            (
                plain(alert.rule_id),
                "the study" if alert.scope == "study" else plain(alert.scope),
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


def _answers(alert: AlertStanding, zone: str) -> str:
    said = (
        f"{words(answer.kind)} {moment(answer.at, zone)}"
        + (f" by {listed(words(role) for role in answer.roles)}" if answer.roles else "")
        for answer in alert.answers
    )
    return listed(said) or "none"
