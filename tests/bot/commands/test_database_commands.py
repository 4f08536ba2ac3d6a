"""audit, db and source accept: beside a running process, against anchors that people hold, into nothing."""

from __future__ import annotations

import json
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.app import now_utc
from storage import audit
from storage.database import open_database
from storage.heads import advance_head, lock_head
from storage.migrations import runner
from tests.bot.commands.site import Site, event, events, subjects


@pytest.fixture
def polled(site: Site) -> Site:
    """A site with two batches."""
    site.poll()
    site.write("ae.csv", events(event(1), event(2, AESER="Y", AEREL="RELATED")))
    site.poll()
    return site


def last_anchor(site: Site) -> str:
    (study,) = site.run("audit", "verify", "--json").json["studies"]
    return f"{study['seq']}:{study['hash'][:16]}"


def without_triggers(path: Path, *statements: str) -> None:
    """Change a database as somebody with the file could."""
    conn = sqlite3.connect(path)
    triggers = conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        conn.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        conn.execute(statement)
    for _, sql in triggers:
        conn.execute(sql)
    conn.commit()
    conn.close()


def test_anchors_right_and_wrong(polled: Site) -> None:
    anchor = last_anchor(polled)
    assert polled.run("audit", "verify", "--anchor", anchor).code == 0
    number, digest = anchor.split(":")
    wrong = f"{number}:{'0' * len(digest)}"
    done = polled.run("audit", "verify", "--anchor", anchor, "--anchor", wrong, "--json")
    assert (done.code, done.json["ok"]) == (1, False)
    assert done.json["studies"][0]["broken_at"] == int(number)


def test_an_anchor_finds_a_tail_that_was_cut(polled: Site) -> None:
    """A history without its end is whole in itself: only what people hold outside shows that something is gone."""
    anchor = last_anchor(polled)
    (head,) = polled.run("audit", "verify", "--json").json["studies"]
    cut = int(head["seq"]) - 1
    conn = sqlite3.connect(polled.database)
    (digest,) = conn.execute("SELECT hash FROM audit WHERE seq = ?", (cut,)).fetchone()
    conn.close()
    without_triggers(
        polled.database,
        f"DELETE FROM audit WHERE seq > {cut}",
        f"UPDATE study_head SET audit_seq = {cut}, audit_hash = '{digest}'",
    )
    done = polled.run("audit", "verify", "--anchor", anchor)
    assert done.code == 1
    assert str(head["seq"]) in done.err


def test_the_audit_record_as_lines(polled: Site) -> None:
    shown = polled.run("audit", "export")
    entries = [json.loads(line) for line in shown.out.splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert {"batch_closed", "evaluation"} <= {entry["kind"] for entry in entries}
    target = polled.folder / "audit.jsonl"
    assert polled.run("audit", "export", "--out", str(target)).code == 0
    assert target.read_text("utf-8") == shown.out
    assert polled.run("audit", "export", "--out", str(polled.folder)).code == 2


def test_reading_commands_make_no_database(site: Site) -> None:
    for words in (["audit", "verify"], ["audit", "export"], ["source", "accept", "edc", "--reason", "x"],
                  ["db", "backup", str(site.folder / "copy.db")]):  # fmt: skip
        done = site.run(*words)
        assert done.code == 2, words
        assert done.out == ""
        assert not site.database.exists()
    assert not (site.folder / "copy.db").exists()
    upgraded = site.run("db", "upgrade")
    assert upgraded.code == 0
    assert f"schema {runner.HEAD}" in upgraded.err
    assert site.database.exists()


@contextmanager
def writer(site: Site) -> Iterator[list[int]]:
    """A process that holds the database and writes without rest, as `dsmbot run` does."""
    study = site.study()
    held = open_database(study.storage.url, mode="live", study_ids=[study.id], now=now_utc())
    stop, written = threading.Event(), [0]

    def work() -> None:
        while not stop.wait(0.002):
            with held.writing(study.id) as conn:
                head = lock_head(conn, study.id)
                body = {"n": written[0]}
                advance_head(conn, audit.append(conn, head, at=now_utc(), actor="test", kind="entry", body=body))
            written[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield written
    finally:
        stop.set()
        thread.join()
        held.close()


def test_backup_beside_a_writer_and_restore_into_nothing(polled: Site) -> None:
    copy = polled.folder / "copies" / "one.db"
    copy.parent.mkdir()
    with writer(polled) as written:
        done = polled.run("db", "backup", str(copy))
        during = written[0]
        verified = polled.run("audit", "verify")
        assert (verified.code, during > 0) == (0, True)
    assert done.code == 0
    assert "audit entries, whole" in done.err
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [f.name for f in copy.parent.iterdir()] == ["one.db"]
    assert polled.run("db", "backup", str(copy)).code == 2  # never over another copy
    refused = polled.run("db", "restore", str(copy))
    assert refused.code == 2
    assert "not empty" in refused.err
    elsewhere = f"sqlite:///{polled.folder / 'restored.db'}"
    restored = polled.run("db", "restore", str(copy), DSMBOT_DATABASE_URL=elsewhere)
    assert restored.code == 0
    assert "audit entries, whole" in restored.err
    as_run = polled.run("replay", "--as-run", "--json", DSMBOT_DATABASE_URL=elsewhere)
    assert (as_run.code, as_run.json["batches"]) == (0, 2)
    before = len(polled.messages("open"))
    assert polled.poll(DSMBOT_DATABASE_URL=elsewhere).json["notifications"]["pending"] == 0
    assert len(polled.messages("open")) == before  # what was said stays said


def test_a_copy_that_was_changed_is_not_restored(polled: Site) -> None:
    copy = polled.folder / "copy.db"
    polled.run("db", "backup", str(copy))
    without_triggers(copy, "UPDATE audit SET actor = 'nobody' WHERE seq = 2")
    done = polled.run("db", "restore", str(copy), DSMBOT_DATABASE_URL=f"sqlite:///{polled.folder / 'new.db'}")
    assert done.code == 2
    assert "does not verify" in done.err
    garbage = polled.folder / "garbage.db"
    garbage.write_text("not a backup")
    for source in (garbage, polled.folder / "nowhere.db"):
        done = polled.run("db", "restore", str(source), DSMBOT_DATABASE_URL=f"sqlite:///{polled.folder / 'n2.db'}")
        assert done.code == 2


def test_accept_while_the_database_is_held(polled: Site) -> None:
    """`dsmbot run` goes on: it is not fenced off, and its next write succeeds."""
    with writer(polled) as written:
        done = polled.run("source", "accept", "edc", "--reason", "site 3 withdrawn")
        assert done.code == 0, done.err
        seen = written[0]
        deadline = threading.Event()
        while written[0] < seen + 3 and not deadline.wait(0.01):
            pass
    polled.write("dm.csv", subjects(1))
    polled.write("ae.csv", "USUBJID,AESEQ,AEDECOD,AESTDTC\n")
    found = polled.poll()
    assert found.code == 0, found.err
    assert found.json["sources"][0]["deleted"] == 5
    assert polled.run("audit", "verify").code == 0
