"""From any reader's columns to one canonical payload, with what reveals an arm split off before anything is hashed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.model import Derivation
from rules.sdtm import KEEP, FaultKind, canonical_text
from storage.record_faults import find_faults, known_codes
from storage.records import Records, content_hash, payload_of, prepare
from storage.sources.base import Extract, SourceFailure
from storage.sources.sdtm_files import Stamp, read_sheet
from tests.storage.sources.made import ae, frame, write


def made(domain: str, rows: pd.DataFrame, **more: object) -> Records:
    return prepare(domain, Extract(rows), key_names=None, event_variable="AESPID", **more)  # type: ignore[arg-type]


def keys(records: Records) -> list[str]:
    return records.keys.to_pylist()


value = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)


@given(st.lists(st.tuples(value, value, value), min_size=1, max_size=6))
def test_a_payload_is_canonical_json_of_what_is_recorded(values: list[tuple[str, str, str]]) -> None:
    rows = [ae(seq=i, AETERM=a, AEDECOD=b, AEREL=c) for i, (a, b, c) in enumerate(values)]
    records = made("AE", frame(*rows))
    for row, payload, digest in zip(rows, records.payloads.to_pylist(), records.hashes, strict=True):
        expected = {name: canonical_text(text) for name, text in row.items()}
        assert json.loads(payload) == {name: text for name, text in expected.items() if text}
        assert payload == payload_of(expected)
        assert digest == content_hash(payload)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_row_that_is_empty_in_all_that_is_kept_moves_no_other(at: int) -> None:
    rows = [ae(seq=1, AESER="{,"), ae("{,", seq=2)]
    rows.insert(at, dict.fromkeys(rows[0], ""))
    records = made("AE", frame(*rows))
    assert [json.loads(payload) for payload in records.payloads.to_pylist()] == [
        {name: value for name, value in row.items() if value} for row in rows
    ]
    assert len(records.keys) == len(records.hashes) == 3


def test_an_empty_column_is_no_change_and_order_of_columns_is_none() -> None:
    plain = made("AE", frame(ae()))
    wider = made("AE", frame(ae(AEREL="", EPOCH="TREATMENT")).iloc[:, ::-1])
    assert plain.hashes == wider.hashes


def test_csv_parquet_and_xpt_give_equal_bytes(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "USUBJID": ["01-001", "01-002", "01-003"], "LBSEQ": [1.0, 2.0, 3.0], "LBTESTCD": ["K", "NA", "CA"],
            "LBORRES": ["3.0", "<0.10", "1E5"], "LBSTRESN": [3.0, np.nan, 0.1],
            "LBDTC": ["2013-07", "", "2013-07-01T09:00"],
            "VISITNUM": [1.0, 2.1, np.nan], "LBNRIND": ["None", "", "Größe  "],
        }
    )  # fmt: skip
    payloads = []
    for name in ("lb.csv", "lb.parquet", "lb.xpt"):
        path = write(tmp_path, name, rows)
        payloads.append(made("LB", read_sheet(path, Stamp.of(path), "utf-8").frame).payloads.to_pylist())
    assert payloads[0] == payloads[1] == payloads[2]
    assert json.loads(payloads[0][0]) == {
        "USUBJID": "01-001", "LBSEQ": "1", "LBTESTCD": "K", "LBORRES": "3.0", "LBSTRESN": "3", "LBDTC": "2013-07",
        "VISITNUM": "1", "LBNRIND": "None",
    }  # fmt: skip


def test_what_reveals_an_arm_changes_no_hash_and_is_in_no_payload() -> None:
    plain = {"USUBJID": "P-1", "SITEID": "01"}
    one = made(
        "DM", frame({**plain, "ARM": "STS 25 %", "ACTARMCD": "STS", "COLOUR": "white"}), arm_revealing_extra=["colour"]
    )
    other = made(
        "DM", frame({**plain, "ARM": "Placebo", "ACTARMCD": "PBO", "COLOUR": "grey"}), arm_revealing_extra=["colour"]
    )
    bare = made("DM", frame(plain))
    assert one.hashes == other.hashes == bare.hashes
    assert one.arm_values() == 3
    assert list(one.arms_of()) == [("P-1", {"ARM": "STS 25 %", "ACTARMCD": "STS", "COLOUR": "white"})]
    assert "STS" not in "".join(one.payloads.to_pylist())
    assert set(one.columns) <= set(KEEP["DM"])


def test_a_kept_variable_that_the_study_calls_revealing_is_split_off_too() -> None:
    records = made("DM", frame({"USUBJID": "P-1", "SITEID": "01"}), arm_revealing_extra=["SITEID"])
    assert "SITEID" not in records.columns
    assert records.arm_values() == 1


@pytest.mark.parametrize(
    ("domain", "rows", "expected"),
    [
        ("AE", [ae(AESPID="E1"), ae(seq=2, AESPID="E2")], ("AESEQ",)),  # AESPID names the event
        ("AE", [ae(AESPID="E1"), ae(seq=1, AESPID="E2")], ("AESPID",)),  # the number is not unique
        ("DS", [{"USUBJID": "1", "DSDECOD": "x", "DSSPID": "a", "DSSEQ": "1"}], ("DSSPID",)),
        ("DS", [{"USUBJID": "1", "DSDECOD": "x", "DSSPID": "", "DSSEQ": "1"}], ("DSSEQ",)),
        ("SV", [{"USUBJID": "1", "SVSTDTC": "2013", "VISITNUM": "1"}], ("VISITNUM",)),
        ("DM", [{"USUBJID": "1"}], ()),
        ("AE", [ae(), ae(AEDECOD="Rash")], ("AESEQ",)),  # one duplicate changes no key; it is flagged
        ("DS", [{"USUBJID": "1", "DSDECOD": "x", "DSSPID": "", "DSSEQ": "1"}] * 2, ("DSSEQ",)),
    ],
)
def test_a_row_is_named_by_the_first_variable_that_names_every_row(
    domain: str, rows: list[dict[str, str]], expected: tuple[str, ...]
) -> None:
    assert made(domain, frame(*rows)).key_names == expected


def test_a_chosen_key_is_never_switched() -> None:
    rows = frame(ae(AESPID="E1"), ae(seq=1, AESPID="E2"))
    records = prepare("AE", Extract(rows), key_names=("AESEQ",), event_variable="AESPID")
    assert keys(records) == ["P-001|1", "P-001|1#2"]
    with pytest.raises(SourceFailure, match="named by AESEQ since the first load"):
        prepare("AE", Extract(rows), key_names=("AESEQ",), configured_key="AESPID")
    with pytest.raises(SourceFailure, match="no column AESEQ"):
        prepare("AE", Extract(rows.drop(columns="AESEQ")), key_names=("AESEQ",))


def test_a_configured_key_is_taken_and_must_not_reveal_an_arm() -> None:
    rows = frame({"USUBJID": "1", "DATESTCD": "RETAMT", "DAREFID": "KIT-7", "DASEQ": "3"})
    assert made("DA", rows, configured_key="DASEQ").key_names == ("DASEQ",)
    with pytest.raises(SourceFailure, match="DAREFID cannot name rows"):
        made("DA", rows, configured_key="DAREFID")


def test_duplicates_are_numbered_by_content_whatever_their_order() -> None:
    rows = [ae(AEDECOD=term) for term in ("Rash", "Nausea", "Headache")]
    one, two = made("AE", frame(*rows)), made("AE", frame(*rows[::-1]))
    assert dict(zip(keys(one), one.hashes, strict=True)) == dict(zip(keys(two), two.hashes, strict=True))
    assert set(keys(one)) == {"P-001|1", "P-001|1#2", "P-001|1#3"}


def test_events_are_named_by_aespid_and_never_meet_a_row_number() -> None:
    records = made("AE", frame(ae(seq=1, AESPID="2"), ae(seq=2, AESPID=""), ae(seq=3, AESPID="2")))
    events = records.event_keys.to_pylist()
    assert events == ["P-001|2", "P-001|2~", "P-001|2"]
    assert made("AE", frame(ae())).event_keys.to_pylist() == ["P-001|1"]


CODES = Derivation(related=frozenset({"RELATED"}), unrelated=frozenset({"NOT RELATED"}), grades={"MILD": 1})


@pytest.mark.parametrize(
    ("row", "variable", "kind"),
    [
        (ae(AESTDTC="2026-02-30"), "AESTDTC", FaultKind.IMPOSSIBLE_DATE),
        (ae(AEENDTC="2026-13"), "AEENDTC", FaultKind.IMPOSSIBLE_DATE),
        (ae(AEREL="MAYBE"), "AEREL", FaultKind.UNKNOWN_CODE),
        (ae(AESER="yes"), "AESER", FaultKind.UNKNOWN_CODE),
        (ae(AETOXGR="7"), "AETOXGR", FaultKind.UNKNOWN_CODE),
        (ae(AESDTH="Y"), "AESER", FaultKind.CONTRADICTING_SERIOUSNESS),
        (ae(AEOUT="Fatal"), "AESER", FaultKind.CONTRADICTING_SERIOUSNESS),
        (ae(subject=""), "USUBJID", FaultKind.MISSING_SUBJECT),
        (ae(subject="P-999"), "USUBJID", FaultKind.UNKNOWN_SUBJECT),
        (ae(seq=""), "AESEQ", FaultKind.MISSING_KEY),
        (ae(AEDECOD=""), "AEDECOD", FaultKind.UNCODED_TERM),
        (ae(AEENDTC="2026-01-31"), "AEENDTC", FaultKind.END_BEFORE_START),
        (ae(AETERM="rash\x07"), "AETERM", FaultKind.CONTROL_CHARACTERS),
        (ae(seq=2), "AESEQ", FaultKind.DUPLICATE_KEY),
    ],
)
def test_a_doubtful_row_is_kept_and_said_by_row_and_column(row: dict[str, str], variable: str, kind: FaultKind) -> None:
    extract = Extract(frame(ae(seq=2), row))
    records = prepare("AE", extract, key_names=("AESEQ",))
    assert len(records) == 2
    faults = find_faults(records, extract, known_codes(CODES), frozenset({"P-001"}))
    assert [(f.row_no, f.variable, f.kind) for f in faults] == [(2, variable, kind)]
    assert all(text not in repr(faults[0]) for text in row.values() if len(text) > 5 and text != "P-001")


@pytest.mark.parametrize(
    "row",
    [
        ae(AESTDTC="2026"), ae(AESTDTC="2026---05"), ae(AESTDTC=""), ae(AEREL="related "), ae(AEREL=""),
        ae(AESER="Y", AESDTH="Y"), ae(AESEV="mild"), ae(AEENDTC="2026-01"), ae(AETERM="two\nlines"),
        ae(AESER="N", AESDTH="N"),
    ],
)  # fmt: skip
def test_what_is_incomplete_or_only_unusual_is_no_fault(row: dict[str, str]) -> None:
    extract = Extract(frame(row))
    records = prepare("AE", extract, key_names=None)
    assert find_faults(records, extract, known_codes(CODES), frozenset({"P-001"})) == []


def test_without_a_study_causality_may_be_any_word() -> None:
    extract = Extract(frame(ae(AEREL="PERHAPS")))
    assert find_faults(prepare("AE", extract, key_names=None), extract, known_codes(None), None) == []
