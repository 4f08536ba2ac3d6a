"""The tables of an open report in words: columns, rows and the notes that make each readable by itself."""

from __future__ import annotations

from collections.abc import Sequence

from bot.contents.summary import SummaryContent
from bot.figures.words import share
from bot.wording.document import Bar, Chart, Column, Row, Table
from bot.wording.figures import CRITERIA
from bot.wording.summary_lines import OVERVIEW, gaps_of, treated
from bot.wording.text import listed, plain, words
from rules.tabulated.words import Listed, Measure, TermRow

GRADES = ("1", "2", "3", "4", "5", "None")
SHOWN_BARS = 12
CAREFUL = "A fact that is not recorded counts as the unsafe value, as it does in every rule."
ONE_EVENT = "Several records that are states of one event are one event."


def sites(content: SummaryContent) -> Table:
    """T1 and T2."""
    rows = [Row((plain(r.site), r.subjects, r.screen_failures, r.randomised, r.treated)) for r in content.tables.sites]
    total = tuple(sum(int(row.cells[i]) for row in rows) for i in range(1, 5))
    return Table(
        "T1 Enrolment",
        "T1, T2",
        "Enrolment and screen failures by site",
        (Column("Site", width=2), *_numbers("In the records", "Screen failures", "Randomised", "Dosed")),
        (*rows, Row(("All sites", *total), "total")) if rows else (),
        (f"Planned: {content.planned_n:,} subjects, all arms together.",),
        "No subject is in the records yet.",
    )


def deviations(content: SummaryContent) -> Table:
    """T3."""
    rows = tuple(Row((plain(name), subjects, records)) for name, subjects, records in content.tables.deviations)
    return Table(
        "T3 Deviations",
        "T3",
        "Protocol deviations, as coded",
        (Column("Deviation", width=4), *_numbers("Subjects", "Records")),
        rows,
        (),
        "No deviation is recorded (domain DV).",
    )


def demographics(content: SummaryContent) -> Table:
    """T4."""
    whole, rows, last = treated(content), [], ""
    for name, category, number in content.tables.demographics:
        rows.append(Row((plain(name) if name != last else "", plain(category), number, _part(number, whole))))
        last = name
    return Table(
        "T4 Demographics",
        "T4",
        f"Demographics, dosed subjects (N = {whole:,})",
        (Column("", width=1.5), Column("", width=3), *_numbers("Subjects", "%")),
        tuple(rows),
        (),
        "Neither sex, age nor race is recorded of a dosed subject.",
    )


def status(content: SummaryContent) -> Table:
    """T5."""
    whole, tables = treated(content), content.tables
    rows = [Row((name.capitalize(), number, _part(number, whole))) for name, number in tables.disposition]
    return Table(
        "T5 Disposition",
        "T5",
        f"Where dosed subjects stand, each once (N = {whole:,})",
        (Column("", width=4), *_numbers("Subjects", "%")),
        (*rows, Row(("All dosed", whole, _part(whole, whole)), "total")) if whole else (),
        (),
        "Nobody has been dosed yet.",
    )


def exposed(content: SummaryContent) -> Table:
    """How long the dosed were treated and followed."""
    tables = content.tables
    spans = (("Followed from first dose", tables.followed), ("First to last recorded dose", tables.on_treatment))
    rows = [Row((name, s.number, s.median, s.ninth, s.least, s.most)) for name, s in spans if s.number]
    return Table(
        "T5 Exposure",
        "T5b",
        f"Exposure, days of each dosed subject (N = {treated(content):,})",
        (Column("", width=3), *_numbers("Subjects", "Median", "Nine of ten within", "Least", "Most")),
        tuple(rows),
        (
            (
                f"Person-days of follow-up, all together: {tables.person_days:,}. They end at the last evidence of "
                "assessment, withdrawal or death, never at the cut-off."
            ),
        ),
        "Nobody has been dosed yet.",
    )


