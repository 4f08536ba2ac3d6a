"""Reading only the lines that differ ends where reading everything ends, whatever happens to the file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.database import Database, open_database
from storage.sources import sdtm_lines
from storage.sources.base import SourceState
from storage.sources.sdtm import SdtmSource
from storage.stored_records import stored_records
from tests.storage.sources.made import LATER, NOW, STUDY, ae, frame, poll, source, write


@pytest.fixture(autouse=True)
def _every_file_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdtm_lines, "SMALLEST", 0)


def large(folder: Path, **more: Any) -> SdtmSource:
    sdtm = source(folder, **more)
    sdtm._lines = sdtm_lines.LineMemory(sdtm._placed, smallest=0)
    return sdtm


ROWS = [ae(f"P-{n:03d}", seq, AEDECOD=f"Term {seq}") for n in range(10) for seq in range(1, 6)]


def text(rows: list[dict[str, str]], end: str = "\n") -> str:
    columns = list(ROWS[0])
    return end.join([",".join(columns), *(",".join(row[name] for name in columns) for row in rows), ""])


def read_rows(
    db: Database, sdtm: SdtmSource, monkeypatch: pytest.MonkeyPatch, folder: Path, content: str
) -> tuple[Any, bool]:
    """The result of a poll after the file was written, and whether the whole file was parsed."""
    write(folder, "ae.csv", content)
    parsed: list[int] = []
    whole = sdtm._read_file
    monkeypatch.setattr(sdtm, "_read_file", lambda *a: parsed.append(1) or whole(*a))
    result = poll(db, sdtm, LATER)
    return result, bool(parsed)


CHANGED = {**ROWS[7], "AESER": "Y"}


@pytest.mark.parametrize(
    ("after", "counts", "whole"),
    [
        ([*ROWS[:7], CHANGED, *ROWS[8:]], (0, 1, 0, 49), False),
        ([ae("P-999"), *ROWS], (1, 0, 0, 50), False),
        ([*ROWS, ae("P-999")], (1, 0, 0, 50), False),
        ([*ROWS[:20], *ROWS[21:]], (0, 0, 1, 49), False),
        ([ae("P-999"), *ROWS[:7], CHANGED, *ROWS[9:]], (1, 1, 1, 48), False),
        (ROWS[::-1], (0, 0, 0, 50), True),  # another order: every row number is another one
        ([*ROWS, ROWS[3]], (1, 0, 0, 50), True),  # a duplicate is numbered by content
        ([*ROWS[:5], {**ROWS[5], "USUBJID": "P-000", "AESEQ": "1"}, *ROWS[6:]], (1, 0, 1, 49), True),
        ([{**row, "AESER": "Y"} for row in ROWS], (0, 50, 0, 0), True),
        ([{**ROWS[0], "AEDECOD": '"two\nlines"'}, *ROWS[1:]], (0, 1, 0, 49), True),
        ([{**ROWS[0], "AEDECOD": '"a, b"'}, *ROWS[1:]], (0, 1, 0, 49), False),
        ([{**ROWS[0], "AEDECOD": "a,b"}, *ROWS[1:]], (0, 1, 0, 49), True),  # another width
        ([*ROWS, dict.fromkeys(ROWS[0], "")], (0, 0, 0, 50), True),  # a row of nothing
    ],
)
def test_what_is_parsed_and_what_is_found(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: list[dict[str, str]],
    counts: tuple[int, ...], whole: bool,
) -> None:  # fmt: skip
    write(tmp_path, "ae.csv", text(ROWS))
    sdtm = large(tmp_path)
    poll(database, sdtm)
    result, parsed = read_rows(database, sdtm, monkeypatch, tmp_path, text(after))
    assert tuple(result.counts[name] for name in ("new", "changed", "deleted", "unchanged")) == counts
    assert parsed is whole


def test_row_numbers_of_doubts_are_those_of_the_file(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "ae.csv", text(ROWS))
    sdtm = large(tmp_path)
    poll(database, sdtm)
    bad = {**ROWS[7], "AESTDTC": "2026-02-31"}
    result, parsed = read_rows(database, sdtm, monkeypatch, tmp_path, text([*ROWS[:7], bad, *ROWS[8:]]))
    assert not parsed
    assert [(f.file, f.row_no, f.variable) for f in result.faults] == [("ae.csv", 8, "AESTDTC")]


def test_another_header_or_a_new_process_reads_everything(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "ae.csv", text(ROWS))
    sdtm = large(tmp_path)
    poll(database, sdtm)
    result, parsed = read_rows(database, sdtm, monkeypatch, tmp_path, text(ROWS).replace("AESER", "AESCAN", 1))
    assert parsed
    assert "AESER" in result.warnings[0]
    assert read_rows(database, large(tmp_path), monkeypatch, tmp_path, text(ROWS))[1]


def test_what_was_read_but_never_stored_is_read_again(database: Database, tmp_path: Path) -> None:
    """The ingest after a poll may fail (a locked database): the memory must not swallow what that poll found."""
    write(tmp_path, "ae.csv", text(ROWS))
    sdtm = large(tmp_path)
    poll(database, sdtm)
    from storage.source_state import load_state

    with database.reading() as conn:
        state = load_state(conn, STUDY, "edc")
    write(tmp_path, "ae.csv", text([*ROWS[:7], CHANGED, *ROWS[8:]]))
    lost = sdtm.poll(state, LATER)
    assert len(lost.records["AE"].frame) == 1
    assert poll(database, sdtm, LATER).counts["changed"] == 1


def test_windows_line_ends_are_lines_too(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "ae.csv", text(ROWS, "\r\n"))
    sdtm = large(tmp_path)
    poll(database, sdtm)
    after = text([*ROWS[:7], CHANGED, *ROWS[8:]], "\r\n")
    result, parsed = read_rows(database, sdtm, monkeypatch, tmp_path, after)
    assert (result.counts["changed"], parsed) == (1, False)


def test_a_small_file_is_not_remembered(tmp_path: Path) -> None:
    write(tmp_path, "ae.csv", text(ROWS))
    sdtm = source(tmp_path)
    sdtm.poll(SourceState(), NOW)
    assert sdtm._lines._files == {}


rows = st.builds(
    lambda s, n, t, x: ae(s, n, AEDECOD=t, AETERM=x),
    st.sampled_from(["P-1", "P-2"]), st.integers(1, 4), st.sampled_from(["Rash", "Pain"]),
    st.sampled_from(["a", "b,c", 'say "no"', "x\ny"]),
)  # fmt: skip
edits = st.lists(st.tuples(st.sampled_from(["put", "drop", "swap"]), st.integers(0, 11), rows), max_size=3)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(start=st.lists(rows, min_size=6, max_size=12), history=st.lists(edits, min_size=1, max_size=4))
def test_it_ends_where_a_full_read_ends(
    fresh_url: Any, tmp_path: Path, start: list[dict[str, str]], history: list[Any]
) -> None:
    lines, full = (open_database(fresh_url(), mode="practice", study_ids=[STUDY], now=NOW) for _ in range(2))
    try:
        sdtm, table = large(tmp_path, max_shrink=1), list(start)
        for at, changes in enumerate([[], *history]):
            for kind, place, row in changes:
                place = min(place, len(table) - 1)
                if kind == "put":
                    table.insert(place, row)
                elif kind == "swap":
                    table[place] = row
                elif len(table) > 1:
                    del table[place]
            write(tmp_path, "ae.csv", frame(*table), age=60 + at)
            now = NOW + timedelta(minutes=at)
            one, other = poll(lines, sdtm, now), poll(full, source(tmp_path, max_shrink=1), now)
            names = ("new", "changed", "deleted", "unchanged")
            assert [one.counts[n] for n in names] == [other.counts[n] for n in names]
            assert _records(lines) == _records(full)
    finally:
        lines.close()
        full.close()


def _records(db: Database) -> dict[str, tuple[str, dict[str, str]]]:
    with db.reading() as conn:
        found = stored_records(conn, STUDY, "edc", "AE")
    return {key: (item.event_key, item.values) for key, item in found.items() if not item.deleted}
