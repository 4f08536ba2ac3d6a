"""When nothing can be written, when it is told to stop in the middle of a post, and when there are two of it.

Would catch: a monitor that goes on silently while its disk is full, one that says it is ready then or never again
afterwards, a heartbeat that lies, a stop that leaves a post in the air, and two processes that both post.
"""

from __future__ import annotations

import resource
import sqlite3
import threading
from pathlib import Path

import pytest
from slack_sdk import WebClient

import bot.link
import bot.loop
import storage.engine
from bot.access import Act
from bot.app import connect, load_studies, now_utc, opened
from bot.config import Secrets
from bot.cycle import run_cycle
from bot.link import Link, bolt_app
from bot.loop import Loop
from bot.slack.history import Pace
from bot.slack.inbound import ACTION, Request
from bot.views import Mode
from bot.workspace.people import INVESTIGATOR, TEAM_ID
from bot.workspace.server import Workspace, serve
from tests.e2e.processes import Bot, Slack, dsmbot, rows, running, until, workspace
from tests.e2e.site import OPS, STUDY, Site

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sockets of slack-sdk

SENT = "SELECT delivery_key FROM outbox WHERE status = 'sent'"
OPEN_ROWS = "SELECT delivery_key, status FROM outbox WHERE status NOT IN ('sent', 'superseded')"


def quiet(site: Site) -> bool:
    """Whether something was said and nothing is left to be said."""
    return bool(rows(site.database, SENT)) and not rows(site.database, OPEN_ROWS)


def test_a_locked_database_is_said_withholds_the_heartbeat_and_is_survived(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(storage.engine, "BUSY_SECONDS", 1)
    site.configure(heartbeat_url="https://watchdog.invalid/1")
    beats: list[str] = []
    with opened(load_studies([site.config], {}), mode=Mode.PRACTICE, secrets=Secrets()) as composed:
        loop = Loop(composed.studies, heartbeat=lambda url: bool(beats.append(url)) or True)
        other = sqlite3.connect(site.database, isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        loop.start()
        try:
            until(lambda: loop.unwritable, "the lock was never noticed")
            ready = loop.readiness(now_utc())
            assert "database is locked" in ready.unwritable
            assert any("nothing can be written" in problem for problem in ready.problems())
            until(lambda: composed.studies[0].metrics.errors.labels(STUDY)._value.get() >= 3, "no further tries")
            assert beats == []
            said = [line for line in capfd.readouterr().err.splitlines() if "cannot write" in line]
            assert len(said) == 1
            assert "close it (a backup or a viewer)" in said[0]
            other.execute("ROLLBACK")
            until(lambda: not loop.unwritable and not loop.readiness(now_utc()).problems(), "it never recovered")
            until(lambda: beats, "the heartbeat never came back")
            assert "can write again" in capfd.readouterr().err
        finally:
            loop.stop()
            other.close()
        with composed.database.reading() as conn:
            assert conn.exec_driver_sql("SELECT count(*) FROM alert").scalar_one() == 1


def _fill_disk(bot: Bot, size: int) -> None:
    """From now on no file of that process can grow beyond `size` bytes: the disk is full."""
    _, hard = resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (size, hard))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="prlimit is Linux's")
def test_a_full_disk_is_said_once_and_what_came_meanwhile_is_told_afterwards(site: Site, slack: Slack) -> None:
    site.write(site.day(69))
    with running(site, slack) as bot:
        assert bot.watching(), bot.lines
        until(lambda: quiet(site), "the beginning was never told")
        until(lambda: bot.ready()[0] == 200, "never ready")
        _fill_disk(bot, 512)
        site.write(site.day(72))
        until(lambda: bot.said("cannot write and monitors nothing"), "a full disk was never noticed")
        status, problems = bot.ready()
        assert status == 503
        assert any("nothing can be written" in problem for problem in problems)
        assert len(bot.said("cannot write")) == 1, bot.lines
        _fill_disk(bot, resource.RLIM_INFINITY)
        until(lambda: bot.said("can write again"), "it never recovered")
        until(lambda: quiet(site) and rows(site.database, "SELECT * FROM alert"), "the crossing was never told")
        until(lambda: bot.ready()[0] == 200, "never ready again")
        assert bot.terminate() == 0
    assert slack.remote.duplicates() == {}
    assert set(slack.keys()) == {key for (key,) in rows(site.database, SENT)}
    assert dsmbot(site, "audit", "verify")[0] == 0


def test_sigterm_finishes_the_post_in_flight_and_begins_no_other(site: Site, slack: Slack) -> None:
    slack.remote.fault("delay", methods=["chat.postMessage"], seconds=3.0, count=1)
    with running(site, slack) as bot:
        assert bot.watching(), bot.lines
        until(lambda: slack.hits() == 1, "nothing was posted")
        assert bot.terminate() == 0
        assert "Stopped. Nobody is being watched" in bot.lines[-1]
    sent = [key for (key,) in rows(site.database, SENT)]
    assert len(sent) == 1
    assert slack.keys() == {sent[0]: 1}
    assert rows(site.database, "SELECT * FROM outbox WHERE status IN ('sending', 'ambiguous')") == []
    with running(site, slack) as bot:
        until(lambda: quiet(site), "the next process did not go on")
        assert bot.terminate() == 0
    assert slack.remote.duplicates() == {}


def test_a_second_process_on_the_file_is_refused_and_the_first_goes_on(site: Site, slack: Slack) -> None:
    with running(site, slack) as bot, workspace("--seed", "6") as elsewhere:
        assert bot.watching(), bot.lines
        second = Bot(site, elsewhere)
        assert second.process.wait(120) == 2
        until(lambda: second.said("Another process of this product is already using the database file"), "no reason")
        assert second.said("Stop the other one first")
        until(lambda: quiet(site) and bot.ready()[0] == 200, "the first was disturbed")
        assert bot.terminate() == 0
        assert elsewhere.posted() == []