def overview(content: SummaryContent) -> Table:
    """The measures, and the events of special interest."""
    whole, tables = treated(content), content.tables
    rows = [_measure(OVERVIEW[name], measure, whole) for name, measure in tables.overview.items()]
    special = [_measure(plain(words(name)).capitalize(), m, whole, "under") for name, m in tables.interest.items()]
    head = [Row(("Of special interest, treatment-emergent", "", "", "", ""), "head")] if special else []
    notes = [CAREFUL + ' "Missing facts": subjects counted only because of that.', ONE_EVENT]
    if tables.undosed.events:
        notes.append(
            f"Not in the tables of dosed subjects: {tables.undosed.events:,} events of {tables.undosed.subjects:,} "
            "subjects without a recorded first dose. Rules count them as doubtful."
        )
    return Table(
        "AE overview",
        "T6a",
        f"Adverse events, dosed subjects (N = {whole:,})",
        (Column("", width=4), *_numbers("Subjects", "%", "Events", "Missing facts")),
        (*rows, *head, *special),
        tuple(notes),
    )


def _measure(name: str, measure: Measure, whole: int, look: str = "plain") -> Row:
    cells = (name, measure.subjects, _part(measure.subjects, whole), measure.events, measure.doubtful)
    return Row(cells, "under" if look == "under" else "plain")


def terms(content: SummaryContent) -> Table:
    """T6."""
    whole = treated(content)
    return Table(
        "T6 SOC and PT",
        "T6",
        f"Adverse events by class and preferred term, dosed subjects (N = {whole:,})",
        (
            Column("System organ class, preferred term", width=4.4),
            *(Column(name, "Treatment-emergent", 1, True) for name in ("Subjects", "%", "Events")),
            *(Column(name, "Any time", 1, True) for name in ("Subjects", "Events")),
        ),
        tuple(_term(row, _counts(row, whole)) for row in content.tables.terms),
        ("In order of treatment-emergent subjects. A subject counts once in each row. " + ONE_EVENT, CAREFUL),
        "No adverse event of a dosed subject is recorded.",
    )


def _counts(row: TermRow, whole: int) -> tuple[int | str, ...]:
    new = row.emergent
    return new.subjects, _part(new.subjects, whole), new.events, row.recorded.subjects, row.recorded.events


def _term(row: TermRow, cells: Sequence[int | str]) -> Row:
    return Row((_sentence(row.term or row.soc), *cells), "under" if row.term else "head")


def _sentence(name: str) -> str:
    """A coded term as it is read: not in capitals, which no eye follows."""
    shown = plain(name)
    return shown.capitalize() if shown.isupper() else shown


def grades(content: SummaryContent) -> Table:
    """T7."""
    rows = [_term(row, (*row.by_grade[1:], row.by_grade[0], row.emergent.subjects)) for row in content.tables.terms]
    worst = f"CTCAE {plain(content.ctcae)}" if content.ctcae else "CTCAE"
    return Table(
        "T7 Grade",
        "T7",
        f"Treatment-emergent events by worst grade, dosed subjects (N = {treated(content):,})",
        (
            Column("System organ class, preferred term", width=4.4),
            *(Column(name, f"Subjects by worst grade, {worst}", 0.8, True) for name in GRADES),
            Column("Subjects", number=True),
        ),
        tuple(row for row in rows if row.cells[-1]),
        ("None: no grade is recorded for that row. Severity is not seriousness.",),
        "No treatment-emergent adverse event is recorded.",
    )


