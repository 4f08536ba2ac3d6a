"""The JSON documents and exit codes that scripts rely on: exactly these keys, and nothing else on stdout."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
import typer
import yaml
from sqlalchemy import create_engine
from typer.testing import CliRunner

from bot.cli import app
from bot.commands.demo import outcome
from bot.demo.stage import set_up
from rules.model import Audience
from storage.triggers import create_triggers
from tests.bot.commands.site import ANY, SERIOUS, Site, event, events, subjects

POLL = {"study", "sources", "alerts", "notifications"}
SOURCE = {
    "id", "outcome", "reason", "new", "changed", "deleted", "unchanged", "flagged", "duplicate_keys",
    "arm_revealing_dropped",
}  # fmt: skip
REPLAY = {"study", "audience", "findings", "batches", "records", "differences"}
FINDING = {
    "rule", "scope", "state", "first_crossed_on", "known_at", "events", "n_evaluable", "n_pending", "n_overdue",
    "stop_at", "evidence",
}  # fmt: skip
CHECK = {"ok", "problems", "warnings", "rules", "sources", "slack"}
DEMO = {
    "days", "polls", "records", "alerts", "acknowledged", "notifications", "duplicates_visible", "reconciled",
}  # fmt: skip
CLOSED = {**ANY, "id": "board-only", "audience": "closed", "at_least": 1}
BOUNDARY = {
    "id": "tolerability", "kind": "boundary", "title": "Any reaction", "events": {}, "window": {"after_days": 28},
    "design": {"method": "pocock", "null_rate": 0.2, "alpha": 0.1, "max_n": 20}, "action": "pause_enrolment",
    "audience": "open",
}  # fmt: skip


def commands() -> Iterator[list[str]]:
    root = typer.main.get_command(app)
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        for deeper in getattr(command, "commands", {"": None}):
            yield [name, deeper] if deeper else [name]


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_explains_itself_by_an_example(words: list[str]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"])
    assert shown.exit_code == 0
    assert re.search(rf"Example: dsmbot {' '.join(words)}\b", shown.stdout)


def test_poll(site: Site) -> None:
    first = site.poll()
    assert first.code == 0
    assert set(first.json) == POLL
    assert set(first.json["sources"][0]) == SOURCE
    assert first.json["alerts"] == {"opened": 0, "updated": 0}
    assert first.json["notifications"] == {"sent": 1, "pending": 0, "held": 0}  # the starting state
    again = site.poll().json  # at once: every source is asked, whatever its `every`
    assert again["sources"][0]["outcome"] == "unchanged"
    assert again["notifications"]["sent"] == 1
    site.write("ae.csv", events(event(1), event(2)))
    assert site.poll().json["alerts"] == {"opened": 1, "updated": 0}


def test_replay_in_every_order(site_of: Callable[..., Site]) -> None:
    site = site_of(rules=[SERIOUS, ANY, CLOSED])
    site.write("dm.csv", subjects(4))
    site.write("ae.csv", events(event(1)))
    once = site.run("replay", "--json")  # nothing stored: the sources are read, and forgotten
    assert (once.code, once.json["records"], site.database.exists()) == (0, 5, False)
    site.poll()
    late = event(2, AESTDTC="2026-01-20", AESER="Y", AEREL="RELATED")
    site.write("ae.csv", events(event(1), late))
    site.poll()
    found = {order: site.run("replay", "--json", "--by", order) for order in ("batch", "entry-date", "onset")}
    for order, done in found.items():
        assert done.code == 0, order
        assert set(done.json) == REPLAY
        assert (done.json["audience"], done.json["differences"]) == ("open", [])
        assert {f["rule"] for f in done.json["findings"]} == {"any-event", "related-serious"}  # the board's is withheld
        assert all(set(finding) == FINDING for finding in done.json["findings"])
        (any_event,) = [f for f in done.json["findings"] if f["rule"] == "any-event"]
        assert any_event["first_crossed_on"] == "2026-02-03"  # the second of the two by onset
        assert any_event["evidence"] == ["S-001|1", "S-002|1"]
        assert datetime.fromisoformat(any_event["known_at"]).tzinfo is not None
    assert [found[order].json["batches"] for order in found] == [2, 1, 6]
    assert "board-only" not in found["batch"].out + found["batch"].err
    none = site.run("replay", "--json", "--to", "2020-01-01").json
    assert (none["batches"], none["findings"]) == (0, [])


def tampered(site: Site, statement: str) -> None:
    """Change history behind the triggers' back, and put the triggers back."""
    conn = sqlite3.connect(site.database)
    for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        conn.execute(f"DROP TRIGGER {name}")
    assert conn.execute(statement).rowcount == 1
    conn.commit()
    conn.close()
    engine = create_engine(f"sqlite:///{site.database}")
    with engine.begin() as restored:
        create_triggers(restored)
    engine.dispose()


TAMPERING = {
    "a criterion is taken away": """UPDATE revision SET payload = replace(payload, '"AESER":"Y"', '"AESER":"N"')
        WHERE record_key = 'S-002|1'""",
    "a record is taken away": "DELETE FROM revision WHERE record_key = 'S-002|1'",
    "a finding is rewritten": "UPDATE finding SET digest = 'x' WHERE rule_id = 'related-serious'",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING.keys())
