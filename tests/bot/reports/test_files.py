"""The files of a report: stamped, the same twice, safe to open, readable by a machine and by a screen reader."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from typing import Any

import openpyxl
import pytest
from pypdf import PdfReader

from bot.access import disclose
from bot.contents.clocks import ClockRow, Stands
from bot.contents.lines import RuleLine, SourceLine
from bot.contents.summary import (
    AlertStanding,
    Answer,
    Clocks,
    DecisionTaken,
    Drawn,
    DrawnExposure,
    RuleStanding,
    Stamps,
    SummaryContent,
)
from bot.reports.files import FORMS, made
from bot.views import Mode, Setting
from bot.wording.report import report
from bot.wording.summary import summary
from rules.derive import Facts
from rules.model import Action, Audience, State, Urgency
from rules.tabulate import tabulate
from tests.rules.tables import snapshot
from tests.rules.test_pilot import pilot
from tests.rules.test_tabulate import AE, DM, DS, EX

AT = datetime(2026, 5, 18, 13, tzinfo=UTC)
EVIL = '=HYPERLINK("http://evil.example","x")'
STAMPS = Stamps(AT, AT, AT, 1204, 4711, "9f3a51c0" * 8, "c0ffee12" * 8, "0.1.0")
DRAWN = Drawn("beta_binomial", 0.2, 0.1, 0.0964, tuple(range(3, 21)), (3, 3, 4, 4, 4, *(5,) * 13),
              (True, False, True), (False, True, False))  # fmt: skip


EXPOSED = DrawnExposure("exposure_pocock", 0.3, 0.1, 20, 84.0, "maximum", (1, 2, 3), (10.0, 80.0, 1680.0), 1.5, 0.09,
                        None, {}, False, (40.0, 160.0), 200.0, 200.0)  # fmt: skip
CLOCKS = Clocks((
    ClockRow("report", "S2|4", "S2", "Sepsis", "Sponsor report", "24 h", AT, AT, Stands.OVERDUE),
    ClockRow("report", "S2|5", "S2", "Fall", "Sponsor report", "24 h", AT, AT + timedelta(days=1), Stands.RUNNING),
), reported=3, late=1)  # fmt: skip
DECISION = DecisionTaken("sae", "S2|4", 1, "hold_dosing", "U0INVESTIGATOR", AT, ("investigator",), "S2", in_force=True,
                         subjects=("S2",))  # fmt: skip


@lru_cache(maxsize=4)
def content(mode: str = "hand") -> SummaryContent:
    facts = Facts(pilot("new") if mode == "pilot" else snapshot(DM=DM, AE=AE.replace("Headache", EVIL), DS=DS, EX=EX))
    line = RuleLine("tolerability", "Related reaction, grade ≥ 2", State.NEAR, 2, 1, 3, 3)
    rule = RuleStanding(line, "boundary", "Subjects with a reaction.", Action.PAUSE_ENROLMENT, 1, 0, 1, 0, DRAWN)
    timed = RuleStanding(RuleLine("per-time", "Reactions per time", State.NEAR, 2, stop_at=3), "exposure", "Subjects.",
                         Action.NOTIFY, 1, 0, 1, 0, EXPOSED)  # fmt: skip
    single = RuleStanding(RuleLine("sae", "Serious", State.PROVISIONAL, 3), "event", "Each.", Action.NOTIFY, 1, 3,
                          provisional=1)  # fmt: skip
    answer = Answer("acknowledged", "U0INVESTIGATOR", AT, ("investigator",))
    alert = AlertStanding("tolerability", "study", 1, State.PROVISIONAL, Urgency.URGENT, AT, (answer,))
    return SummaryContent(
        STAMPS, tabulate(facts), (rule, timed, single), (alert,), (DECISION,), CLOCKS, planned_n=20,
        sources=(SourceLine("edc", AT, True),), title="A <study> & more", ctcae="5.0",
    )  # fmt: skip


def setting(**changes: Any) -> Setting:
    return Setting(**{"study_id": "STS-CALC", "timezone": "America/Chicago", "mode": Mode.PRACTICE, **changes})


def file(form: str, what: str = "hand", **changes: Any) -> bytes:
    return made(report(disclose(content(what), Audience.OPEN, setting(**changes))), form)


def text_of(pdf: bytes) -> list[str]:
    return [re.sub(r"\s+", " ", page.extract_text()) for page in PdfReader(BytesIO(pdf)).pages]


def test_every_page_says_what_it_is_and_of_when() -> None:
    """Would catch a page that, torn out, could be of another day, of another session, or of a real study."""
    pages = text_of(file("pdf", "pilot"))
    assert len(pages) > 5
    for number, page in enumerate(pages, start=1):
        assert "Open Session Report" in page
        assert "SIMULATED" in page
        assert "Data as of Mon 18 May 2026 08:00 CDT" in page
        assert "Report of Mon 18 May 2026 08:00 CDT" in page
        assert "Batch 1,204 · audit 4711:9f3a51c0 · configuration c0ffee12 · dsmbot 0.1.0" in page
        assert f"Page {number} of {len(pages)}" in page
    first = pages[0]
    assert all(stamp in first for stamp in ("1,204", "4711:9f3a51c09f3a51c0", "c0ffee12c0ff", "dsmbot 0.1.0"))


def test_a_live_report_bears_no_mark() -> None:
    assert "SIMULATED" not in " ".join(text_of(file("pdf", mode=Mode.LIVE)))


def test_figures_of_the_pilot_are_in_the_file() -> None:
    whole = " ".join(text_of(file("pdf", "pilot")))
    assert "Adverse events by class and preferred term, dosed subjects (N = 254)" in whole
    assert re.search(r"Any adverse event 225 88\.6 883 0", whole)
    assert re.search(r"Serious 23 9\.1 32 0", whole)
    assert re.search(r"Skin and subcutaneous tissue disorders 98 38\.6 182 105 194", whole)


def test_the_pdf_is_tagged_titled_and_its_pictures_are_described() -> None:
    """Would catch a report that a screen reader cannot read."""
    reader = PdfReader(BytesIO(file("pdf")))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] is not False
    assert "/StructTreeRoot" in root
    assert str(root["/Lang"]).startswith("en")
    assert "Open Session Report" in str(reader.metadata.title)  # type: ignore[union-attr]
    described = [str(o["/Alt"]) for o in _objects(reader) if "/Alt" in o]
    assert any("Stopping boundary" in alt and "2 events" in alt for alt in described)


def _objects(reader: PdfReader) -> list[Any]:
    found = [reader.get_object(number) for number in range(1, len(reader.xref_objStm) + 2000) if _there(reader, number)]
    return [item for item in found if hasattr(item, "keys")]


def _there(reader: PdfReader, number: int) -> bool:
    return number in reader.xref_objStm or any(number in known for known in reader.xref.values())


@pytest.mark.parametrize("form", FORMS)
def test_the_same_report_is_the_same_file(form: str) -> None:
    """Would catch a resend that differs: a date of today, an order of chance."""
    assert file(form) == file(form)


def test_one_sheet_a_table_with_numbers_as_numbers() -> None:
    book = openpyxl.load_workbook(BytesIO(file("xlsx", "pilot")))
    assert book.sheetnames[0] == "About"
    assert {"T1 Enrolment", "T6 SOC and PT", "T7 Grade", "L1 Serious", "L3 All events", "Rules"} <= set(book.sheetnames)
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes == "B4"
        assert "Data as of Mon 18 May 2026" in str(sheet["A2"].value)
        assert "Batch 1,204 · audit 4711:9f3a51c0 · configuration c0ffee12" in str(sheet["A2"].value)
    about = "\n".join(str(row[1]) for row in book["About"].iter_rows(values_only=True) if row[1])
    assert all(stamp in about for stamp in ("1,204", "4711:9f3a51c0", "c0ffee12"))
    assert [cell.value for cell in book["AE overview"][4]] == ["Any adverse event", 225, 88.6, 883, 0]
    assert book["L3 All events"].max_row >= 883 + 3


def test_text_of_a_record_is_never_a_formula() -> None:
    """Would catch a coded term that a spreadsheet runs or links (a cell that begins with = + - @)."""
    raw = file("xlsx")
    book = openpyxl.load_workbook(BytesIO(raw))
    cells = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    evil = [cell for cell in cells if "evil.example" in str(cell.value)]
    assert evil
    assert all(cell.data_type == "s" for cell in evil)
    assert all(cell.data_type != "f" for cell in cells)
    with zipfile.ZipFile(BytesIO(raw)) as archive:
        assert not any(b"<f>" in archive.read(name) for name in archive.namelist() if "worksheets" in name)


def test_foreign_text_is_no_markup() -> None:
    """Would catch a title or term that is read as a command of the layout, or as HTML."""
    strange = replace(content(), title="#panic() $x$ [*a*] <script> \\ _b_ @me")
    view = disclose(strange, Audience.OPEN, setting())
    assert "#panic() $x$ [*a*] <script>" in " ".join(text_of(made(report(view), "pdf")))
    assert "<script>" not in made(report(view), "md").decode()


def test_no_date_of_an_event_and_no_subject_where_the_study_hides_them() -> None:
    for form in ("pdf", "xlsx", "md"):
        shown = file(form, alias_salt="secret")
        said = " ".join(text_of(shown)) if form == "pdf" else _all_text(shown, form)
        assert "P-" in said
        assert not re.search(r"\bS2\b", said), form
        assert "2026-04" not in said


def _all_text(content: bytes, form: str) -> str:
    if form == "md":
        return content.decode()
    book = openpyxl.load_workbook(BytesIO(content))
    return " ".join(
        str(v) for s in book.worksheets for row in s.iter_rows(values_only=True) for v in row if v is not None
    )


def test_the_message_says_first_what_changed_and_is_whole_when_read_aloud() -> None:
    """Would catch news below the fold, and a lock screen or screen reader that hears less than the eye sees."""
    said = summary(disclose(content(), Audience.OPEN, setting()))
    assert said.text.startswith("SIMULATED · Weekly summary to Mon 18 May 2026 · STS-CALC. Since monitoring began")
    for part in (
        "of 20 planned",
        "Serious: ",
        "tolerability near its limit",
        "acknowledged 08:00 by investigator",
        "Data as of",
    ):
        assert part in said.text
    assert len(said.text) < 4_000
    assert "configuration c0ffee12" in said.meta[0]
    assert "record 4,711 · 9f3a51c0" in said.meta[0]
    late = replace(content(), stamps=replace(STAMPS, due_at=AT))
    assert "Late: this summary was due Mon 18 May 2026 08:00" in summary(disclose(late, Audience.OPEN, setting())).text


def test_everything_the_weekly_summary_must_hold_in_its_order() -> None:
    """Would catch a topic that is left out, and one that stands before what people need first."""
    said = summary(disclose(content(), Audience.OPEN, setting()))
    topics = ["*Since", "*Enrolment:*", "*Where they are:*", "*Adverse events:*", "Serious:", "*Stopping rules:*",
              "*Reporting clocks:* 2 open, 1 of them overdue; 3 ended by a report, 1 of these late.", "*Data:*",
              "*Open alerts:*", "*Decisions:*"]  # fmt: skip
    shown = "\n".join(said.lines)
    assert sorted(topics, key=shown.index) == topics
    pages = " ".join(text_of(file("pdf")))
    parts = ["Since monitoring began", "Enrolment, disposition and exposure", "F1 3 of 20 planned", "T5b Exposure",
             "Adverse events T6a",
             "T6 Adverse events by class", "T7 Treatment-emergent events by worst grade", "L1 Serious events",
             "R1 Stopping rules", "F3 Related reaction", "F4 Reactions per time", "C1 Reporting clocks",
             "D1 Sources of records", "D2 Days from onset", "A1 Alerts", "A2 Decisions"]  # fmt: skip
    assert sorted(parts, key=pages.index) == parts
    sheets = openpyxl.load_workbook(BytesIO(file("xlsx"))).sheetnames
    wanted = ["T1 Enrolment", "T1 By month", "T5 Exposure", "AE overview", "T6 SOC and PT", "T7 Grade", "L1 Serious",
              "Rules", "Clocks", "Sources", "Open alerts", "Decisions"]  # fmt: skip
    assert [name for name in sheets if name in wanted] == wanted


def test_what_is_said_of_rules_clocks_and_decisions() -> None:
    """Would catch a doubt told as a fact, a rule on exposure told in subjects, and a decision without who and whom."""
    shown = "\n".join(summary(disclose(content(), Audience.OPEN, setting())).lines)
    assert "• sae met by 2 events and, if missing facts are unfavourable, by 1 more" in shown
    assert "• per-time near its limit: 2 events in 200 days at risk; event 3 would be too early if it came now" in shown
    assert "• S2, Sepsis: Sponsor report: 24 h from recorded awareness, overdue since Mon 18 May 2026 08:00" in shown
    assert "• sae (subject S2, event 4): hold dosing, subject S2, 08:00 by investigator, in force" in shown
    hidden = summary(disclose(content(), Audience.OPEN, setting(alias_salt="secret"))).text
    assert not re.search(r"\bS2\b", hidden)
    none = replace(content(), clocks=None, decisions=(), sources=())
    shown = "\n".join(summary(disclose(none, Audience.OPEN, setting())).lines)
    assert "clocks" not in shown
    assert "*Decisions:* none recorded." in shown
    assert "How current the sources were then is not kept." in shown


def test_pictures_say_in_words_what_they_show() -> None:
    described = [str(o["/Alt"]) for o in _objects(PdfReader(BytesIO(file("pdf")))) if "/Alt" in o]
    enrolled = next(alt for alt in described if alt.startswith("Subjects dosed"))
    assert "by the end of month 1" in enrolled
    assert "Planned: 20." in enrolled
    assert any("So far 2 events in an exposure of 200" in alt for alt in described)


def test_more_clocks_than_paper_has_room_for_are_all_in_the_workbook() -> None:
    """Would catch a report of a thousand pages, and clocks that are cut silently."""
    rows = tuple(replace(CLOCKS.open[1], event_key=f"S2|{number}") for number in range(90))
    view = disclose(replace(content(), clocks=Clocks(rows)), Audience.OPEN, setting())
    assert "Showing 60 of 90; all are in the workbook." in " ".join(text_of(made(report(view), "pdf")))
    book = openpyxl.load_workbook(BytesIO(made(report(view), "xlsx")))
    assert book["Clocks"].max_row >= 90 + 3
    assert "(showing 5 of 90; all are in the files)" in "\n".join(summary(view).lines)