def frequent(content: SummaryContent) -> Chart:
    """The most frequent treatment-emergent terms as bars; the dark part is grade 3 or worse."""
    whole = treated(content)
    rows = sorted(
        (r for r in content.tables.terms if r.term and r.emergent.subjects), key=lambda r: -r.emergent.subjects
    )
    most = max((row.emergent.subjects for row in rows), default=1)
    bars = tuple(
        Bar(
            _sentence(row.term),
            row.emergent.subjects / most,
            f"{row.emergent.subjects:,} ({share(row.emergent.subjects / whole)})",
            sum(row.by_grade[3:]) / most,
        )
        for row in rows[:SHOWN_BARS]
    )
    said = listed((f"{_sentence(row.term)} {row.emergent.subjects}" for row in rows[:SHOWN_BARS]), SHOWN_BARS)
    more = f", showing {SHOWN_BARS} of {len(rows)} terms" if len(rows) > SHOWN_BARS else ""
    return Chart(
        "F2",
        f"Most frequent treatment-emergent terms, dosed subjects{more}",
        bars,
        f"Bars: subjects with each term. {said}." if bars else "",
        "Dark: grade 3 or worse.",
    )


def listing(sheet: str, number: str, title: str, rows: Sequence[Listed], **more: object) -> Table:
    """L1, L2 or L3."""
    return Table(
        sheet,
        number,
        title,
        (
            Column("Subject", width=1.7),
            Column("Preferred term", width=2.6),
            Column("Grade", width=0.8, number=True),
            Column("Serious", width=2),
            Column("Related", width=1.3),
            Column("Study day", width=0.9, number=True),
            Column("Outcome", width=2),
        ),
        tuple(Row(_event(item)) for item in rows),
        **more,  # type: ignore[arg-type]
    )


def _event(item: Listed) -> tuple[str | int, ...]:
    criteria = listed(CRITERIA[name] for name in item.criteria if name in CRITERIA)
    serious = f"yes: {criteria}" if criteria else item.serious
    against = " (recorded as not serious)" if item.contradiction else ""
    return (
        plain(item.usubjid),
        _sentence(item.term),
        item.grade or "–",
        serious + against,
        item.related,
        item.study_day if item.study_day is not None else "–",
        _sentence(item.outcome) or "–",
    )


def labs(content: SummaryContent) -> Table:
    """T8."""
    whole = content.tables.populations["assessed"]
    rows = tuple(
        Row(
            (
                plain(row.test),
                row.assessed,
                row.low,
                _part(row.low, row.assessed),
                row.high,
                _part(row.high, row.assessed),
            )
        )
        for row in content.tables.labs
    )
    return Table(
        "T8 Laboratory",
        "T8",
        f"Laboratory values from first dose on, assessed subjects (N = {whole:,})",
        (Column("Test", width=3), *_numbers("Assessed", "Below range", "%", "Above range", "%")),
        rows,
        ("A subject counts once however often a value was out of range, as LBNRIND says.",),
        "No laboratory value with a reference range is recorded from first dose on.",
    )


def gaps(content: SummaryContent) -> Table:
    """What adverse-event records lack."""
    records = content.tables.quality.records
    rows = tuple(Row((name.capitalize(), number, _part(number, records))) for name, number in gaps_of(content))
    return Table(
        "Data gaps",
        "D3",
        f"Adverse-event records (N = {records:,})",
        (Column("Records", width=4), *_numbers("Number", "%")),
        rows if records else (),
        (CAREFUL,),
        "No record.",
    )


def lags(content: SummaryContent) -> Table:
    """Days from onset until a record became known."""
    rows = tuple(
        Row((plain(site), days.number, days.median, days.ninth, days.most))
        for site, days in content.tables.lags.items()
    )
    whole = content.tables.entry
    total = Row(("All sites", whole.number, whole.median, whole.ninth, whole.most), "total")
    return Table(
        "Entry delay",
        "D2",
        "Days from onset until the record was known, by site",
        (Column("Site", width=3), *_numbers("Records", "Median", "Nine of ten within", "Longest")),
        (*rows, total) if len(rows) > 1 else rows,
        ("Records with an exactly known onset. Known: entered at the source where that is recorded, else read here.",),
        "No record with an exactly known onset.",
    )


def _numbers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, number=True) for name in names)


def _part(number: int, whole: int) -> str:
    return f"{100 * number / whole:.1f}" if whole else "–"
