"""Replay over total exposure. Catches: an event number off by one, "at" read as "before", a delay ignored."""

from __future__ import annotations

from typing import Any

import pytest

from rules.errors import DesignError
from rules.statistics.exposure import calibrate_exposure, replay_exposure

ASKED: dict[str, Any] = {"null_rate": 0.2, "alpha": 0.1, "max_n": 50, "window": 60}
POCOCK = calibrate_exposure("exposure_pocock", **ASKED)


def test_nothing_yet() -> None:
    stands = replay_exposure(POCOCK, [], 10.0)
    assert (stands.events, stands.crossed, stands.next_event) == (0, False, 1)
    assert stands.next_up_to == POCOCK.up_to_exposure[0]


def test_an_event_number_that_is_no_longer_early_enough_is_passed_over() -> None:
    stands = replay_exposure(POCOCK, [], 100.0)
    assert (stands.next_event, stands.next_up_to) == (3, POCOCK.up_to_exposure[2])


def test_the_first_event_early_enough_crosses_and_stays_crossed() -> None:
    third = POCOCK.up_to_exposure[2]
    stands = replay_exposure(POCOCK, [50.0, 120.0, third, 1000.0], 1200.0)
    assert (stands.crossed_event, stands.crossed_exposure) == (3, third)
    assert not replay_exposure(POCOCK, [50.0, 120.0, third * 1.001], 1200.0).crossed


def test_beyond_the_design() -> None:
    assert not replay_exposure(POCOCK, [], 3000.0).beyond
    stands = replay_exposure(POCOCK, [2999.0], 3001.0)
    assert (stands.beyond, stands.next_event, stands.next_up_to, stands.crossed) == (True, None, None, False)
    crowded = [2000.0 + i for i in range(51)]
    assert replay_exposure(POCOCK, crowded, 2100.0).beyond
    recurrent = calibrate_exposure("exposure_pocock", recurrent=True, **ASKED)
    assert not replay_exposure(recurrent, crowded, 2100.0).beyond


def test_a_delay_holds_the_signal_back_until_it_has_passed() -> None:
    late = calibrate_exposure("exposure_max_sprt", delay=2.0, **ASKED)
    opens = late.first_exposure
    many = [opens / 100 * i for i in range(1, late.events[0] + 1)]
    assert not replay_exposure(late, many, opens * 0.9).crossed
    stands = replay_exposure(late, many, opens * 1.1)
    assert (stands.crossed_event, stands.crossed_exposure) == (late.events[0], opens)


def test_below_the_minimum_no_event_stops() -> None:
    least = calibrate_exposure("exposure_max_sprt", min_events=4, **ASKED)
    assert not replay_exposure(least, [1.0, 2.0, 3.0], 10.0).crossed
    assert replay_exposure(least, [1.0, 2.0, 3.0, 4.0], 10.0).crossed_event == 4


@pytest.mark.parametrize(
    ("times", "now", "parameter"),
    [
        ([5.0, 3.0], 10.0, "exposure_at_event"),
        ([5.0], 4.0, "exposure_at_event"),
        ([-1.0], 4.0, "exposure_at_event"),
        ([], -1.0, "exposure"),
        ([], float("nan"), "exposure"),
    ],
)
def test_bad_exposures_are_named(times: list[float], now: float, parameter: str) -> None:
    with pytest.raises(DesignError) as error:
        replay_exposure(POCOCK, times, now)
    assert error.value.parameter == parameter
