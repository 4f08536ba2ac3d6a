"""History that is not in the chain itself: changed behind the triggers, it is found and named."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, text

from rules.model import Reason
from storage import audit, findings, heads, proof
from storage.database import Database
from storage.proof import revision_mark
from storage.records import content_hash
from storage.schema import batch, ingest, revision
from tests.storage.make import NOW, STUDY, change, finding, minutes, respond, write

REVISIONS = [
    ("AE", "P-1/1", "P-1/E1", '{"AETERM":"RASH"}', False, NOW),
    ("AE", "P-1/2", "P-1/E2", '{"AETERM":"PAIN é"}', False, None),
    ("AE", "P-2/1", "P-2/1", "", True, None),
]


def _close_batch(database: Database) -> None:
    with database.writing(STUDY) as conn:
        place = {"study_id": STUDY, "source_id": "edc"}
        number = conn.execute(insert(ingest).values(opened_at=NOW, **place)).inserted_primary_key[0]
        marks = []
        for domain, key, event, payload, deleted, entered in REVISIONS:
            row = {"domain": domain, "record_key": key, "event_key": event, "content_hash": content_hash(payload)}
            row |= {"deleted": deleted, "entered_at": entered, "payload": payload}
            conn.execute(insert(revision).values(ingest_id=number, **place, **row))
            marks.append(revision_mark(**row))
        digest = audit.digest_of(marks)
        closed = {"closed_at": NOW, "watermark": NOW, "complete": True, "counts": {"new": 3}, "digest": digest}
        conn.execute(insert(batch).values(batch_no=1, ingest_id=number, **place, **closed))
        body = {"batch": 1, "source": "edc", "counts": {"new": 3}, "digest": digest}
        head = audit.append(conn, heads.lock_head(conn, STUDY), at=NOW, actor="dsmbot", kind="batch_closed", body=body)
        heads.advance_head(conn, head, batch_no=1)


@pytest.fixture
def history(database: Database) -> Database:
    """A batch (entry 2), a rule (3), an evaluation (4), an alert (5), its second version (6), a response (7)."""
    _close_batch(database)
    with database.writing(STUDY) as conn:
        head = heads.lock_head(conn, STUDY)
        version, head = findings.register_rule(
            conn, head, "tolerability", fingerprint="f", body={"stop_at": [None, 2]}, now=NOW
        )
        findings.store_evaluation(
            conn, head, findings=[finding(), finding(scope="site-1")], rule_versions={"tolerability": version},
            batch_no=1, data_cutoff=NOW, at=NOW, code_version="1.0",
        )  # fmt: skip
        alert_id = write(conn).alert_id
        write(conn, finding(events=5), change(Reason.WORSENED), at=minutes(1))
        respond(conn, alert_id, note="seen")
    return database


def _verify(database: Database) -> audit.Verification:
    with database.reading() as conn:
        return proof.verify(conn, STUDY)


def _tamper(database: Database, statement: str) -> None:
    with database.writing() as conn:
        if database.is_sqlite:
            names = conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                conn.execute(text(f"DROP TRIGGER {name}"))
        else:
            for table in ("revision", "batch", "evaluation", "finding", "alert_version", "response", "rule_version"):
                conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        assert conn.execute(text(statement)).rowcount != 0


def test_an_untouched_history_is_whole(history: Database) -> None:
    found = _verify(history)
    assert (found.ok, found.seq) == (True, 7), found.text


@pytest.mark.parametrize(
    ("statement", "entry", "says"),
    [
        ("UPDATE revision SET payload = replace(payload, 'RASH', 'NONE')", 2, "a record of batch 1 was changed: AE"),
        ("UPDATE revision SET record_key = 'P-9/1' WHERE record_key = 'P-1/1'", 2, "records of batch 1"),
        ("UPDATE revision SET event_key = 'P-1/E2' WHERE record_key = 'P-1/1'", 2, "records of batch 1"),
        ("UPDATE revision SET deleted = true WHERE record_key = 'P-1/2'", 2, "records of batch 1"),
        ("UPDATE revision SET entered_at = NULL", 2, "records of batch 1"),
        ("UPDATE revision SET domain = 'EX'", 2, "records of batch 1"),
        ("DELETE FROM revision WHERE record_key = 'P-1/1'", 2, "records of batch 1"),
        ("UPDATE batch SET digest = 'x'", 2, "batch 1 was changed"),
        ("UPDATE batch SET batch_no = 7", 2, "batch 1 is gone"),
        ("UPDATE rule_version SET body = replace(body, '2', '9')", 3, "version 1 of rule tolerability"),
        ("UPDATE evaluation SET rule_versions = '{}'", 4, "evaluation 1 was changed"),
        ("UPDATE finding SET body = replace(body, 'CROSSED', 'WITHIN') WHERE scope = 'study'", 4, "finding 1 of rule"),
        ("DELETE FROM finding WHERE scope = 'site-1'", 4, "findings of evaluation 1"),
        ("UPDATE alert_version SET finding = replace(finding, 'CROSSED', 'WITHIN') WHERE version = 1", 5, "version 1"),
        ("UPDATE alert_version SET reason = 'NO_LONGER_MET' WHERE version = 2", 6, "version 2 of alert 1"),
        ("DELETE FROM response", 7, "response 1 to alert 1"),
        ("UPDATE response SET note = 'never saw it'", 7, "response 1 to alert 1"),
        ("UPDATE response SET kind = 'resolved'", 7, "response 1 to alert 1"),
        ("UPDATE alert_head SET resolved = true", 7, "where alerts stand"),
        ("DELETE FROM alert_head", 7, "where alerts stand"),
        ('UPDATE response SET body = \'{"assignee":"U9"}\'', 7, "response 1"),
        ("UPDATE finding_head SET digest = 'x' WHERE scope = 'study'", 7, "the last findings"),
    ],
)
def test_a_change_behind_the_triggers_is_found(history: Database, statement: str, entry: int, says: str) -> None:
    _tamper(history, statement)
    found = _verify(history)
    assert not found.ok
    assert (found.broken_at, found.problem[: len(says)]) == (entry, says)


def test_a_swap_of_two_records_is_found(history: Database) -> None:
    swap = "CASE record_key WHEN 'P-1/1' THEN 'P-1/2' WHEN 'P-1/2' THEN 'P-1/1' ELSE record_key END"
    _tamper(history, f"UPDATE revision SET record_key = {swap}")
    assert _verify(history).broken_at == 2


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO response SELECT 99, study_id, alert_id, 2, kind, '', '', at, basis, 'x', '', body FROM response",
        "INSERT INTO rule_version SELECT study_id, rule_id, 2, 'g', body, valid_from FROM rule_version",
        "INSERT INTO batch SELECT study_id, 2, 9, source_id, closed_at, watermark, complete, counts, digest FROM batch",
        "INSERT INTO alert_version SELECT 1, version + 2, at, reason, rule_version, finding, change FROM alert_version",
    ],
)
def test_a_row_put_in_without_an_entry_is_found(history: Database, statement: str) -> None:
    with history.writing() as conn:  # no trigger refuses an INSERT
        conn.execute(text(statement))
    assert "vouched for by no entry" in _verify(history).problem


def test_revisions_of_a_batch_that_was_never_closed_are_no_matter(history: Database) -> None:
    with history.writing() as conn:
        row = {"ingest_id": 99, "study_id": STUDY, "source_id": "edc", "domain": "AE", "record_key": "x"}
        rest = {"event_key": "x", "content_hash": b"0" * 16, "deleted": False, "payload": "{}"}
        conn.execute(insert(revision).values(**row, **rest))
    assert _verify(history).ok


def test_a_broken_chain_is_said_first(history: Database) -> None:
    with history.writing() as conn:
        conn.execute(text("UPDATE study_head SET audit_seq = 6"))
    assert "head says 6" in _verify(history).problem


def test_keys_that_run_together_give_different_marks() -> None:
    settings = {"content_hash": b"h", "deleted": False, "entered_at": None}
    one = revision_mark("AE", "P-1", "1E", **settings)  # type: ignore[arg-type]
    other = revision_mark("AE", "P-11", "E", **settings)  # type: ignore[arg-type]
    assert one != other
