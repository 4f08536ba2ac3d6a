"""Durations, times, zones, channels and people: what is meant is read, what is doubtful is refused with advice."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bot.configuration.words import (
    At,
    Channel,
    Code,
    DailyAt,
    Duration,
    Identifier,
    MemberId,
    Timezone,
    WeeklyAt,
    parse_duration,
)


def _read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value, strict=True)


def _refusal(kind: Any, value: object) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        _read(kind, value)
    context = caught.value.errors()[0]["ctx"]
    return context["said"], context["fix"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30 s", timedelta(seconds=30)), ("5 min", timedelta(minutes=5)), ("5min", timedelta(minutes=5)),
        ("1 minute", timedelta(minutes=1)), ("36 h", timedelta(hours=36)), ("2 hours", timedelta(hours=2)),
        ("2 d", timedelta(days=2)), ("1 Day", timedelta(days=1)), (" 5 min ", timedelta(minutes=5)),
    ],
)  # fmt: skip
def test_a_duration_is_a_number_and_a_unit(written: str, meant: timedelta) -> None:
    assert _read(Duration, written) == meant


@given(st.integers(1, 999_999), st.sampled_from([("s", 1), ("min", 60), ("h", 3600), ("d", 86400)]))
def test_durations_are_exact(number: int, unit: tuple[str, int]) -> None:
    assert parse_duration(f"{number} {unit[0]}").total_seconds() == number * unit[1]


@pytest.mark.parametrize(
    "written", [5, "5", "0 min", "-5 min", "5 m", "1.5 h", "5  min", "", "PT5M", True, "5 min 3 s"]
)
def test_a_doubtful_duration_is_refused(written: object) -> None:
    said, fix = _refusal(Duration, written)
    assert said == f"{written!r} is not a duration"
    assert "'5 min'" in fix


def test_a_misspelt_unit_is_named() -> None:
    assert _refusal(Duration, "36 hurs")[1].startswith("Did you mean '36 hours'?")


def test_times_of_the_week() -> None:
    weekly, daily = _read(WeeklyAt, "Mon 08:00"), _read(DailyAt, "23:59")
    assert (weekly.weekday, str(weekly)) == (0, "mon 08:00")
    assert (daily.weekday, str(daily)) == (None, "23:59")
    assert isinstance(daily, At)
    assert _read(DailyAt, "04:00").time.hour == 4


@pytest.mark.parametrize("written", ["00:00", "01:30", "02:00", "03:59"])
@pytest.mark.parametrize("kind", [DailyAt, WeeklyAt])
def test_hours_that_clock_changes_skip_or_repeat_are_refused_with_the_reason(written: str, kind: Any) -> None:
    text = written if kind is DailyAt else f"sun {written}"
    assert _refusal(kind, text) == (
        f"{text!r} is between 00:00 and 04:00, when clock changes skip an hour or repeat it",
        "Choose 04:00 or later, so that it happens exactly once",
    )


def test_a_time_that_cannot_be_is_refused() -> None:
    assert _refusal(DailyAt, "24:00")[0] == "'24:00' is not a time"
    assert _refusal(DailyAt, "8:00")[0] == "'8:00' is not a time"
    assert _refusal(DailyAt, 800)[0] == "800 is not a time"
    assert _refusal(DailyAt, "mon 08:00") == ("'mon 08:00' names a day, but this happens daily", "Write '08:00'")
    assert _refusal(WeeklyAt, "08:00") == ("'08:00' names no day", "Write the day first, for example 'mon 08:00'")
    assert _refusal(WeeklyAt, "mom 08:00")[1].startswith("Did you mean 'mon'?")


def test_a_time_zone_is_one_that_exists() -> None:
    assert _read(Timezone, "America/Chicago") == "America/Chicago"
    assert _refusal(Timezone, "America/Chigaco")[1].startswith("Did you mean 'America/Chicago'?")
    for wrong in ("America", "Chicago", "../etc/passwd", "", "US", "CDT"):
        assert _refusal(Timezone, wrong)[0] == f"{wrong!r} is not a time zone"


@pytest.mark.parametrize(
    ("written", "channel"),
    [("#sts-calc-safety", "#sts-calc-safety"), ("sts-calc-safety", "#sts-calc-safety"), ("C0123ABCD", "C0123ABCD"),
     ("G0123ABCD", "G0123ABCD"), ("#größe_2", "#größe_2")],
)  # fmt: skip
def test_channels_by_name_or_id(written: str, channel: str) -> None:
    assert _read(Channel, written) == channel


@pytest.mark.parametrize(
    "written", ["#", "", "#Safety", "two words", "@investigators", "#a.b", "<#C0123ABCD>", "#" + "a" * 81]
)
def test_what_is_no_channel_is_refused(written: str) -> None:
    assert _refusal(Channel, written)[0] == f"{written!r} is not a channel"


def test_members_are_people_by_id() -> None:
    assert [_read(MemberId, one) for one in ("U0123ABCD", "W0123ABCD", "U1", "Uinv_1")]
    assert _refusal(MemberId, "S0123ABCD")[0] == "'S0123ABCD' is a user group"
    for wrong in ("@kim", "kim@example.org", "U…", "<@U0123ABCD>", "", "T0123"):
        assert _refusal(MemberId, wrong)[0] == f"{wrong!r} is not a Slack member id"


def test_ids_that_look_like_numbers_stay_text() -> None:
    assert _read(Identifier, 2019) == "2019"
    assert _read(Identifier, "007") == "007"
    assert _read(Code, 0) == "0"
    for wrong in (True, 1.5, None, [1]):
        with pytest.raises(ValidationError):
            _read(Identifier, wrong)


@pytest.mark.parametrize("wrong", ["", "a b", "-a", "a/b", "a" * 65, "é"])
def test_an_id_can_be_part_of_a_key(wrong: str) -> None:
    with pytest.raises(ValidationError):
        _read(Annotated[Identifier, "id"], wrong)
