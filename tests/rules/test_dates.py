"""Dates as intervals: a partial date must leave every possible day possible, and an impossible one none."""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.dates import UNBOUNDED, DateInterval, cutoff_day, intervals, parse_dtc


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "lo", "hi"),
    [
        ("2013-07-01", "2013-07-01", "2013-07-01"),
        ("2013-07", "2013-07-01", "2013-07-31"),
        ("2012-02", "2012-02-01", "2012-02-29"),
        ("2013-02", "2013-02-01", "2013-02-28"),
        ("2013", "2013-01-01", "2013-12-31"),
        ("2013---05", "2013-01-05", "2013-12-05"),
        ("2013---31", "2013-01-31", "2013-12-31"),
        ("2013---30", "2013-01-30", "2013-12-30"),
        ("2013-07--", "2013-07-01", "2013-07-31"),
        ("2013-07-01T23:30", "2013-07-01", "2013-07-01"),
        ("2013-07-01T23:30:59.5Z", "2013-07-01", "2013-07-01"),
        ("2013-07-01T23:30+11:00", "2013-07-01", "2013-07-01"),
        ("2013-07-01T-:15", "2013-07-01", "2013-07-01"),
        ("2013-07-01 10:00:00", "2013-07-01", "2013-07-01"),
        ("2013-07-01/2013-08", "2013-07-01", "2013-08-31"),
        (" 2013-07-01 ", "2013-07-01", "2013-07-01"),
    ],
)
def test_possible_days(text: str, lo: str, hi: str) -> None:
    expected = DateInterval(day(lo), day(hi))
    assert parse_dtc(text) == expected


@pytest.mark.parametrize("text", ["", "   ", "--12-15", "--12", "-"])
def test_without_a_year_any_day_is_possible(text: str) -> None:
    assert parse_dtc(text) == UNBOUNDED


@pytest.mark.parametrize(
    "text",
    [
        *("2013-02-30", "2013-13", "2013-13-01", "2013-00-10", "2013-04-31", "2013-02---"),
        *("0213-07-01", "20130701", "01/07/2013", "UNKNOWN", "2013-07-01T25:00", "2013-07-01T10:61"),
        *("2013-07-03/2013-07-01", "2013-07-01/x", "2300-01-01", "2013-7-1"),
    ],
)
def test_impossible_dates_are_none_and_raise_nothing(text: str) -> None:
    assert parse_dtc(text) is None


@pytest.mark.parametrize(
    ("moment", "timezone", "last"),
    [
        ("2026-05-14T23:30:00+00:00", "Asia/Tokyo", "2026-05-15"),
        ("2026-05-15T02:00:00+00:00", "America/Chicago", "2026-05-15"),
        ("2026-05-14T12:00:00+00:00", "UTC", "2026-05-14"),
    ],
)
def test_the_cutoff_is_the_later_day_of_site_and_utc(moment: str, timezone: str, last: str) -> None:
    assert cutoff_day(datetime.fromisoformat(moment), timezone) == day(last)


def test_exactness() -> None:
    assert DateInterval(day("2013-07-01"), day("2013-07-01")).is_exact
    assert not DateInterval(day("2013-07-01"), day("2013-07-02")).is_exact
    assert not UNBOUNDED.is_exact


def test_column_keeps_its_index_and_marks_only_impossible_dates() -> None:
    read = intervals(pd.Series(["2013", "", "2013-02-30", "2013-07-01"], index=[7, 5, 3, 1], dtype="str"))
    assert list(read.index) == [7, 5, 3, 1]
    assert read["impossible"].tolist() == [False, False, True, False]
    assert read["lo"].isna().tolist() == [False, True, True, False]
    assert read.loc[7, "hi"] == pd.Timestamp("2013-12-31")


def test_empty_column_has_typed_columns() -> None:
    read = intervals(pd.Series([], dtype="str"))
    assert [str(t) for t in read.dtypes] == ["datetime64[s]", "datetime64[s]", "bool"]


pieces = st.sampled_from(["2013", "2012", "-", "02", "12", "13", "29", "30", "31", "01", "T10:00", "/", "x", ""])


@given(st.lists(st.one_of(st.lists(pieces, max_size=6).map("-".join), st.text(max_size=8)), max_size=12))
def test_column_agrees_with_one_by_one(texts: list[str]) -> None:
    read = intervals(pd.Series(texts, dtype="str"))
    for i, text in enumerate(texts):
        one = parse_dtc(text)
        assert bool(read["impossible"].iloc[i]) == (one is None)
        for end in ("lo", "hi"):
            value = read[end].iloc[i]
            assert (None if pd.isna(value) else value.date()) == (getattr(one, end) if one else None)


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_every_truncation_contains_the_day(known: date) -> None:
    text = known.isoformat()
    for partial in (text, text[:7], text[:4], f"{text[:4]}---{text[8:]}"):
        read = parse_dtc(partial)
        assert read is not None
        assert read.lo is not None
        assert read.hi is not None
        assert read.lo <= known <= read.hi
