"""The loop and its sources: one fault stops one thing, says so, and never shows a record."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from bot.commands.output import configure_logs
from bot.loop import Loop
from bot.polling import due_sources
from storage.errors import DatabaseUnavailable, StaleWriter
from storage.sources.base import Batch, Extract, SourceState
from tests.bot.commands.life import Life, life
from tests.bot.commands.site import Site, event, subjects

TWO = [
    {"id": "edc", "kind": "sdtm", "path": "data/", "every": "5 min"},
    {"id": "lab", "kind": "sdtm", "path": "lab/", "every": "1 h"},
]


class Broken:
    """A plug-in source that fails as programs fail, quoting a record."""

    id, kind, Settings = "lab", "sdtm", None

    def poll(self, state: SourceState, now: datetime) -> Batch:
        raise KeyError("Mrs Vertraulich, ARM Verum")


def waited(true: Callable[[], Any], seconds: float = 10) -> bool:
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return True
        pause.wait(0.02)
    return False


def test_a_plug_in_that_raises_fails_alone_and_shows_no_record(
    site_of: Callable[..., Site], capsys: pytest.CaptureFixture[str]
) -> None:
    site = site_of(sources=TWO)
    with life(site) as found:
        configure_logs()
        found.study.sources = {**found.study.sources, "lab": Broken()}  # type: ignore[dict-item]
        found.put(event(1), dm=subjects(3))
        edc, lab = found.cycle().polled
        assert (edc.outcome, lab.outcome) == ("ok", "failed")
        assert "the source raised KeyError" in lab.reason
        (told,) = site.told("source failed")
        logged = capsys.readouterr()
        assert "error='KeyError'" in logged.err
        assert "test_running.py" in logged.err
        for text in (logged.out, logged.err, told["text"], site.said("ops")):
            assert "Vertraulich" not in text
            assert "Verum" not in text


class Misshapen(Broken):
    """A plug-in source whose table names a column twice, which nothing after it can make sense of."""

    def poll(self, state: SourceState, now: datetime) -> Batch:
        table = pd.DataFrame([["P-001", "Mrs Vertraulich", "K", "2026-05-01"]])
        table.columns = pd.Index(["USUBJID", "USUBJID", "LBTESTCD", "LBDTC"])
        return Batch("lab", {"LB": Extract(table)}, complete=True, watermark=now)


def test_records_that_cannot_be_compared_are_a_failure_of_their_source_alone(
    site_of: Callable[..., Site], capsys: pytest.CaptureFixture[str]
) -> None:
    site = site_of(sources=TWO)
    with life(site) as found:
        configure_logs()
        found.study.sources = {"lab": Misshapen(), "edc": found.study.sources["edc"]}  # type: ignore[dict-item]
        found.put(event(1), event(2, "P-002"), dm=subjects(3))
        cycle = found.cycle()
        outcomes = {polled.source_id: polled.outcome for polled in cycle.polled}
        assert outcomes == {"lab": "failed", "edc": "ok"}
        assert cycle.recorded is not None
        (told,) = site.told("source failed")
        assert "could not be compared" in told["text"]
        found.cycle()
        assert len(site.told("source failed")) == 1
        logged = capsys.readouterr()
        assert all("Vertraulich" not in text for text in (logged.out, logged.err, site.said("ops")))


def test_each_source_is_asked_as_often_as_its_every(site_of: Callable[..., Site]) -> None:
    site = site_of(sources=TWO)
    with life(site) as found:
        found.put(event(1), dm=subjects(3))

        def due(minutes: float) -> list[str]:
            return [source.id for source in due_sources(found.study, found.hand[0] + timedelta(minutes=minutes))]

        assert due(0) == ["edc", "lab"]
        found.cycle()
        assert due(4) == []
        assert due(5) == ["edc"]
        assert due(60) == ["edc", "lab"]
        assert due(-1) == ["edc", "lab"]  # a clock that was set back does not silence a source


@pytest.fixture
def alive(site_of: Callable[..., Site]) -> Any:
    site = site_of(operations={"health_port": 0, "heartbeat_url": "https://watch.example/x"})
    with life(site) as found:
        found.put(event(1), dm=subjects(3))
        yield found


def looping(found: Life, beats: list[str], **more: Any) -> Loop:
    def beat(url: str) -> bool:
        beats.append(url)
        return True

    return Loop([found.study], heartbeat=beat, **more)


def test_the_loop_beats_after_what_was_evaluated_and_delivered(alive: Life) -> None:
    beats: list[str] = []
    loop = looping(alive, beats)
    loop.start()
    assert waited(lambda: beats)
    assert loop.readiness(alive.hand[0]).problems() == []
    loop.stop()
    loop.stop()
    assert beats == ["https://watch.example/x"]  # at most once a minute
    assert len(alive.site.told("monitoring began", "open")) == 1


def test_a_socket_that_is_down_withholds_the_heartbeat(alive: Life) -> None:
    beats: list[str] = []
    loop = looping(alive, beats, connected=lambda: False)
    loop.start()
    assert waited(lambda: loop.health.alive() and alive.site.told("monitoring began", "open"))
    loop.stop()
    assert beats == []
    assert loop.readiness(alive.hand[0]).problems() == ["the Slack socket is not connected"]


def test_nothing_can_be_written_is_said_once_and_when_it_is_over(
    alive: Life, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    beats: list[str] = []
    loop = looping(alive, beats)
    full = DatabaseUnavailable("The disk is full", where="site.db", fix="Free space.")

    def refuse(*_: object, **__: object) -> None:
        raise full

    with monkeypatch.context() as patched:
        patched.setattr("bot.loop.run_cycle", refuse)
        for _ in range(3):
            loop._turn(alive.study)
    assert capsys.readouterr().err.count("DSMBot cannot write and monitors nothing") == 1
    assert loop.readiness(alive.hand[0]).problems() == ["nothing can be written: The disk is full",
                                                        "source SITE-1/edc has no recent complete poll"]  # fmt: skip
    assert beats == []
    loop._turn(alive.study)
    assert "DSMBot can write again and monitors SITE-1" in capsys.readouterr().err
    assert beats


def test_another_process_that_took_over_ends_the_loop(alive: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StaleWriter("Another process has taken over", where="study SITE-1", fix="Stop this one.")

    loop = looping(alive, [])
    monkeypatch.setattr("bot.loop.run_cycle", refuse)
    loop._turn(alive.study)
    assert loop.stopped.is_set()
    assert "taken over" in loop.fatal


def test_a_fault_of_one_cycle_is_counted_and_the_next_goes_on(alive: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    loop = looping(alive, [])
    with monkeypatch.context() as patched:
        patched.setattr("bot.loop.run_cycle", fail)
        loop._turn(alive.study)
    assert alive.study.metrics.registry.get_sample_value("dsmbot_cycle_errors_total", {"study": "SITE-1"}) == 1
    loop._turn(alive.study)
    assert len(alive.site.told("monitoring began", "open")) == 1