def test_as_run_agrees_with_an_honest_history_and_with_no_other(site: Site, statement: str) -> None:
    assert site.run("replay", "--as-run").code == 2  # nothing was run
    site.poll()
    rows = [event(1), event(2, AESER="Y", AEREL="RELATED")]
    site.write("ae.csv", events(*rows))
    site.poll()
    site.write("ae.csv", events(*rows, event(3)))
    site.poll()
    honest = site.run("replay", "--as-run", "--json")
    assert (honest.code, honest.json["differences"], honest.json["batches"]) == (0, [], 3)
    assert {f["rule"] for f in honest.json["findings"]} == {"any-event", "related-serious"}
    assert site.run("audit", "verify").code == 0
    tampered(site, statement)
    found = site.run("replay", "--as-run", "--json")
    assert found.code == 1
    assert {d["rule"] for d in found.json["differences"]} >= {"related-serious"}
    assert site.run("audit", "verify").code == 1


def test_as_run_survives_an_amended_rule_a_deletion_and_a_vanished_scope(site: Site) -> None:
    site.poll()
    serious = event(2, AESER="Y", AEREL="RELATED")
    site.write("ae.csv", events(event(1), serious))
    site.poll()
    site.write("ae.csv", events(event(1)))  # the serious event is withdrawn
    site.poll()
    site.configure(rules=[{**SERIOUS, "except": {"terms": "harmless"}}, {**ANY, "at_least": 1}],
                   terms={"harmless": {"terms": ["Hangnail"]}})  # fmt: skip
    site.poll()
    site.write("ae.csv", events(event(1), serious))
    site.poll()
    done = site.run("replay", "--as-run", "--json")
    assert (done.code, done.json["differences"], done.json["batches"]) == (0, [], 5)


def test_as_run_shows_nothing_of_the_board_but_that_it_differs(site_of: Callable[..., Site]) -> None:
    site = site_of(rules=[CLOSED])
    site.write("dm.csv", subjects(4))
    site.write("ae.csv", events(event(1)))
    site.poll()
    tampered(site, "DELETE FROM revision WHERE record_key = 'S-001|1'")
    done = site.run("replay", "--as-run", "--json")
    assert (done.code, done.json["findings"]) == (1, [])
    assert done.json["differences"] == [{"evaluation": 1, "batch": 1, "rule": "board-only"}]


def test_check(site_of: Callable[..., Site]) -> None:
    site = site_of(rules=[BOUNDARY])
    for words in (["--offline"], []):
        done = site.run("check", "--json", *words)
        assert done.code == 1  # nobody is escalated to, no heartbeat: warnings
        assert set(done.json) == CHECK
        (rule,) = done.json["rules"]
        assert {"id", "title", "attained_alpha", "stop_at", "oc"} <= set(rule)
        assert 0.08 < rule["attained_alpha"] <= 0.1
        assert {"rate", "p_stop", "expected_n", "expected_events"} == set(rule["oc"][0])
        assert all(set(w) == {"file", "line", "where", "problem", "fix"} for w in done.json["warnings"])
        assert bool(done.json["slack"]) is (not words)
    assert "Slack was not asked" in site.run("check", "--offline").err
    quiet = {"operations": {"heartbeat_url": "https://watch.example/x"},
             "slack": {"escalate": [{"after": "30 min", "to": "medical_monitor"}]}}  # fmt: skip
    site.configure(rules=[BOUNDARY], **quiet)
    assert site.run("check").code == 0
    site.configure(rules=[{**BOUNDARY, "windw": 3}], **quiet)
    bad = site.run("check", "--json")
    assert (bad.code, bad.json["ok"]) == (2, False)
    assert "windw" in bad.json["problems"][0]["where"] + bad.json["problems"][0]["problem"]


def test_the_outcome_of_a_demo_counts_what_people_see() -> None:
    with set_up(scenario="toxic", seed=7, port=0, told=lambda _line: None) as stage:
        stage.look()
        stage.next_day()
        assert stage.settle(10)
        found = outcome(stage)
        assert set(found) == DEMO
        assert (found["reconciled"], found["duplicates_visible"], found["days"]) == (True, 0, 2)
        channel = stage.channel(Audience.OPS)
        key = stage.workspace.messages(channel)[0]["ts"]
        stage.connection.delivery.line.client.chat_delete(channel=stage.workspace.workspace.channel(channel).id, ts=key)
        assert outcome(stage)["reconciled"] is False  # a message that people no longer see


def test_words_that_mean_nothing(site: Site) -> None:
    for words in (
        ["replay", "--by", "moon"], ["replay", "--from", "yesterday"], ["demo", "--scenario", "x"],
        ["audit", "verify", "--anchor", "x"], ["source", "test", "nope"],
    ):  # fmt: skip
        done = site.run(*words) if words[0] != "demo" else CliRunner().invoke(app, words)
        assert getattr(done, "code", getattr(done, "exit_code", 0)) == 2, words
    for suffix in ("BAD", "a b", "x" * 21):
        assert CliRunner().invoke(app, ["slack", "manifest", "--suffix", suffix]).exit_code == 2
    done = site.run("check", "-c", str(site.folder / "nowhere.yaml"))
    assert done.code == 2
    assert "nowhere.yaml" in done.err


def test_the_manifest_of_one_of_several_instances() -> None:
    done = CliRunner().invoke(app, ["slack", "manifest", "--suffix", "calc"])
    assert done.exit_code == 0
    (command,) = yaml.safe_load(done.stdout)["features"]["slash_commands"]
    assert command["command"] == "/safety-calc"


def test_a_source_is_tried_without_storing_anything(site: Site) -> None:
    done = site.run("source", "test", "edc", "--json")
    assert done.code == 0
    assert done.json["domains"]["AE"]["rows"] == 1
    assert not site.database.exists()
    site.write("ae.csv", "USUBJID\nS-001\n")
    failed = site.run("source", "test", "edc", "--json")
    assert (failed.code, failed.json["outcome"]) == (1, "failed")
    assert "ae.csv has no column" in failed.json["reason"]
