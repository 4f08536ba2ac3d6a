"""What is kept, and what reveals an arm."""

from __future__ import annotations

import pytest

from rules.sdtm import KEEP, MAPPED, REQUIRED, FaultKind, date_variables, is_arm_revealing


def test_nothing_that_is_kept_openly_reveals_an_arm() -> None:
    kept = {variable for variables in KEEP.values() for variable in variables}
    assert [v for v in sorted(kept) if is_arm_revealing(v)] == []


@pytest.mark.parametrize(
    "variable",
    [
        *("ARM", "arm ", "ARMCD", "ACTARM", "ACTARMCD", "ARMNRS", "EXTRT", "EXDOSE", "EXDOSTXT", "EXDOSU", "EXLOT"),
        *("DAREFID", "DAORRES", "LOTNO", "CREAMLOT", "KITID", "KIT_NO", "USED_GRAMS", "RANDNUM", "TRT01P", "SETCD"),
        *("BATCHNO", "TUBE_WEIGHT", "ALLOCATION"),
    ],
)
def test_what_may_tell_the_arm_is_split_off(variable: str) -> None:
    assert is_arm_revealing(variable)


@pytest.mark.parametrize(
    "variable", ["AEACN", "USUBJID", "LBTESTCD", "SVSTDTC", "EXDOSFRM", "EXDOSFRQ", "AESLIFE", "SITEID"]
)
def test_safety_variables_stay(variable: str) -> None:
    assert not is_arm_revealing(variable)


def test_a_study_can_add_its_own() -> None:
    assert is_arm_revealing("LBODOUR", extra=["lbodour"])
    assert not is_arm_revealing("LBODOUR")


def test_required_columns_are_kept_ones() -> None:
    for domain, columns in REQUIRED.items():
        assert set(columns) <= set(KEEP[domain])


def test_mapped_variables_are_kept() -> None:
    kept = {variable for variables in KEEP.values() for variable in variables}
    assert set(MAPPED.values()) <= kept


def test_date_variables_by_name() -> None:
    assert date_variables(["AETERM", "AESTDTC", "AWAREDTC", "AEDTC"]) == ("AESTDTC", "AWAREDTC", "AEDTC")


def test_fault_kinds_are_words() -> None:
    assert FaultKind("impossible_date") is FaultKind.IMPOSSIBLE_DATE
