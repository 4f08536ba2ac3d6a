"""One text per value: the same study read from CSV, Parquet or XPT must hash the same."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.canonical import canonical_column, canonical_text, is_numeric, numeric_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (pd.NaT, ""),
        (pd.NA, ""),
        (3.0, "3"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (2.5, "2.5"),
        (7, "7"),
        (np.int64(7), "7"),
        (np.float64(7.0), "7"),
        (np.float32(0.1), "0.1"),
        (Decimal("3.0"), "3"),
        (True, "Y"),
        (np.bool_(False), "N"),
        (date(2013, 7, 1), "2013-07-01"),
        (datetime(2013, 7, 1), "2013-07-01"),  # noqa: DTZ001
        (datetime(2013, 7, 1, 11, 45), "2013-07-01T11:45:00"),  # noqa: DTZ001
        (pd.Timestamp("2013-07-01"), "2013-07-01"),
        ("None", "None"),
        ("NA", "NA"),
        ("007", "007"),
        ("1E5", "1E5"),
        (" lead", " lead"),
        ("trail  \r\n", "trail"),
        ("   ", ""),
        (b"x  ", "x"),
    ],
)
def test_one_text_for_each_value(value: object, text: str) -> None:
    assert canonical_text(value) == text


@pytest.mark.parametrize(
    ("text", "form"), [("3.0", "3"), ("3", "3"), ("007", "7"), ("1E2", "100"), ("x", "x"), ("", "")]
)
def test_numeric_variables_have_one_number_form(text: str, form: str) -> None:
    assert numeric_text(text) == form


def test_only_numeric_variables_are_brought_to_number_form() -> None:
    assert canonical_column(pd.Series(["3.0", "007"], name="AESEQ")).tolist() == ["3", "7"]
    assert canonical_column(pd.Series(["3.0", "007"], name="SITEID")).tolist() == ["3.0", "007"]
    assert canonical_column(pd.Series(["1E5"]), "DAREFID").tolist() == ["1E5"]


def test_which_variables_are_numeric() -> None:
    assert all(map(is_numeric, ["AESEQ", "visitnum", "AGE", "AESTDY", "LBSTRESN"]))
    assert not any(map(is_numeric, ["AESPID", "SITEID", "USUBJID", "AETOXGR", "LBORRES"]))


def test_column_is_text_without_gaps_on_the_same_index() -> None:
    column = canonical_column(pd.Series([1.0, np.nan, 2.5], index=[9, 8, 7]))
    assert column.tolist() == ["1", "", "2.5"]
    assert list(column.index) == [9, 8, 7]
    assert str(column.dtype) == "str"


def test_mixed_objects_keep_apart_what_pandas_calls_equal() -> None:
    assert canonical_column(pd.Series([1, True, 1.0, "1"], dtype=object)).tolist() == ["1", "Y", "1", "1"]
    assert canonical_column(pd.Series(np.array([0.1, 3.0], dtype=np.float32))).tolist() == ["0.1", "3"]


@given(st.lists(st.one_of(st.none(), st.text(max_size=5), st.integers(), st.floats(), st.booleans(), st.dates())))
def test_column_agrees_with_one_by_one(values: list[object]) -> None:
    assert canonical_column(pd.Series(values, dtype=object)).tolist() == [canonical_text(v) for v in values]


def test_formats_give_equal_columns(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "USUBJID": ["01-1", "01-2"],
            "AESEQ": [1.0, 2.0],
            "SITEID": ["007", "NA"],
            "AEREL": ["None", ""],
            "AESTDTC": ["2013-07", "2013-07-01T10:00"],
            "LBSTRESN": [0.1, 12.0],
        }
    )
    as_csv = pd.read_csv(io.StringIO(table.to_csv(index=False)), dtype=str, keep_default_na=False)
    table.to_parquet(tmp_path / "t.parquet")
    as_parquet = pd.read_parquet(tmp_path / "t.parquet")
    for name in table:
        assert canonical_column(as_csv[name]).tolist() == canonical_column(as_parquet[name]).tolist()