def test_a_second_process_on_the_app_is_refused_before_it_opens_a_database(
    site: Site, slack: Slack, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other", site.trial)
    other.write(other.day(72))
    with running(site, slack) as bot:
        assert bot.watching(), bot.lines
        second = Bot(other, slack)
        assert second.process.wait(120) == 2
        until(lambda: second.said("1 other connection on this Slack app"), "no reason")
        assert not other.database.exists()
        assert bot.terminate() == 0


def test_ops_is_told_once_of_another_process_on_the_app(site: Site, slack: Slack) -> None:
    notes = "SELECT content FROM outbox WHERE audience = 'ops' AND content LIKE '%second_socket%'"
    with running(site, slack) as bot:
        assert bot.watching(), bot.lines
        slack.remote.fault("second_connection", count=1)
        until(lambda: rows(site.database, notes) and quiet(site), "nobody was told")
        slack.remote.fault("disconnect")
        until(lambda: slack.remote.connections() == 2, "it never came back")
        assert bot.terminate() == 0
    assert len(rows(site.database, notes)) == 1
    told = [message["text"] for message in slack.remote.messages(OPS) if "2 connections" in message["text"]]
    assert len(told) == 1


def test_a_socket_that_slack_replaces_is_no_second_process() -> None:
    told: list[int] = []
    with serve(Workspace(seed=3)) as served:
        client = WebClient(token=served.bot_token, base_url=served.base_url)
        gone: list[int] = []
        link = Link(
            bolt_app(client), served.app_token, served.base_url, told.append,
            alone=lambda: gone.append(len(told)), look_again=0.2,
        )  # fmt: skip
        hellos: list[str] = []
        link._handler.client.on_message_listeners.append(lambda raw: hellos.append(raw) if '"hello"' in raw else None)
        link.connect()
        until(lambda: hellos, "no hello")
        for number, (others, expected) in enumerate([(0, 0), (0, 0), (1, 1), (1, 1), (0, 1), (1, 2)]):
            served.workspace.second_connection(others)  # and Slack asks for a new socket
            until(lambda seen=number + 2: len(hellos) == seen and link.connected(), f"never came back, {number}")
            until(lambda: not link.looking(), "it never stopped looking")
            until(lambda seen=number: len(gone) == (seen >= 4), "its going was not seen")
            assert len(told) == expected, number
        assert set(told) == {2}
        served.workspace.second_connection(0)
        until(lambda: gone == [1, 2], "nobody heard that it has gone, with no new socket to say so")
        link.close()


def test_a_socket_that_fails_at_first_is_tried_again_and_given_up_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bot.link, "CONNECT_PAUSES", (0.01, 0.01))
    with serve(Workspace(seed=3)) as served:
        client = WebClient(token=served.bot_token, base_url=served.base_url)
        link = Link(bolt_app(client), served.app_token, served.base_url, lambda _number: None)
        served.faults.server_error(count=2, methods=["apps.connections.open"])
        link.connect()
        assert link.connected()
        link.close()
        other = Link(bolt_app(client), served.app_token, served.base_url, lambda _number: None)
        served.faults.api_error("internal_error", count=3, methods=["apps.connections.open"])
        with pytest.raises(ConnectionError, match="internal_error"):
            other.connect()
        other.close()


def test_the_end_is_heard_although_a_new_socket_took_it_back() -> None:
    """Would catch a process that hangs when it is stopped: slack-sdk's receiver clears the flag that ends it."""
    with serve(Workspace(seed=3)) as served:
        client = WebClient(token=served.bot_token, base_url=served.base_url)
        link = Link(bolt_app(client), served.app_token, served.base_url, lambda _number: None)
        link.connect()
        socket = link._handler.client
        disconnect, state = socket.disconnect, socket.current_session_state

        def taken_back() -> None:
            state.terminated = False  # as its receiver does when it begins in the same moment
            disconnect()

        socket.disconnect = taken_back
        closing = threading.Thread(target=link.close, daemon=True)
        closing.start()
        closing.join(12.0)
        assert not closing.is_alive()
        assert not socket.current_session_runner.is_alive()


def test_a_click_that_was_kept_and_not_applied_is_applied_without_a_restart(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.loop, "CATCH_UP_SECONDS", 0.2)
    configs = load_studies([site.config], {})
    with serve(Workspace(seed=3)) as served:
        secrets = Secrets(served.bot_token, served.app_token, api_url=served.base_url)
        with opened(configs, mode=Mode.PRACTICE, secrets=secrets) as composed:
            desk = connect(composed, secrets, needs_socket=False, pace=Pace(200, 0.0)).desk
            run_cycle(composed.studies[0], now_utc())
            ((key,),) = rows(site.database, "SELECT delivery_key FROM outbox WHERE kind = 'parent'")
            request = Request(ACTION, INVESTIGATOR, TEAM_ID, "C0STSCALCSAFETY", Act.ACKNOWLEDGE, key)
            assert desk.receive("click-1", request), "and there the database became unwritable"
            loop = Loop(composed.studies, catch_up=desk.catch_up)
            loop.start()
            try:
                until(lambda: rows(site.database, "SELECT 1 FROM inbox WHERE applied_at IS NOT NULL"), "never applied")
            finally:
                loop.stop()
            assert rows(site.database, "SELECT kind, user_id FROM response") == [("acknowledged", INVESTIGATOR)]
