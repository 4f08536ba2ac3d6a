"""Ingest on both databases: only what changed, all of it or nothing, and nothing that reveals an arm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from rules.model import Derivation
from storage import allocation, audit, proof, revisions
from storage.allocation import AllocationKey
from storage.database import Database
from storage.errors import HeadConflict
from storage.heads import read_head
from storage.revisions import ingest
from storage.schema import batch as batches
from storage.schema import fault, poll, revision
from storage.source_state import accept_once, load_state
from storage.sources.base import Batch, Extract, SourceFailure
from storage.stored_records import current_hashes, stored_records
from tests.storage.sources.made import LATER, NOW, STUDY, ae, batch, frame, put

AE_PLACE = (STUDY, "edc", "AE")


def count(db: Database, table: Any) -> int:
    with db.reading() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def stored(db: Database, domain: str = "AE", source_id: str = "edc") -> dict[str, dict[str, str]]:
    with db.reading() as conn:
        found = stored_records(conn, STUDY, source_id, domain)
    return {key: record.values for key, record in found.items() if not record.deleted}


def events(db: Database) -> dict[str, str]:
    with db.reading() as conn:
        return {key: record.event_key for key, record in stored_records(conn, *AE_PLACE).items() if not record.deleted}


def test_new_changed_deleted_and_unchanged_are_told_apart(database: Database) -> None:
    put(database, AE=frame(ae(), ae(seq=2), ae(seq=3)))
    result = put(database, now=LATER, AE=frame(ae(), ae(seq=2, AETOXGR="3"), ae(seq=4)))
    assert result.batch_no == 2
    assert {k: result.counts[k] for k in ("new", "changed", "deleted", "unchanged")} == {
        "new": 1, "changed": 1, "deleted": 1, "unchanged": 1,
    }  # fmt: skip
    assert stored(database).keys() == {"P-001|1", "P-001|2", "P-001|4"}
    assert stored(database)["P-001|2"]["AETOXGR"] == "3"


def test_an_identical_batch_writes_no_row_anywhere(database: Database) -> None:
    put(database, AE=frame(ae(), ae(AEDECOD="Rash"), ae(seq=3, AESTDTC="never")))
    before = [count(database, table) for table in (revision, batches, fault, poll)]
    with database.reading() as conn:
        head = read_head(conn, STUDY)
    again = put(database, now=LATER, AE=frame(ae(seq=3, AESTDTC="never"), ae(AEDECOD="Rash"), ae()))
    assert again.batch_no is None
    assert again.counts["flagged"] == 2
    assert [count(database, table) for table in (revision, batches, fault, poll)] == before
    with database.reading() as conn:
        assert read_head(conn, STUDY) == head


def test_a_missing_record_is_deleted_only_when_the_batch_is_complete(database: Database) -> None:
    put(database, AE=frame(ae(), ae(seq=2)))
    partial = Extract(frame(ae(seq=3)), complete=False)
    assert put(database, AE=partial).counts["deleted"] == 0
    named = Extract(frame(ae(seq=4)), complete=False, gone=("P-001|1", "P-001|77"), unread=2)
    result = put(database, AE=named)
    assert (result.counts["deleted"], result.counts["unchanged"]) == (1, 2)
    assert stored(database).keys() == {"P-001|2", "P-001|3", "P-001|4"}


def test_a_domain_that_is_not_in_the_batch_is_left_alone(database: Database) -> None:
    put(database, AE=frame(ae()), DM=frame({"USUBJID": "P-001"}))
    put(database, DM=frame({"USUBJID": "P-001", "SEX": "F"}))
    assert stored(database).keys() == {"P-001|1"}


def test_sources_do_not_see_each_other_s_records(database: Database) -> None:
    put(database, AE=frame(ae()))
    assert put(database, source_id="safety", AE=frame(ae(seq=2))).counts["deleted"] == 0
    assert stored(database).keys() == {"P-001|1"}


def test_the_digest_of_a_batch_is_vouched_for_by_the_audit_chain(database: Database) -> None:
    put(database, AE=frame(ae(ENTRYDTC="2026-02-04T10:00"), ae(seq=2)))
    put(database, now=LATER, AE=frame(ae(seq=2)))
    with database.reading() as conn:
        assert proof.verify(conn, STUDY).ok
        entries = [json.loads(text) for text in audit.export(conn, STUDY)]
    assert [e["body"]["counts"]["deleted"] for e in entries if e["kind"] == "batch_closed"] == [0, 1]


def test_faults_are_stored_for_new_and_changed_rows_by_place_never_by_value(database: Database) -> None:
    put(database, AE=frame(ae(AESTDTC="2026-02-31"), ae(seq=2)))
    put(database, now=LATER, AE=frame(ae(AESTDTC="2026-02-31"), ae(seq=2, AEREL="SO-SO")))
    result = ingest(
        database, STUDY, batch(AE=frame(ae(AESTDTC="2026-02-31"), ae(seq=2, AEREL="SO-SO", AESEV="MILD"))), now=LATER,
        derivation=Derivation(related=frozenset({"RELATED"})),
    )  # fmt: skip
    assert result.counts["flagged"] == 2
    with database.reading() as conn:
        rows = [tuple(row) for row in conn.execute(select(fault.c.row_no, fault.c.variable, fault.c.kind))]
    assert rows == [(1, "AESTDTC", "impossible_date"), (2, "AEREL", "unknown_code")]


def test_a_subject_that_dm_does_not_have_is_flagged_once_there_is_a_dm(database: Database) -> None:
    assert put(database, AE=frame(ae("P-009"))).counts["flagged"] == 0
    result = put(database, AE=frame(ae("P-009"), ae("P-009", 2)), DM=frame({"USUBJID": "P-001"}))
    assert {(f.variable, f.kind) for f in result.faults} == {("USUBJID", "unknown_subject")}
    assert put(database, AE=frame(ae("P-009"), ae("P-001", 3))).counts["flagged"] == 1


def test_a_column_that_vanishes_is_one_warning_and_keeps_what_was_known(database: Database) -> None:
    rows = [ae(seq=i, AEREL="RELATED", AESPID=f"E{i}") for i in range(1, 40)]
    put(database, AE=frame(*rows))
    short = frame(*rows, ae(seq=99)).drop(columns=["AEREL", "AESPID"])
    short.loc[0, "AESER"] = "Y"
    result = put(database, now=LATER, AE=short)
    assert {k: result.counts[k] for k in ("new", "changed", "deleted", "unchanged")} == {
        "new": 1, "changed": 1, "deleted": 0, "unchanged": 38,
    }  # fmt: skip
    assert len(result.warnings) == 1
    assert "AEREL, AESPID is no longer in the source" in result.warnings[0]
    assert stored(database)["P-001|1"]["AEREL"] == "RELATED"
    assert events(database)["P-001|1"] == "P-001|E1"
    partial = Extract(short.iloc[[1]].assign(AESER="Y"), complete=False)
    put(database, AE=partial)
    assert stored(database)["P-001|2"] == {**stored(database)["P-001|2"], "AEREL": "RELATED", "AESER": "Y"}
    back = put(database, AE=frame(*rows))
    assert back.warnings == ()


def test_an_event_deleted_and_entered_again_keeps_its_name_for_good(database: Database) -> None:
    put(database, AE=frame(ae(seq=1), ae(seq=2, AEDECOD="Rash")))
    put(database, AE=frame(ae(seq=7), ae(seq=2, AEDECOD="Rash")))
    assert events(database) == {"P-001|7": "P-001|1", "P-001|2": "P-001|2"}
    put(database, AE=frame(ae(seq=7, AETOXGR="3", AESTDTC="2026-02-04"), ae(seq=2, AEDECOD="Rash")))
    assert events(database)["P-001|7"] == "P-001|1"
    put(database, AE=frame(ae(seq=1, AEDECOD="Pain"), ae(seq=7, AETOXGR="3"), ae(seq=2, AEDECOD="Rash")))
    assert len(set(events(database).values())) == 3


def test_rows_that_seem_renumbered_are_warned_about(database: Database) -> None:
    rows = [ae(seq=i, AEDECOD=f"Term {i}") for i in range(1, 6)]
    put(database, AE=frame(*rows))
    moved = [{**row, "AESEQ": str(i)} for i, row in enumerate(rows[1:], start=1)]
    result = put(database, AE=frame(*moved))
    assert "renumber" in result.warnings[0]
    assert sorted(events(database).values()) == [f"P-001|{i}" for i in range(2, 6)]


def test_a_large_batch_is_written_in_short_transactions_and_seen_as_a_whole(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revisions, "ROWS_AT_ONCE", 10)
    seen: list[int] = []
    writing = database.writing

    @contextmanager
    def watched(study_id: str | None = None) -> Iterator[Any]:
        with database.reading() as conn:
            seen.append(len(current_hashes(conn, *AE_PLACE)))
        with writing(study_id) as conn:
            yield conn

    monkeypatch.setattr(database, "writing", watched)
    put(database, AE=frame(*(ae(seq=i) for i in range(25))))
    assert seen == [0, 0, 0]
    assert len(stored(database)) == 25
    with database.reading() as conn:
        assert proof.verify(conn, STUDY).ok


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_batch_that_died_half_way_is_invisible_and_is_written_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    put(database, AE=frame(ae(seq=100)))
    monkeypatch.setattr(revisions, "ROWS_AT_ONCE", 10)
    steps = iter(range(1, 99))

    class Died(Exception):
        pass

    write = revisions._insert_revisions

    def dying(*arguments: Any) -> None:
        write(*arguments)
        if next(steps) == dies_at:
            raise Died

    monkeypatch.setattr(revisions, "_insert_revisions", dying)
    rows = frame(*(ae(seq=i) for i in range(25)))
    with pytest.raises(Died):
        put(database, now=LATER, AE=rows)
    assert stored(database).keys() == {"P-001|100"}
    result = put(database, now=LATER, AE=rows)
    assert (result.batch_no, result.counts["new"], result.counts["deleted"]) == (2, 25, 1)
    assert len(stored(database)) == 25


def test_two_ingests_of_one_source_at_a_time_cannot_both_be_closed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = revisions._plan

    def overtaken(*arguments: Any) -> Any:
        made = plan(*arguments)
        monkeypatch.setattr(revisions, "_plan", plan)
        return made, put(database, AE=frame(ae(seq=2)))

    monkeypatch.setattr(revisions, "_plan", lambda *a: overtaken(*a)[0])
    with pytest.raises(HeadConflict, match="Another ingest"):
        put(database, AE=frame(ae(seq=1)))
    assert stored(database).keys() == {"P-001|2"}


def test_a_failure_of_the_source_writes_nothing(database: Database) -> None:
    with pytest.raises(SourceFailure, match="AE has no column AESTDTC"):
        put(database, AE=frame(ae()).drop(columns="AESTDTC"))
    assert count(database, revision) == 0
    with database.reading() as conn:
        assert load_state(conn, STUDY, "edc").record_keys == {}


def test_an_entry_time_is_kept_with_its_revision_and_is_never_in_the_future(database: Database) -> None:
    put(
        database,
        AE=frame(
            ae(seq=1, ENTRYDTC="2026-02-04T10:00-06:00"), ae(seq=2, ENTRYDTC="2026-02-04"),
            ae(seq=3, ENTRYDTC="2031-01-01"), ae(seq=4, ENTRYDTC="2026-02"), ae(seq=5),
        ),
    )  # fmt: skip
    with database.reading() as conn:
        rows = conn.execute(select(revision.c.record_key, revision.c.entered_at))
        times = {row.record_key: row.entered_at for row in rows}
    assert [times[f"P-001|{i}"] for i in range(1, 6)] == [
        datetime(2026, 2, 4, 16, tzinfo=UTC), datetime(2026, 2, 4, 23, 59, 59, tzinfo=UTC), NOW, None, None,
    ]  # fmt: skip


def test_an_acceptance_is_audited_with_its_reason(database: Database) -> None:
    accept_once(database, STUDY, "edc", reason="site closed", by="operator:Ann", now=NOW)
    with database.reading() as conn:
        last = json.loads(list(audit.export(conn, STUDY))[-1])
    assert (last["kind"], last["actor"]) == ("source_smaller_accepted", "operator:Ann")
    assert last["body"]["reason"] == "site closed"
    with pytest.raises(ValueError, match="reason"):
        accept_once(database, STUDY, "edc", reason=" ", by="operator:Ann", now=NOW)


ARMED = frame({"USUBJID": "P-001", "ARM": "ZETA-CREAM"}, {"USUBJID": "P-002", "ARM": "OMEGA-CREAM"})
SWAPPED = frame({"USUBJID": "P-001", "ARM": "OMEGA-CREAM"}, {"USUBJID": "P-002", "ARM": "ZETA-CREAM"})
KEY = AllocationKey(bytes(range(32)))


def armed(db: Database, rows: Any, key: AllocationKey | None, now: datetime = NOW, **more: Any) -> Any:
    return ingest(db, STUDY, batch(DM=rows, **more), now=now, allocation_key=key)


def test_without_a_key_arms_are_counted_and_nowhere_in_the_database(database: Database) -> None:
    result = armed(database, ARMED, None)
    assert result.counts["arm_revealing_dropped"] == 2
    with database.reading() as conn:
        text = str([tuple(row) for table in (revision, batches, fault, poll) for row in conn.execute(select(table))])
        text += "".join(audit.export(conn, STUDY))
    assert "CREAM" not in text
    assert count(database, allocation.allocation) == 0


def test_with_the_key_they_are_read_again_and_never_in_clear(database: Database) -> None:
    assert armed(database, ARMED, KEY).counts["arm_revealing_dropped"] == 0
    with database.reading() as conn:
        read = allocation.read(conn, STUDY, KEY)
        clear = b"".join(conn.execute(select(allocation.allocation.c.ciphertext)).scalars())
    assert read == {"DM": {"P-001": {"ARM": "ZETA-CREAM"}, "P-002": {"ARM": "OMEGA-CREAM"}}}
    assert b"CREAM" not in clear


def test_a_corrected_allocation_alone_closes_no_batch_and_comes_with_the_next(database: Database) -> None:
    armed(database, ARMED, KEY)
    fingerprint = {"seen": 1}
    swap = Batch("edc", {"DM": Extract(SWAPPED)}, complete=True, watermark=LATER, fingerprint=fingerprint)
    assert ingest(database, STUDY, swap, now=LATER, allocation_key=KEY).batch_no is None
    with database.reading() as conn:
        assert load_state(conn, STUDY, "edc").fingerprint == {}  # so that the file is read again
    assert armed(database, SWAPPED, KEY, LATER, AE=frame(ae())).batch_no == 2
    with database.reading() as conn:
        assert allocation.read(conn, STUDY, KEY)["DM"]["P-001"] == {"ARM": "OMEGA-CREAM"}
        assert allocation.read(conn, STUDY, KEY, batch_no=1)["DM"]["P-001"] == {"ARM": "ZETA-CREAM"}


def test_open_history_is_the_same_with_arms_swapped_or_absent(fresh_url: Any) -> None:
    """Invariant 2: the chain whose head is printed in open notes may not depend on the allocation."""
    from storage.database import open_database

    heads = []
    for rows, key in ((ARMED, KEY), (SWAPPED, KEY), (ARMED.drop(columns="ARM"), None), (ARMED, None)):
        db = open_database(fresh_url(), mode="practice", study_ids=[STUDY], now=NOW)
        armed(db, rows, key, AE=frame(ae()))
        armed(db, SWAPPED if rows is ARMED else ARMED, key, LATER)
        armed(db, rows, key, LATER, AE=frame(ae(), ae(seq=2)))
        with db.reading() as conn:
            head = read_head(conn, STUDY)
        heads.append((head.anchor, head.batch_no))
        db.close()
    assert len(set(heads)) == 1


row_values = st.fixed_dictionaries(
    {
        "AESEQ": st.sampled_from("12345"),
        "AEDECOD": st.sampled_from(["Rash", "Pain", ""]),
        "AESER": st.sampled_from("YN"),
    }
)
tables = st.lists(row_values, max_size=6)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(history=st.lists(tables, min_size=1, max_size=4), order=st.randoms(use_true_random=False))
def test_what_is_stored_is_the_last_table_whatever_came_before_and_in_whatever_order(
    fresh_url: Any, history: list[list[dict[str, str]]], order: Any
) -> None:
    from storage.database import open_database

    db = open_database(fresh_url(), mode="practice", study_ids=[STUDY], now=NOW)
    try:
        for at, rows in enumerate(history):
            shuffled = order.sample(rows, len(rows))
            full = frame(*(ae(**row) for row in shuffled), ae(seq=9))  # type: ignore[arg-type]
            put(db, now=NOW + timedelta(minutes=at), AE=full)
            assert put(db, now=NOW + timedelta(minutes=at), AE=full.iloc[::-1]).batch_no is None
        found = sorted(json.dumps(values, sort_keys=True) for values in stored(db).values())
        expected = [{k: v for k, v in {**ae(seq=9), **row}.items() if v} for row in [*history[-1], {}]]
        assert found == sorted(json.dumps(values, sort_keys=True) for values in expected)
        with db.reading() as conn:
            assert proof.verify(conn, STUDY).ok
    finally:
        db.close()
