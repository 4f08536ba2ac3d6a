"""The subject table: dosed when, followed through when, left when. Each test is a table one can check by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from rules.derive import Facts
from rules.errors import SnapshotError
from tests.rules.tables import snapshot

DM = """
USUBJID | SITEID | RFXSTDTC   | RFXENDTC
P1      | 701    | 2026-02-01 | 2026-04-25
"""


def subject(name: str = "P1", **domains: Any) -> pd.Series:
    return Facts(snapshot(**domains)).subjects.loc[name]


def day(value: Any) -> str:
    return "" if pd.isna(value) else str(value.date())


def test_first_dose_is_rfxstdtc_before_any_exposure_record() -> None:
    one = subject(DM=DM, EX="USUBJID | EXSTDTC\nP1 | 2026-01-15")
    assert (day(one.first_dose_lo), day(one.first_dose_hi)) == ("2026-02-01", "2026-02-01")


@pytest.mark.parametrize("reference", ["", "2026-02-30", "2027-01-01"])
def test_without_a_possible_reference_date_the_earliest_exposure_counts(reference: str) -> None:
    """Missing, impossible, or after the cut-off: a typing error must not hide a dosed subject."""
    ex = "USUBJID | EXSTDTC | EXENDTC\nP1 | 2026-03-01 | 2026-03-28\nP1 | 2026-02-03 | 2026-02-28"
    one = subject(DM=f"USUBJID | RFXSTDTC\nP1 | {reference}", EX=ex)
    assert day(one.first_dose_lo) == "2026-02-03"
    assert day(one.last_dose_hi) == "2026-03-28"
    assert one.treated
    assert not one.treatment_ended


def test_partial_first_dose_is_an_interval_and_flagged() -> None:
    one = subject(DM="USUBJID | RFXSTDTC\nP1 | 2026-02")
    assert (day(one.first_dose_lo), day(one.first_dose_hi)) == ("2026-02-01", "2026-02-28")
    assert one.first_dose_partial


def test_last_dose_is_the_later_of_reference_and_exposure() -> None:
    assert (
        day(subject(DM=DM, EX="USUBJID | EXSTDTC | EXENDTC\nP1 | 2026-02-01 | 2026-05-02").last_dose_lo) == "2026-05-02"
    )
    assert day(subject(DM=DM, EX="USUBJID | EXSTDTC | EXENDTC\nP1 | 2026-02-01 |").last_dose_lo) == "2026-04-25"


def test_subject_known_only_from_another_domain_is_still_a_subject() -> None:
    facts = Facts(snapshot(DM=DM, AE="USUBJID | AEDECOD | AESTDTC\nP9 | Rash | 2026-02-02"))
    assert list(facts.subjects.index) == ["P1", "P9"]
    assert facts.populations() == {"all": 2, "randomised": 0, "treated": 1, "assessed": 0}


def test_order_is_first_dose_then_usubjid_and_nothing_else() -> None:
    dm = "USUBJID | RFXSTDTC\nP3 | 2026-02-01\nP1 | 2026-03-01\nP2 | 2026-02-01\nP0 |\nP4 | 2026-02"
    position = Facts(snapshot(DM=dm)).subjects["position"].to_dict()
    assert position == {"P0": 0, "P1": 4, "P2": 1, "P3": 2, "P4": 3}


@pytest.mark.parametrize(
    ("records", "through"),
    [
        ({"SV": "USUBJID | SVSTDTC | SVENDTC\nP1 | 2026-03-01 | 2026-03-02"}, "2026-03-02"),
        ({"SV": "USUBJID | SVSTDTC | SVOCCUR\nP1 | 2026-03-01 | N\nP1 | 2026-02-15 |"}, "2026-02-15"),
        ({"SV": "USUBJID | SVSTDTC\nP1 | 2026-09-01"}, ""),
        ({"SV": "USUBJID | SVSTDTC\nP1 | 2026-03"}, "2026-03-01"),
        ({"AE": "USUBJID | AEDECOD | AESTDTC | AEDTC\nP1 | Rash | 2026-04-01 | 2026-03-20"}, "2026-03-20"),
        ({"AE": "USUBJID | AEDECOD | AESTDTC\nP1 | Rash | 2026-04-01"}, ""),
        (
            {"LB": "USUBJID | LBTESTCD | LBDTC | LBSTAT\nP1 | K | 2026-03-05 |\nP1 | K | 2026-04-05 | NOT DONE"},
            "2026-03-05",
        ),
        ({"DS": "USUBJID | DSDECOD | DSSTDTC\nP1 | COMPLETED | 2026-05-01"}, "2026-05-01"),
        ({"DS": "USUBJID | DSDECOD | DSSTDTC | DSDTC\nP1 | COMPLETED | | 2026-05-02"}, "2026-05-02"),
        ({"DS": "USUBJID | DSDECOD | DSSTDTC\nP1 | LOST TO FOLLOW-UP | 2026-05-01"}, ""),
        ({"DV": "USUBJID | DVDECOD | DVSTDTC\nP1 | VISIT MISSED | 2026-05-01"}, ""),
        ({"EX": "USUBJID | EXSTDTC\nP1 | 2026-05-01"}, ""),
    ],
    ids=[
        *("visit", "visit that did not occur", "planned visit", "partial date: its earliest day", "reviewed AE form"),
        *("onset alone", "test not done", "disposition", "disposition without start", "declared lost", "missed visit"),
        "dosing is no assessment",
    ],
)
def test_followed_through_needs_positive_evidence(records: dict[str, str], through: str) -> None:
    assert day(subject(DM=DM, **records).followed_through) == through


def test_leaving_is_dated_and_nobody_saw_the_subject_since() -> None:
    ds = "USUBJID | DSDECOD | DSSTDTC\nP1 | WITHDRAWAL BY SUBJECT | 2026-03-01"
    assert day(subject(DM=DM, DS=ds).left_hi) == "2026-03-01"
    later = subject(DM=DM, DS=ds, SV="USUBJID | SVSTDTC\nP1 | 2026-03-20")
    assert day(later.left_hi) == ""
    assert day(later.withdrawn_lo) == "2026-03-01"
    assert day(subject(DM=DM, DS="USUBJID | DSDECOD | DSSTDTC\nP1 | WITHDRAWAL BY SUBJECT |").left_hi) == ""


@pytest.mark.parametrize(
    "ds",
    [
        "USUBJID | DSDECOD | DSSTDTC | EPOCH\nP1 | COMPLETED | 2026-03-01 | TREATMENT",
        "USUBJID | DSDECOD | DSSTDTC | DSSCAT\nP1 | WITHDRAWAL BY SUBJECT | 2026-03-01 | STUDY TREATMENT",
        "USUBJID | DSDECOD | DSSTDTC\nP1 | LOST TO FOLLOW-UP | 2026-03-01",
        "USUBJID | DSDECOD | DSSTDTC\nP1 | ADVERSE EVENT | 2026-03-01",
    ],
    ids=["completed one epoch", "stopped treatment only", "lost", "a reason in no list"],
)
def test_what_is_not_leaving_the_study(ds: str) -> None:
    assert day(subject(DM=DM, DS=ds).left_hi) == ""


def test_death_from_any_source_is_leaving() -> None:
    by_ds = subject(DM=DM, DS="USUBJID | DSDECOD | DSSTDTC\nP1 | DEATH | 2026-03-01")
    by_dm = subject(DM="USUBJID | RFXSTDTC | DTHFL | DTHDTC\nP1 | 2026-02-01 | Y | 2026-03-02")
    by_ae = subject(
        DM=DM, AE="USUBJID | AEDECOD | AESTDTC | AEENDTC | AEOUT\nP1 | MI | 2026-03-01 | 2026-03-03 | FATAL"
    )
    assert [one.dead for one in (by_ds, by_dm, by_ae)] == [True, True, True]
    assert [day(one.left_lo) for one in (by_ds, by_dm, by_ae)] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert [one.dead_by_record for one in (by_ds, by_dm, by_ae)] == [True, True, False]


def test_randomised_by_disposition_else_by_reference_start() -> None:
    dm = "USUBJID | RFSTDTC | RFXSTDTC\nP1 | 2026-02-01 | 2026-02-01\nP2 | 2026-02-01 |\nP3 | |"
    assert Facts(snapshot(DM=dm)).populations()["randomised"] == 2
    ds = "USUBJID | DSDECOD | DSSTDTC\nP2 | RANDOMIZED | 2026-02-01\nP3 | SCREEN FAILURE | 2026-02-01"
    table = Facts(snapshot(DM=dm, DS=ds)).subjects
    assert table["randomised"].tolist() == [False, True, False]
    assert table["screen_failure"].tolist() == [False, False, True]


def test_assessed_is_treated_with_a_result_since_first_dose() -> None:
    dm = "USUBJID | RFXSTDTC\nP1 | 2026-02-01\nP2 | 2026-02-01\nP3 |"
    lb = "USUBJID | LBTESTCD | LBDTC\nP1 | K | 2026-02-01\nP2 | K | 2026-01-20\nP3 | K | 2026-03-01"
    assert Facts(snapshot(DM=dm, LB=lb)).subjects["assessed"].tolist() == [True, False, False]


def test_blinded_snapshot_has_no_arm_column() -> None:
    assert "arm" not in Facts(snapshot(DM=DM)).subjects.columns
    assert Facts(snapshot(DM=DM, arms={"P1": "A"})).subjects.loc["P1", "arm"] == "A"


def test_person_days_end_at_the_earliest_of_all_ends() -> None:
    dm = "USUBJID | RFXSTDTC\nP1 | 2026-02-01\nP2 | 2026-02-01\nP3 | 2026-02-01\nP4 |\nP5 | 2026-02-01"
    sv = "USUBJID | SVSTDTC\nP1 | 2026-02-11\nP2 | 2026-05-01\nP3 | 2026-05-01\nP4 | 2026-05-01"
    ds = "USUBJID | DSDECOD | DSSTDTC\nP3 | WITHDRAWAL BY SUBJECT | 2026-02-21"
    facts = Facts(snapshot(DM=dm, SV=sv, DS=ds))
    assert facts.person_days(after_days=28).tolist() == [10, 28, 20, 0, 0]
    events = pd.to_datetime(pd.Series(["2026-02-04", None, None, None, None])).to_numpy("datetime64[D]")
    assert facts.person_days(events, after_days=28).tolist() == [3, 28, 20, 0, 0]


def test_window_is_closed_on_its_last_day_not_the_day_before() -> None:
    dm = "USUBJID | RFXSTDTC\nP1 | 2026-02-01\nP2 | 2026-02-01\nP3 | 2026-02"
    sv = "USUBJID | SVSTDTC\nP1 | 2026-03-01\nP2 | 2026-02-28\nP3 | 2026-03-01"
    assert Facts(snapshot(DM=dm, SV=sv)).window_closed(28).tolist() == [True, False, False]


def test_a_frame_without_its_promised_columns_is_named() -> None:
    with pytest.raises(SnapshotError, match="AE frame has no column 'record_key'"):
        Facts(snapshot(AE=pd.DataFrame({"USUBJID": ["P1"]}))).events  # noqa: B018


def test_no_records_at_all() -> None:
    facts = Facts(snapshot())
    assert len(facts.subjects) == 0
    assert len(facts.events) == 0
    assert facts.populations() == {"all": 0, "randomised": 0, "treated": 0, "assessed": 0}
    assert facts.counts()["any"] == (0, 0)
