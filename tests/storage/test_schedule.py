"""What is due when: against the wall clock, minute by minute, also when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import ScheduleError
from storage.schedule import WEEKDAYS, due_instants, parse_schedule

CHICAGO = ZoneInfo("America/Chicago")
ZONES = ["America/Chicago", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
TIMES = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO).astimezone(UTC)


def _due(text: str, after: str, until: str) -> list[str]:
    found = due_instants(text, CHICAGO, _local(after), _local(until))
    return [instant.astimezone(CHICAGO).strftime("%a %d %b %H:%M %z") for instant in found]


def test_a_time_of_day_stays_the_same_on_the_wall_when_clocks_change() -> None:
    assert _due("08:00", "2026-03-06T12:00", "2026-03-09T12:00") == [
        "Sat 07 Mar 08:00 -0600", "Sun 08 Mar 08:00 -0500", "Mon 09 Mar 08:00 -0500",
    ]  # fmt: skip
    assert _due("mon 08:00", "2026-10-20T00:00", "2026-11-10T00:00") == [
        "Mon 26 Oct 08:00 -0500", "Mon 02 Nov 08:00 -0600", "Mon 09 Nov 08:00 -0600",
    ]  # fmt: skip


def test_a_time_that_occurs_twice_is_due_once_the_first_time() -> None:
    assert _due("01:30", "2026-11-01T00:00", "2026-11-01T12:00") == ["Sun 01 Nov 01:30 -0500"]


def test_a_time_that_clocks_skip_is_due_once_at_the_moment_it_would_have_been() -> None:
    assert _due("02:30", "2026-03-08T00:00", "2026-03-08T12:00") == ["Sun 08 Mar 03:30 -0500"]


def test_the_interval_is_open_at_its_start_and_closed_at_its_end() -> None:
    assert _due("08:00", "2026-05-14T08:00", "2026-05-15T08:00") == ["Fri 15 May 08:00 -0500"]
    assert _due("08:00", "2026-05-14T08:00", "2026-05-14T08:00") == []
    assert _due("08:00", "2026-05-15T08:00", "2026-05-14T08:00") == []


def test_several_days_and_long_names_are_read() -> None:
    expected = ["Mon 04 May 09:05 -0500", "Thu 07 May 09:05 -0500"]
    for text in ("mon,thu 09:05", "Thursday, Monday 9:05", "  MON  thu   9:05 "):
        assert _due(text, "2026-05-03T00:00", "2026-05-10T00:00") == expected


def test_steps_do_not_depend_on_when_anyone_looks() -> None:
    assert _due("every 6 h", "2026-05-14T00:00", "2026-05-14T23:59") == [
        "Thu 14 May 01:00 -0500", "Thu 14 May 07:00 -0500", "Thu 14 May 13:00 -0500", "Thu 14 May 19:00 -0500",
    ]  # fmt: skip
    assert parse_schedule("every week").step == timedelta(weeks=1)
    assert parse_schedule("every 2 days").step == timedelta(days=2)
    assert parse_schedule("every 5 min").step == parse_schedule("every 5 minutes").step == timedelta(minutes=5)


SCHEDULES = st.one_of(
    st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
    st.builds(
        "{} {:02}:{:02}".format,
        st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True).map(",".join),
        st.integers(0, 23),
        st.integers(0, 59),
    ),
    st.builds("every {} {}".format, st.integers(1, 90), st.sampled_from(["min", "h", "days", "weeks"])),
)


@settings(max_examples=150, deadline=None)
@given(SCHEDULES, st.sampled_from(ZONES), TIMES, st.integers(0, 900), st.integers(0, 900))
def test_however_often_one_looks_each_instant_is_due_once(
    text: str, zone: str, start: datetime, one: int, two: int
) -> None:
    """Looking in two steps finds what looking once finds: nothing twice, nothing skipped."""
    middle, end = start + timedelta(hours=one), start + timedelta(hours=one + two)
    parts = due_instants(text, zone, start, middle) + due_instants(text, zone, middle, end)
    whole = due_instants(text, zone, start, end)
    assert parts == whole
    assert whole == sorted(set(whole))
    assert all(start < instant <= end and instant.tzinfo is UTC for instant in whole)


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 23), st.integers(0, 59), st.sampled_from(ZONES), TIMES)
def test_a_daily_time_agrees_with_a_clock_that_is_watched(hour: int, minute: int, zone: str, start: datetime) -> None:
    """Watch the wall clock for three days, minute by minute, in the slow and obvious way."""
    start = start.replace(second=0, microsecond=0)
    watched = []
    for number in range(1, 3 * 24 * 60 + 1):
        instant = start + timedelta(minutes=number)
        wall = instant.astimezone(ZoneInfo(zone))
        if (wall.hour, wall.minute) == (hour, minute):
            watched.append(instant)
    assert due_instants(f"{hour}:{minute:02}", zone, start, start + timedelta(days=3)) == watched


@pytest.mark.parametrize(
    "text", ["", "8", "8am", "24:00", "08:60", "mon", "someday 08:00", "mo 08:00", "every", "every 0 min", "every mon",
             "08:00 mon", "* * * * *", "monx 08:00", "every -1 h"]
)  # fmt: skip
def test_anything_else_is_refused_with_the_forms_that_exist(text: str) -> None:
    with pytest.raises(ScheduleError, match="mon 08:00"):
        parse_schedule(text)


def test_naive_times_are_refused() -> None:
    aware = datetime(2026, 5, 14, tzinfo=UTC)
    with pytest.raises(ValueError, match="naive"):
        due_instants("08:00", CHICAGO, aware.replace(tzinfo=None), aware)
