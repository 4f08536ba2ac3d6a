"""The open report: its first page, its sections, and what is written on every page."""

from __future__ import annotations

from collections.abc import Iterable

from bot.contents.summary import AlertStanding, SummaryContent
from bot.figures.words import share
from bot.views import ClosedView, OpenView
from bot.wording import report_standing as about
from bot.wording import report_tables as make
from bot.wording.document import Headline, Report, Section
from bot.wording.phrases import MARK, MARK_SENTENCE
from bot.wording.summary_lines import (
    MET,
    NO_DECISION,
    POOLED,
    RUNNING,
    changed,
    checkable,
    clocks,
    data,
    enrolment,
    exposure,
    stamped,
    treated,
)
from bot.wording.text import count, plain
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
        checkable=checkable(content),
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
    """In this order: who is in the study, what happened, where rules and duties stand, how good the records are, and
    what people have to do with it."""
    yield _study(content)
    chart = make.frequent(content)
    frequent = [chart] if chart.bars else []
    yield Section("Adverse events", (make.overview(content), *frequent, make.terms(content), make.grades(content)))
    yield _listings(content)
    yield Section("Laboratory", (make.labs(content),))
    yield Section("Stopping rules", (about.rules(content), *about.boundaries(content, 3)))
    if content.clocks is not None:
        printed, sheet = (about.clocks(content, zone, sheet=whole) for whole in (False, True))
        yield Section("Reporting clocks", (f"Now: {clocks(content)}", printed, *([sheet] if sheet.only_sheet else [])))
    timeliness = (about.sources(content, zone), make.lags(content), make.gaps(content))
    yield Section("Data timeliness and gaps", (*data(content), *timeliness))
    yield Section("Open alerts and decisions", (about.alerts(content, zone), about.decisions(content, zone)))


def _study(content: SummaryContent) -> Section:
    curve = about.enrolment(content)
    return Section(
        "Enrolment, disposition and exposure",
        (
            f"{enrolment(content)} {exposure(content)}",
            *([curve] if curve else []),
            make.sites(content),
            about.months(content),
            make.status(content),
            make.exposed(content),
            make.demographics(content),
            make.deviations(content),
        ),
    )


def _listings(content: SummaryContent) -> Section:
    tables, everybody = content.tables, "of all subjects, dosed or not (first dose = day 1)"
    serious, deaths = f"Serious events {everybody}", f"Deaths {everybody}"
    every = make.listing(
        "L3 All events", "L3", f"All adverse events {everybody}", tables.listing, notes=_cut(content), only_sheet=True
    )
    return Section(
        "Listings",
        (
            make.listing("L1 Serious", "L1", serious, tables.serious, empty="No serious event is recorded."),
            make.listing("L2 Deaths", "L2", deaths, tables.deaths, empty="No death is recorded."),
            every,
            f"L3, all {tables.listed:,} adverse events, is a sheet of the workbook beside this report.",
        ),
    )


def _cut(content: SummaryContent) -> tuple[str, ...]:
    shown = len(content.tables.listing)
    return (f"Showing {shown:,} of {content.tables.listed:,}.",) if shown == MOST_LISTED < content.tables.listed else ()
