"""Clocks under any sequence of revisions: what was shown once is never moved later, and nothing is forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.evaluate import evaluate
from rules.kinds.duties import GROUNDS, Duty, Limit, Stage, Start, duties, read_limit
from rules.moments import Moment, read_moment
from tests.rules.clock_tables import BATCH, SAE, ZONE, clock, known

START: tuple[Start, ...] = ("awareness", "day_after")

AWARE = ("", "2026-05-12", "2026-05-13T22:00", "2026-05-14T08:10", "2026-05-14T09:50", "2026-05-15T07:00", "2026-05")
ROWS = st.fixed_dictionaries(
    {
        "AESER": st.sampled_from(["Y", "N", ""]),
        "AEREL": st.sampled_from(["RELATED", "NOT RELATED", ""]),
        "EXPECTED": st.sampled_from(["Y", "N", ""]),
        "AESDTH": st.sampled_from(["Y", "N", ""]),
        "AWAREDTC": st.sampled_from(AWARE),
        "ENTRYDTC": st.sampled_from(["", "2026-05-14T14:00:00+00:00", "2026-05-14T16:30:00+00:00"]),
    }
)
HISTORIES = st.lists(st.one_of(st.just([]), ROWS.map(lambda row: [{**SAE, **row}])), min_size=2, max_size=6)
RULE = clock(
    events={"serious": True, "unexpected": True},
    clocks=[
        {"name": "24 hours", "limit": "24 h"},
        {"name": "7 days", "limit": "7 d", "events": {"related": True}, "criteria": ["fatal", "life_threatening"]},
        {"name": "15 days", "limit": "15 d", "events": {"related": True}},
    ],
)


OTHER = {**SAE, "USUBJID": "P2", "AESER": "N", "AESDTH": "N"}
"""An event that says whether it was expected: in a study that never says it a blank means unexpected."""


def _clocks(batches: list[list[dict[str, str]]]) -> list[dict[str, Any]]:
    found = evaluate([RULE], known(*([*rows, OTHER] for rows in batches)))
    return list(found[0].details["clocks"]) if found else []


@settings(deadline=None, max_examples=6)
@given(HISTORIES)
def test_a_due_date_never_moves_later_and_no_clock_is_forgotten(batches: list[list[dict[str, str]]]) -> None:
    """Catches: awareness taken from the latest revision, a deletion that drops a clock, a clock that restarts."""
    before: dict[tuple[str, int], dict[str, Any]] = {}
    for end in range(1, len(batches) + 1):
        numbered: dict[str, int] = {}
        now: dict[tuple[str, int], dict[str, Any]] = {}
        for one in _clocks(batches[:end]):
            numbered[one["name"]] = numbered.get(one["name"], 0) + 1
            now[one["name"], numbered[one["name"]]] = one
        for key, told in before.items():
            assert now[key]["due_at"] <= told["due_at"]
            assert now[key]["ground"] == told["ground"]
        before = now


@settings(deadline=None, max_examples=6)
@given(HISTORIES)
def test_a_clock_ends_without_a_report_only_where_it_never_was_more_than_a_doubt(
    batches: list[list[dict[str, str]]],
) -> None:
    certain: set[str] = set()
    for end in range(1, len(batches) + 1):
        told = _clocks(batches[:end])
        assert not {one["name"] for one in told if one["stands"] == "withdrawn"} & certain
        here = bool(batches[end - 1]) and told
        certain |= {one["name"] for one in told if here and not one["missing"] and one["stands"] != "withdrawn"}


@settings(deadline=None, max_examples=6)
@given(HISTORIES)
def test_polls_in_between_change_nothing(batches: list[list[dict[str, str]]]) -> None:
    """A batch in which nothing changed leaves no trace: catches times taken from a batch instead of a revision."""
    last = known(*batches)
    again = known(*batches, batches[-1], at=last.now)
    assert [f.digest() for f in evaluate([RULE], last)] == [f.digest() for f in evaluate([RULE], again)]


FALLING = st.fixed_dictionaries(
    {
        "matches": st.sampled_from([{}, {0: 0}, {0: 1}]),
        "high": st.frozensets(st.sampled_from(["serious", "related", "unexpected"])),
        "awareness": st.frozensets(
            st.integers(-90, 60).map(
                lambda hours: Moment(BATCH + timedelta(hours=hours), BATCH + timedelta(hours=hours + 1))
            ),
            max_size=2,
        ),
        "present": st.booleans(),
    }
)


@given(st.lists(FALLING, min_size=2, max_size=8), st.sampled_from(["24 h", "7 d", "15 d"]), st.sampled_from(START))
def test_no_later_stage_moves_a_duty_later(told: list[dict[str, Any]], limit: str, start: Start) -> None:
    """The same without tables, over many more histories, among them nights in which the clocks change."""
    moved = timedelta(days=-68)  # 7 March 2026: an hour is missing in the night that follows
    for shift in (timedelta(), moved, timedelta(days=170)):
        stages = [_stage(number, one, shift) for number, one in enumerate(told)]
        before: list[Duty] = []
        for end in range(1, len(stages) + 1):
            now = duties(stages[:end], 0, _limit(limit), timezone=ZONE, start=start, upgrades=GROUNDS)
            assert len(now) >= len(before)
            for old, new in zip(before, now, strict=False):
                assert (new.due.lo, new.due.hi) <= (old.due.lo, old.due.hi)
                assert new.stage == old.stage
            before = now


def _stage(number: int, told: dict[str, Any], shift: timedelta) -> Stage:
    at = BATCH + shift + timedelta(hours=number)
    if not told["present"]:
        return Stage(at, at, present=False)
    aware = frozenset(Moment(one.lo + shift, one.hi + shift) for one in told["awareness"])
    return Stage(at, at, matches=told["matches"], high=told["high"], awareness=aware)


def _limit(text: str) -> Limit:
    return Limit.model_validate(read_limit(text))


MOMENTS = st.sampled_from([text for text in AWARE if text])


@given(st.lists(st.frozensets(MOMENTS, max_size=2), min_size=1, max_size=5), st.sampled_from(["24 h", "7 d", "15 d"]))
def test_the_earliest_of_every_time_that_was_ever_recorded_counts(told: list[frozenset[str]], limit: str) -> None:
    """Against a slow reading of the same words: every recorded awareness, and the entry where the first had none."""
    read = read_moment("2026-05-14T15:00Z", "UTC")
    assert read is not None
    moments = [frozenset(filter(None, (read_moment(text, "UTC") for text in one))) for one in told]
    stages = [Stage(read.lo, read.lo, matches={0: 0}, awareness=one) for one in moments]
    given_limit = _limit(limit)
    found: list[Duty] = duties(stages, 0, given_limit, timezone="UTC", start="awareness", upgrades=())
    every = [one.lo for stage in moments for one in stage] + ([] if moments[0] else [read.lo])
    assert [one.aware.lo for one in found] == [min(every)]
    assert found[0].due.lo == given_limit.due(min(every), "UTC", "awareness")
