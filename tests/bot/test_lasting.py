"""Each trouble that lasts is told to ops once when it begins and once when it is over, also across a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import bot.loop
from bot.access import disclose
from bot.cycle import run_cycle
from bot.loop import Loop
from bot.slack.messages import render
from bot.study import Study, Vitals
from bot.telling.watching import watch
from bot.views import OpsContent, stored_from_body
from rules.model import Audience, Finding, State
from storage import outbox
from tests.bot.test_watchfulness import DM, NO_AE, START, Given, configured, post_everything, study_of

MINUTE = timedelta(minutes=1)


@pytest.fixture
def at() -> list[datetime]:
    return [START]


@pytest.fixture
def study(tmp_path: Path, at: list[datetime]) -> Iterator[Study]:
    with study_of(configured(tmp_path), at) as study:
        study.sources = {"edc": Given("edc", {"DM": DM, "AE": NO_AE}), "lab": Given("lab", {"DM": DM.head(0)})}
        run_cycle(study, at[0])
        post_everything(study, at[0])
        yield study


def told(study: Study, at: list[datetime], passed: timedelta = MINUTE) -> list[str]:
    """Headings of what ops is newly told when time has passed."""
    at[0] += passed
    watch(study, at[0])
    with study.database.reading() as conn:
        queued = outbox.with_status(conn, outbox.Status.QUEUED, study_id=study.id)
    said = []
    for item in (item for item in queued if item.audience == "ops"):
        content = stored_from_body(item.content)
        if isinstance(content, OpsContent):
            message = render(disclose(content, Audience.OPS, study.voice.setting), item.delivery_key)
            said.append(message.blocks[0]["text"]["text"].split(" ", 1)[1].removeprefix("SIMULATED · "))
    return said


def _socket(study: Study, at: datetime, *, on: bool) -> None:
    study.vitals.socket_lost_at = at if on else None


def _second(study: Study, at: datetime, *, on: bool) -> None:
    study.vitals.others = int(on)


def _cycle(study: Study, at: datetime, *, on: bool) -> None:
    study.vitals.failing_since, study.vitals.failure = (at, "KeyError") if on else (None, "")


def _person(study: Study, at: datetime, *, on: bool) -> None:
    study.vitals.absent = frozenset({"U0INVESTIGATOR"} if on else ())


TROUBLES: list[tuple[Callable[..., None], list[str], list[str]]] = [
    (_socket, ["Socket to Slack lost"], ["Socket to Slack is back"]),
    (_second, ["Second connection on this Slack app"], ["Alone on this Slack app again"]),
    (_cycle, ["The cycle fails"], ["The cycle works again"]),
    (
        _person,
        ["Role holder deactivated", "Nobody holds this role: investigator"],
        ["Role holder active again", "The role is held again: investigator"],
    ),
]


@pytest.mark.parametrize(("trouble", "begins", "ends"), TROUBLES, ids=lambda p: getattr(p, "__name__", None))
def test_a_trouble_is_told_once_when_it_begins_and_once_when_it_is_over(
    study: Study, at: list[datetime], trouble: Callable[..., None], begins: list[str], ends: list[str]
) -> None:
    """Would catch a trouble that is never told, told at every look or after a restart, or never said to be over."""
    for _ in range(2):
        trouble(study, at[0], on=True)
        assert told(study, at, 3 * MINUTE) == begins
        post_everything(study, at[0])
        study.vitals = Vitals()
        trouble(study, at[0], on=True)
        assert told(study, at, 3 * MINUTE) == [], "a restart in between: it was told before"
        trouble(study, at[0], on=False)
        assert told(study, at) == ends
        post_everything(study, at[0])
        assert told(study, at) == []


def test_a_socket_that_is_replaced_within_a_moment_is_no_news(study: Study, at: list[datetime]) -> None:
    study.vitals.socket_lost_at = at[0]
    assert told(study, at) == []


def test_an_outbox_that_does_not_drain_is_told_once_although_other_messages_wait_later(
    study: Study, at: list[datetime]
) -> None:
    """Would catch one more notice for each message that becomes the oldest while the queue drains slowly."""
    for number in range(3):
        with study.database.writing(study.id) as conn:
            outbox.enqueue(
                conn, study_id=study.id, delivery_key=f"n-{number}", audience="open", kind="note", content={},
                priority=8, created_at=at[0],
            )  # fmt: skip
        at[0] += MINUTE
    assert told(study, at, 11 * MINUTE) == ["Messages wait"]
    [item] = outbox.claim(study.database, at[0], audiences=["open"], limit=1)
    with study.database.writing() as conn:
        outbox.mark_sent(conn, item.outbox_id, item.lease or "", channel_id="C1", ts="1", at=at[0])
    assert told(study, at) == ["Messages wait"], "the same one, still queued"
    post_everything(study, at[0])
    assert told(study, at) == ["Messages no longer wait"]


def test_a_rule_that_errors_is_told_once_and_again_for_another_reason_and_when_it_works(
    study: Study, at: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(reason: str) -> None:
        state = State.NOT_EVALUABLE if reason else State.WITHIN
        found = (Finding("sae", "study", state, reason=reason), Finding("few", "study", State.WITHIN))
        monkeypatch.setattr("bot.cycle.evaluate", lambda *_: found)
        study.sources["edc"].frames = {"DM": DM.assign(AGE=str(at[0].minute)), "AE": NO_AE}  # type: ignore[attr-defined]
        at[0] += MINUTE
        run_cycle(study, at[0])

    for reason, expected in [
        ("ZeroDivisionError", ["Rule could not be evaluated: sae"]), ("ZeroDivisionError", []),
        ("KeyError", ["Rule could not be evaluated: sae"]), ("", ["Rule evaluated again: sae"]), ("", []),
        ("ZeroDivisionError", ["Rule could not be evaluated: sae"]),
    ]:  # fmt: skip
        judged(reason)
        assert told(study, at, timedelta()) == expected, reason
        post_everything(study, at[0])


def test_the_running_loop_sees_a_cycle_that_fails_a_lost_socket_and_who_has_left(
    study: Study, at: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a loop that logs a fault of the program and lets people believe that it watches."""
    monkeypatch.setattr(bot.loop, "run_cycle", lambda *_: 1 / 0)
    present = {"U0INVESTIGATOR": False, "U0MONITOR": True, "U0BOARD": None}
    loop = Loop([study], connected=lambda: False, present=lambda user: present[user])
    loop._turn(study)
    loop._people()
    at[0] += 3 * MINUTE
    loop._turn(study)
    assert told(study, at, timedelta()) == [
        "Socket to Slack lost", "The cycle fails", "Role holder deactivated", "Nobody holds this role: investigator",
    ]  # fmt: skip
    assert study.vitals.failure == "ZeroDivisionError"
    present["U0INVESTIGATOR"] = None  # type: ignore[assignment]
    loop._people()
    assert study.vitals.absent == {"U0INVESTIGATOR"}, "Slack does not say: what it said last stands"
