"""A folder as a source: all of it or a failure; unchanged files are not read; nothing is deleted by accident."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rules.sdtm import FaultKind
from storage.database import Database
from storage.source_state import accept_once, load_state, recent_warnings, record_failure
from storage.sources.base import SourceFailure, SourceState
from storage.sources.sdtm import SdtmSettings
from storage.stored_records import stored_records
from tests.storage.sources.made import LATER, NOW, STUDY, ae, frame, poll, source, write

DM = frame({"USUBJID": "P-001"}, {"USUBJID": "P-002"})


def test_an_unchanged_folder_is_not_read_and_writes_nothing(database: Database, tmp_path: Path) -> None:
    write(tmp_path, "ae.csv", frame(ae()))
    sdtm = source(tmp_path)
    assert poll(database, sdtm).batch_no == 1
    with database.reading() as conn:
        state = load_state(conn, STUDY, "edc")
    (tmp_path / "ae.csv").chmod(0o644)
    write(tmp_path, "ae.csv", (tmp_path / "ae.csv").read_bytes())  # touched: another ctime, the same content
    again = poll(database, sdtm, LATER)
    assert again.batch_no is None
    assert again.counts["unchanged"] == 1
    with database.reading() as conn:
        third = sdtm.poll(load_state(conn, STUDY, "edc"), LATER)
    assert third.unchanged
    assert third.records == {}
    assert state.fingerprint["files"] != third.fingerprint["files"]


def test_only_the_domain_whose_file_changed_is_read(database: Database, tmp_path: Path) -> None:
    write(tmp_path, "ae.csv", frame(ae()))
    write(tmp_path, "dm.csv", DM)
    sdtm = source(tmp_path)
    poll(database, sdtm)
    write(tmp_path, "ae.csv", frame(ae(), ae(seq=2)))
    result = poll(database, sdtm, LATER)
    assert dict(result.domains) == {"AE": {"new": 1, "changed": 0, "deleted": 0, "unchanged": 1}}


def test_once_a_day_everything_is_read_again_although_it_looks_unchanged(database: Database, tmp_path: Path) -> None:
    write(tmp_path, "ae.csv", frame(ae()))
    sdtm = source(tmp_path)
    poll(database, sdtm)
    with database.reading() as conn:
        state = load_state(conn, STUDY, "edc")
    assert sdtm.poll(state, NOW + timedelta(hours=23)).unchanged
    assert not sdtm.poll(state, NOW + timedelta(hours=24)).unchanged


def test_a_changed_mapping_is_a_reason_to_read_again(database: Database, tmp_path: Path) -> None:
    write(tmp_path, "ae.csv", frame(ae(AEREL="R", PT="Nausea")))
    poll(database, source(tmp_path))
    result = poll(database, source(tmp_path, codes={"AE": {"AEREL": {"r": "RELATED"}}}), LATER)
    assert result.counts["changed"] == 1


def test_columns_and_codes_are_mapped_to_ours(tmp_path: Path) -> None:
    row = {"SUBJ": "P-1", "PT": "Nausea", "ON": "2026-01-01", "AWARE": "2026-01-02", "REL": "2"}
    write(tmp_path, "ae.csv", frame(row))
    columns = {"ae": {"USUBJID": "subj", "AEDECOD": "PT", "aestdtc": "ON", "awareness_dtc": "AWARE", "AEREL": "REL"}}
    batch = source(tmp_path, columns=columns, codes={"AE": {"AEREL": {"2": "RELATED"}}}).poll(SourceState(), NOW)
    row = batch.records["AE"].frame.iloc[0]
    assert (row.USUBJID, row.AEDECOD, row.AESTDTC, row.AWAREDTC, row.AEREL) == (
        "P-1", "Nausea", "2026-01-01", "2026-01-02", "RELATED",
    )  # fmt: skip


def test_a_mapped_column_goes_before_one_that_is_named_like_ours(tmp_path: Path) -> None:
    write(tmp_path, "ae.csv", frame(ae(AEDECOD="verbatim", PT="Nausea")))
    batch = source(tmp_path, columns={"AE": {"AEDECOD": "PT"}}).poll(SourceState(), NOW)
    assert batch.records["AE"].frame["AEDECOD"].tolist() == ["Nausea"]


@pytest.mark.parametrize(
    ("content", "settings", "said", "fix"),
    [
        (frame({"USUBJID": "1", "AEDECOD": "x"}), {}, "no column AESTDTC", "columns: {AE: {AESTDTC: …}}"),
        (frame(ae()), {"columns": {"AE": {"AEREL": "CAUSE"}}}, "no column CAUSE", "columns: {AE: {AEREL: …}}"),
        (frame(ae(DOMAIN="CM")), {}, "names another domain", "Name the file"),
    ],
)
def test_a_failure_names_file_column_and_key(
    tmp_path: Path, content: pd.DataFrame, settings: dict[str, object], said: str, fix: str
) -> None:
    write(tmp_path, "ae.csv", content)
    with pytest.raises(SourceFailure, match=said) as failure:
        source(tmp_path, **settings).poll(SourceState(), NOW)
    assert "ae.csv" in failure.value.reason
    assert fix in failure.value.fix


@pytest.mark.parametrize(
    ("before", "after", "refused"), [(100, 69, True), (100, 70, False), (21, 14, True), (20, 1, False), (3, 0, True)]
)
def test_a_domain_that_shrinks_too_much_is_refused_and_nothing_is_deleted(
    database: Database, tmp_path: Path, before: int, after: int, refused: bool
) -> None:
    rows = [ae(seq=i) for i in range(before)]
    write(tmp_path, "ae.csv", frame(*rows))
    sdtm = source(tmp_path)
    poll(database, sdtm)
    write(tmp_path, "ae.csv", frame(*rows)[:after])
    if refused:
        with pytest.raises(SourceFailure, match=f"shrunk from {before} rows to {after}"):
            poll(database, sdtm, LATER)
    else:
        assert poll(database, sdtm, LATER).counts["deleted"] == before - after


def test_a_smaller_file_is_admitted_once_by_a_named_person(database: Database, tmp_path: Path) -> None:
    rows = [ae(seq=i) for i in range(100)]
    write(tmp_path, "ae.csv", frame(*rows))
    sdtm = source(tmp_path)
    poll(database, sdtm)
    accept_once(database, STUDY, "edc", reason="site 3 withdrew", by="operator:Ann", now=NOW)
    write(tmp_path, "ae.csv", frame(*rows[:50]))
    assert poll(database, sdtm, LATER).counts["deleted"] == 50
    write(tmp_path, "ae.csv", frame(*rows[:10]))
    with pytest.raises(SourceFailure, match="shrunk from 50"):
        poll(database, sdtm, LATER + timedelta(minutes=5))


def test_an_acceptance_waits_until_it_is_needed(database: Database, tmp_path: Path) -> None:
    write(tmp_path, "ae.csv", frame(*(ae(seq=i) for i in range(100))))
    sdtm = source(tmp_path)
    poll(database, sdtm)
    accept_once(database, STUDY, "edc", reason="expected tomorrow", by="operator:Ann", now=NOW)
    write(tmp_path, "ae.csv", frame(*(ae(seq=i) for i in range(101))))
    poll(database, sdtm, LATER)
    with database.reading() as conn:
        assert load_state(conn, STUDY, "edc").accept_once is not None


def test_a_file_that_vanished_is_a_failure_until_its_loss_is_accepted(database: Database, tmp_path: Path) -> None:
    write(tmp_path, "ae.csv", frame(ae(), ae(seq=2)))
    write(tmp_path, "dm.csv", DM)
    sdtm = source(tmp_path)
    poll(database, sdtm)
    (tmp_path / "ae.csv").unlink()
    with pytest.raises(SourceFailure, match="AE has shrunk from 2 rows to 0"):
        poll(database, sdtm, LATER)
    accept_once(database, STUDY, "edc", reason="moved to another system", by="operator:Ann", now=LATER)
    assert poll(database, sdtm, LATER).counts["deleted"] == 2
    assert poll(database, sdtm, LATER).batch_no is None


def test_a_failure_is_remembered_with_its_beginning_and_ends_with_the_next_good_poll(
    database: Database, tmp_path: Path
) -> None:
    sdtm = source(tmp_path)
    for at in (NOW, LATER):
        with pytest.raises(SourceFailure) as failure:
            poll(database, sdtm, at)
        record_failure(database, STUDY, "edc", failure.value, started_at=at, now=at)
    with database.reading() as conn:
        state = load_state(conn, STUDY, "edc")
    assert state.failing_since == NOW
    assert state.last_complete_at is None
    assert "no file named for a domain" in state.reason
    write(tmp_path, "ae.csv", frame(ae()))
    poll(database, sdtm, LATER)
    with database.reading() as conn:
        state = load_state(conn, STUDY, "edc")
    assert (state.failing_since, state.reason, state.last_complete_at) == (None, "", LATER)


def test_parts_of_a_domain_are_read_as_one_and_rows_are_placed_by_file(database: Database, tmp_path: Path) -> None:
    row = {"DOMAIN": "LB", "USUBJID": "P-1", "LBTESTCD": "K", "LBDTC": "2026-13-45"}
    write(tmp_path, "lbch.csv", frame({**row, "LBSEQ": "1"}))
    write(tmp_path, "lbhe.csv", frame({**row, "LBSEQ": "2", "LBNRIND": "HIGH"}))
    result = poll(database, source(tmp_path))
    assert result.counts["new"] == 2
    assert [(f.file, f.row_no, f.variable) for f in result.faults] == [
        ("lbch.csv", 1, "LBDTC"), ("lbhe.csv", 1, "LBDTC"),
    ]  # fmt: skip


def test_a_row_of_another_width_is_kept_and_flagged(database: Database, tmp_path: Path) -> None:
    write(tmp_path, "ae.csv", "USUBJID,AESEQ,AEDECOD,AESTDTC\nP-1,1,Rash\nP-1,2,Rash,2026-01-01\n")
    result = poll(database, source(tmp_path))
    assert result.counts["new"] == 2
    assert [(f.row_no, f.kind) for f in result.faults] == [(1, "wrong_field_count")]


@pytest.mark.parametrize("ending", ["csv", "parquet", "xpt"])
def test_rows_of_nothing_are_no_records_and_are_said_once(database: Database, tmp_path: Path, ending: str) -> None:
    nothing = dict.fromkeys(ae(), "")
    write(tmp_path, f"ae.{ending}", frame(nothing, ae(), {**nothing, "USUBJID": "  "}, ae(seq=2, AESER="?"), nothing))
    sdtm = source(tmp_path)
    first = poll(database, sdtm)
    write(tmp_path, f"ae.{ending}", frame(nothing, ae(), nothing, ae(seq=2, AESER="?"), nothing, nothing, ae(seq=3)))
    second = poll(database, sdtm, LATER)
    assert (first.counts["new"], second.counts["new"], second.counts["unchanged"]) == (2, 1, 2)
    assert [(fault.row_no, fault.variable) for fault in first.faults] == [(4, "AESER")], "the row as it is in the file"
    with database.reading() as conn:
        ((_, said),) = recent_warnings(conn, STUDY)
    assert said == (
        f"ae.{ending} has rows that are empty in every column. They are no records, and are passed over; have the "
        "export end with its last record."
    )


def test_parquet_may_lack_a_value_anywhere_and_hold_text_as_bytes_or_lists(database: Database, tmp_path: Path) -> None:
    """Would catch: "b'P-001'" as a subject, or one missing site or domain that stops the source."""
    columns = {
        "DOMAIN": pa.array(["AE", None]), "USUBJID": pa.array([b"007-P1", b"007-P2"]), "SITEID": pa.array([None, "7"]),
        "AESEQ": pa.array([1, 2]), "AEDECOD": pa.array(["Nausea", None]), "AESTDTC": pa.array(["2026-02-03", None]),
        "AEACN": pa.array([["DRUG", "WITHDRAWN"], None]), "AEOUT": pa.array([{"code": "FATAL"}, None]),
    }  # fmt: skip
    file = BytesIO()
    pq.write_table(pa.table(columns), file)
    write(tmp_path, "ae.parquet", file.getvalue())
    result = poll(database, source(tmp_path))
    assert result.counts["new"] == 2
    with database.reading() as conn:
        found = stored_records(conn, STUDY, "edc", "AE", ["007-P1|1", "007-P2|2"])
    assert found["007-P1|1"].values["AEACN"] == '["DRUG", "WITHDRAWN"]'
    assert found["007-P1|1"].values["AEOUT"] == '{"code": "FATAL"}'
    assert found["007-P2|2"].values == {"USUBJID": "007-P2", "AESEQ": "2"}


def test_a_row_in_which_only_the_study_stands_is_a_record(database: Database, tmp_path: Path) -> None:
    nothing = {**dict.fromkeys(ae(), ""), "STUDYID": "S"}
    write(tmp_path, "ae.csv", frame(ae(STUDYID="S"), nothing))
    result = poll(database, source(tmp_path))
    assert result.counts["new"] == 2
    assert {fault.row_no for fault in result.faults} == {2}


def test_a_row_of_another_width_is_flagged_where_rows_of_nothing_stand_before_it(
    database: Database, tmp_path: Path
) -> None:
    write(tmp_path, "ae.csv", "USUBJID,AESEQ,AEDECOD,AESTDTC\n,,,\nP-1,1,Nausea,2026-02-03\n,\nP-1,2,Nausea\n")
    result = poll(database, source(tmp_path))
    assert result.counts["new"] == 2
    ragged = [fault.row_no for fault in result.faults if fault.kind is FaultKind.WRONG_FIELD_COUNT]
    assert ragged == [4]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("USUBJID,AEDECOD,AESTDTC\nP-1,Rash,7/1/2013\n", "AESTDTC has dates in local form"),
        ("USUBJID,AESPID,AEDECOD,AESTDTC\nP-1,1.2E+05,Rash,2013\n", "AESPID has identifiers in scientific"),
        ("USUBJID,AEDECOD,AESTDTC,AETERM\nP-1,Rash,2013,#NAME?\n", "AETERM has cells"),
    ],
)
def test_a_file_that_a_spreadsheet_saved_is_read_with_a_warning(tmp_path: Path, text: str, says: str) -> None:
    write(tmp_path, "ae.csv", text)
    batch = source(tmp_path).poll(SourceState(), NOW)
    assert len(batch.records["AE"].frame) == 1
    assert says in batch.warnings[0]


def test_lost_leading_zeros_are_seen_where_the_subject_still_has_them(tmp_path: Path) -> None:
    write(tmp_path, "dm.csv", "USUBJID,SITEID\nCT-007-0012,7\n")
    assert "SITEID has lost" in source(tmp_path).poll(SourceState(), NOW).warnings[0]
    write(tmp_path, "dm.csv", "USUBJID,SITEID\nCT-007-0012,007\n")
    assert source(tmp_path).poll(SourceState(), NOW).warnings == ()


def test_settings_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="CM is not a domain that is read"):
        SdtmSettings(id="edc", path=".", columns={"CM": {}})
    with pytest.raises(ValueError, match=r"5 minutes.* is not a duration"):
        SdtmSettings.model_validate({"id": "edc", "path": ".", "every": "5 minutes"})
    with pytest.raises(ValueError, match="'0 min' is not a duration"):  # as it is written, not as it was read
        SdtmSettings.model_validate({"id": "edc", "path": ".", "every": "0 min"})
    assert SdtmSettings.model_validate({"id": "e", "path": ".", "every": "36 h"}).every == timedelta(hours=36)
