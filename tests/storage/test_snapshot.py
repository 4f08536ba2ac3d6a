"""Frames as known at a batch: the cache is never the truth, time is cut where it should be, columns are as promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.model import Derivation, Snapshot, StudyPlan
from rules.sdtm import SERVICE_COLUMNS
from storage.database import Database
from storage.frames import DomainTable, RevisionRow
from storage.snapshot import SnapshotBuilder
from storage.sources.base import Extract
from tests.storage.sources.made import LATER, NOW, STUDY, ae, frame, put

PLAN = StudyPlan(STUDY, "America/Chicago", 20, 84, 28)


def build(builder: SnapshotBuilder, cutoff: datetime = NOW, **at: Any) -> Snapshot:
    return builder.build(PLAN, Derivation(), data_cutoff=cutoff, **at)


def test_a_study_without_a_batch_has_no_frames(database: Database) -> None:
    snapshot = build(SnapshotBuilder(database, STUDY))
    assert (dict(snapshot.frames), snapshot.batch_no) == ({}, 0)


def test_frames_have_what_the_contract_promises(database: Database) -> None:
    put(database, AE=frame(ae(seq=2, ENTRYDTC="2026-02-04T10:00"), ae(seq=1, AETOXGR="2")))
    found = build(SnapshotBuilder(database, STUDY)).frames["AE"]
    assert tuple(found.columns[:5]) == SERVICE_COLUMNS
    assert found["record_key"].tolist() == ["P-001|1", "P-001|2"]
    assert found["AETOXGR"].tolist() == ["2", ""]
    assert found["batch_no"].dtype == "int64"
    assert str(found["known_at"].dtype) == "datetime64[us, UTC]"
    assert found["known_at"].tolist() == [NOW, datetime(2026, 2, 4, 10, tzinfo=UTC)]
    assert all(str(found[name].dtype) == "str" and not found[name].isna().any() for name in found.columns[5:])


def test_a_column_is_there_from_the_batch_that_brought_it_even_when_it_is_empty(database: Database) -> None:
    put(database, AE=frame(ae()))
    put(database, now=LATER, AE=frame(ae(AEREL="")))
    builder = SnapshotBuilder(database, STUDY)
    assert "AEREL" not in build(builder, batch_no=1).frames["AE"]
    assert build(builder).frames["AE"]["AEREL"].tolist() == [""]


def test_an_empty_domain_is_known_to_be_empty_and_an_absent_one_is_absent(database: Database) -> None:
    put(database, DM=frame({"USUBJID": "P-001"}), AE=frame(ae())[:0])
    frames = build(SnapshotBuilder(database, STUDY)).frames
    assert set(frames) == {"DM", "AE"}
    assert len(frames["AE"]) == 0
    assert "AESER" in frames["AE"]


def test_a_moment_is_named_by_batch_or_by_time(database: Database) -> None:
    put(database, AE=frame(ae()))
    put(database, now=LATER, AE=frame(ae(AETOXGR="3"), ae(seq=2)))
    builder = SnapshotBuilder(database, STUDY)
    moments: list[tuple[dict[str, Any], int]] = [
        ({}, 2), ({"batch_no": 1}, 1), ({"as_of": NOW}, 1), ({"as_of": LATER}, 2), ({"batch_no": 0}, 0),
    ]  # fmt: skip
    for at, batch_no in moments:
        snapshot = build(builder, **at)
        assert snapshot.batch_no == batch_no
        assert len(snapshot.frames.get("AE", ())) == batch_no
    assert build(builder, batch_no=1).known_at == NOW
    assert build(builder, as_of=NOW - timedelta(days=1)).batch_no == 0


def test_a_frame_that_a_reader_spoils_is_not_the_next_reader_s(database: Database) -> None:
    put(database, AE=frame(ae()))
    builder = SnapshotBuilder(database, STUDY)
    frames = build(builder).frames
    frames["AE"].loc[0, "AESER"] = "?"
    del frames["AE"]["AEDECOD"]
    assert build(builder).frames["AE"][["AEDECOD", "AESER"]].iloc[0].tolist() == ["Headache", "N"]


def test_records_of_two_sources_with_one_key_are_told_apart(database: Database) -> None:
    put(database, AE=frame(ae(), ae(seq=2)))
    put(database, source_id="safety", AE=frame(ae(AEDECOD="Rash"), ae(seq=3)))
    found = build(SnapshotBuilder(database, STUDY)).frames["AE"]
    assert found["record_key"].tolist() == ["P-001|1", "P-001|1@safety", "P-001|2", "P-001|3"]
    assert found["event_key"].tolist() == found["record_key"].tolist()
    assert found["AEDECOD"].tolist()[:2] == ["Headache", "Rash"]


@pytest.mark.parametrize(
    ("domain", "row", "stays"),
    [
        ("SV", {"SVSTDTC": "2026-05-15"}, False),
        ("SV", {"SVSTDTC": "2026-05-14"}, True),
        ("SV", {"SVSTDTC": "2026-06"}, False),
        ("SV", {"SVSTDTC": "2026-05"}, True),
        ("SV", {"SVSTDTC": "2026"}, True),
        ("SV", {"SVSTDTC": "2026---30"}, True),
        ("SV", {"SVSTDTC": "unknown"}, True),
        ("SV", {"SVSTDTC": ""}, True),
        ("AE", {"AESTDTC": "2026-06-01", "AEDECOD": "Rash"}, True),
        ("DM", {"RFXSTDTC": "2026-06-01"}, True),
        ("DS", {"DSDECOD": "DEATH", "DSSTDTC": "2062-05-14"}, True),  # entered before the cut-off: mistyped, not undone
        ("EX", {"EXSTDTC": "2026-06-01"}, True),
        ("LB", {"LBTESTCD": "K", "LBDTC": "2026-05-15T08:00"}, False),
    ],
)
def test_clinical_time_is_cut_at_the_cut_off(database: Database, domain: str, row: dict[str, str], stays: bool) -> None:
    put(database, **{domain: frame({"USUBJID": "P-001", **row})})
    found = build(SnapshotBuilder(database, STUDY)).frames[domain]
    assert len(found) == stays


def test_what_happened_and_was_entered_after_the_cut_off_is_cut(database: Database) -> None:
    put(database, EX=frame({"USUBJID": "P-001", "EXSTDTC": "2026-05-14"}))
    builder = SnapshotBuilder(database, STUDY)
    assert len(build(builder, NOW - timedelta(days=3)).frames["EX"]) == 0
    assert len(build(builder).frames["EX"]) == 1


def test_the_last_day_is_that_of_the_site_or_of_utc_whichever_is_later(database: Database) -> None:
    put(database, SV=frame({"USUBJID": "P-001", "SVSTDTC": "2026-05-15"}))
    builder = SnapshotBuilder(database, STUDY)
    midnight = datetime(2026, 5, 15, 0, 30, tzinfo=UTC)
    assert len(build(builder, midnight).frames["SV"]) == 1
    far_east = StudyPlan(STUDY, "Pacific/Auckland", 20, 84, 28)
    eve = datetime(2026, 5, 14, 13, 0, tzinfo=UTC)
    assert len(builder.build(far_east, Derivation(), data_cutoff=eve).frames["SV"]) == 1
    assert len(build(builder, eve).frames["SV"]) == 0


change = st.tuples(st.sampled_from("123456"), st.sampled_from(["Rash", "Pain", ""]), st.sampled_from(["", "1", "3"]))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    history=st.lists(
        st.tuples(st.sampled_from(["edc", "lab"]), st.lists(change, max_size=5), st.booleans()), min_size=1, max_size=6
    ),
    looks=st.sets(st.integers(0, 5)),
)
def test_frames_that_were_kept_equal_frames_that_are_rebuilt(
    fresh_url: Any, history: list[tuple[str, list[tuple[str, str, str]], bool]], looks: set[int]
) -> None:
    from storage.database import open_database

    db = open_database(fresh_url(), mode="practice", study_ids=[STUDY], now=NOW)
    try:
        kept = SnapshotBuilder(db, STUDY)
        for at, (source_id, rows, complete) in enumerate(history):
            now = NOW + timedelta(minutes=at)
            table = frame(*(ae(seq=s, AEDECOD=t, AETOXGR=g) for s, t, g in rows), ae(seq=9, AETOXGR="1"))
            put(db, source_id=source_id, now=now, AE=Extract(table, complete=complete))
            if at in looks:
                _same(build(kept), build(SnapshotBuilder(db, STUDY)))
        for batch_no in range(build(kept).batch_no + 1):
            _same(build(kept, batch_no=batch_no), build(SnapshotBuilder(db, STUDY), batch_no=batch_no))
        _same(build(kept), build(SnapshotBuilder(db, STUDY)))
    finally:
        db.close()


def _same(one: Snapshot, other: Snapshot) -> None:
    assert (one.batch_no, one.known_at, set(one.frames)) == (other.batch_no, other.known_at, set(other.frames))
    for domain, found in one.frames.items():
        pd.testing.assert_frame_equal(found, other.frames[domain])
        assert found["record_key"].is_unique
        assert found["record_key"].is_monotonic_increasing


def _rows(numbers: range | list[int], batch_no: int, grade: str) -> list[RevisionRow]:
    return [
        RevisionRow("edc", f"P|{n:06d}", f"P|{n:06d}", False, batch_no, NOW, f'{{"AETOXGR":"{grade}","USUBJID":"P"}}')
        for n in numbers
    ]


def test_a_table_stays_whole_and_in_few_pieces_over_hundreds_of_batches() -> None:
    table = DomainTable.empty("AE").applied(_rows(range(2000), 1, "1"))
    places = [(batch_no * 37) % 1999 for batch_no in range(2, 302)]
    for batch_no, at in enumerate(places, start=2):
        table = table.applied(_rows([at, at + 1], batch_no, "2"))
    assert table.table.column(0).num_chunks <= 64
    found = table.frame(["AETOXGR"])
    assert len(found) == 2000
    assert found["record_key"].tolist() == [f"P|{n:06d}" for n in range(2000)]
    assert (found["AETOXGR"] == "2").sum() == len({n for at in places for n in (at, at + 1)})


def test_what_is_no_longer_current_is_remembered_with_the_batch_that_ended_it(database: Database) -> None:
    """However the frames came about: built at once, batch by batch, or up to an earlier batch."""
    builder = SnapshotBuilder(database, STUDY)
    states = [[ae(seq=1, AESER="N"), ae(seq=2)], [ae(seq=1, AESER="Y"), ae(seq=2)], [ae(seq=1, AESER="Y")]]
    kept = []
    for rows in states:
        put(database, AE=frame(*rows))
        kept.append(build(builder))
    for step in (kept[-1], build(SnapshotBuilder(database, STUDY))):
        told = step.earlier["AE"].sort_values("record_key")
        assert told[["record_key", "AESER", "batch_no", "until"]].to_numpy().tolist() == [
            ["P-001|1", "N", 1, 2], ["P-001|2", states[0][1].get("AESER", ""), 1, 3],
        ]  # fmt: skip
    assert kept[0].earlier == {}
    assert sorted(step for step in kept[-1].read_at) == [1, 2, 3]
    assert build(SnapshotBuilder(database, STUDY), batch_no=1).earlier == {}
