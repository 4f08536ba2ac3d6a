"""The closed side of a study: numbers apart, findings sealed, a chain of its own that verifies without the key."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from rules.model import Audience, Finding, State, Urgency
from storage import alerts, audit, backup, heads, outbox, proof, sealing
from storage.allocation import AllocationKey
from storage.database import Database, open_database
from storage.errors import AllocationKeyError
from storage.findings import last_findings, register_rule, store_evaluation
from storage.schema import alert, alert_version, evaluation, finding
from storage.sides import closed_side, is_closed, study_of
from tests.storage.make import NOW, STUDY, minutes, opening, queue, write
from tests.storage.make import finding as made

CLOSED = closed_side(STUDY)
GROUP = made("by-arm", "arm:A", details={"table": [4]}, reason="SECRETREASON")


@pytest.fixture
def both(database: Database) -> Database:
    """A database with a closed side beside the study, and the key."""
    database.allocation_key = AllocationKey.from_text(AllocationKey.generate())
    with database.writing() as conn:
        heads.ensure_study(conn, CLOSED, "practice", NOW)
    return database


def judged(db: Database, side: str, *found: Finding, batch_no: int = 1) -> tuple[Finding, ...]:
    """One evaluation on one side, and an alert for each finding that is met."""
    with db.writing(side) as conn:
        head = heads.lock_head(conn, side)
        versions = {}
        for item in found:
            versions[item.rule], head = register_rule(conn, head, item.rule, fingerprint="f", body={"x": 1}, now=NOW)
        stored = store_evaluation(
            conn, head, findings=found, rule_versions=versions, batch_no=batch_no, data_cutoff=NOW, at=NOW,
            code_version="1",
        )  # fmt: skip
        head = stored.head
        for item in stored.changed:
            if item.state is State.CROSSED:
                head = alerts.write_version(
                    conn, head, finding=item, transition=opening(), rule_version=1, audience=Audience.CLOSED,
                    urgency=Urgency.CRITICAL, at=NOW,
                ).head  # fmt: skip
        return stored.changed


def test_ids_of_sides() -> None:
    assert (is_closed(CLOSED), is_closed(STUDY), study_of(CLOSED), study_of(STUDY)) == (True, False, STUDY, STUDY)


def test_a_closed_side_that_was_first_moves_no_number_of_the_open_one(both: Database) -> None:
    """Would catch an open audit entry or delivery key that counts rows of the closed side."""
    judged(both, CLOSED, GROUP)
    judged(both, STUDY, made())
    judged(both, CLOSED, dataclasses.replace(GROUP, scope="arm:B"), batch_no=2)
    with both.writing(STUDY) as conn:
        write(conn, made(scope="other"))
        for column in (evaluation.c.evaluation_id, finding.c.finding_id, alert.c.alert_id):
            open_numbers = conn.execute(select(column).where(column > 0).order_by(column)).scalars().all()
            closed_numbers = conn.execute(select(column).where(column < 0).order_by(column)).scalars().all()
            assert list(open_numbers) == list(range(1, len(open_numbers) + 1)) != []
            assert closed_numbers
            assert list(closed_numbers) == list(range(closed_numbers[0], closed_numbers[0] + len(closed_numbers)))
        last = conn.execute(
            select(evaluation.c.batch_no).where(evaluation.c.study_id == CLOSED).order_by("evaluation_id")
        )
        assert last.scalars().all() == [1, 2]


def test_the_same_finding_is_stored_once_and_read_again_with_the_key(both: Database) -> None:
    assert judged(both, CLOSED, GROUP) == (GROUP,)
    assert judged(both, CLOSED, GROUP) == ()
    with both.reading() as conn:
        assert last_findings(conn, CLOSED) == {("by-arm", "arm:A"): GROUP}
        (status,) = alerts.statuses(conn, CLOSED).values()
        (told,) = alerts.open_alerts(conn, CLOSED)
        assert status.finding == GROUP == alerts.latest(conn, told.alert_id).finding


def test_nothing_of_a_finding_lies_in_the_clear(both: Database) -> None:
    judged(both, CLOSED, GROUP)
    with both.writing(CLOSED) as conn:
        queue(conn, "k", study_id=CLOSED, audience="closed", content={"say": "SECRETREASON"})
        for table in ("finding", "alert_version", "evaluation", "audit", "outbox", "alert"):
            rows = [tuple(row) for row in conn.execute(text(f"SELECT * FROM {table}"))]
            assert rows
            for secret in ("SECRETREASON", "P-014", "Dermatitis", GROUP.digest()):
                assert secret not in str(rows), (table, secret)
        queued = outbox.find(conn, "k")
        assert queued is not None
        assert sealing.opened(conn, CLOSED, queued.content) == {"say": "SECRETREASON"}


def test_both_sides_verify_without_the_key_and_a_changed_finding_is_named(both: Database) -> None:
    judged(both, STUDY, made())
    judged(both, CLOSED, GROUP)
    both.allocation_key = None
    with both.reading() as conn:
        assert proof.verify(conn, STUDY).ok
        whole = proof.verify(conn, CLOSED)
        assert whole.ok
        with pytest.raises(AllocationKeyError, match="sealed"):
            last_findings(conn, CLOSED)
    assert str(whole.entries) not in whole.told
    assert whole.told == f"{STUDY}: closed side: whole"
    with both.writing() as conn:
        name = "append_only_alert_version_update" if both.is_sqlite else "append_only_alert_version_change"
        conn.execute(text(f"DROP TRIGGER {name}{'' if both.is_sqlite else ' ON alert_version'}"))
        conn.execute(update(alert_version).values(finding={"sealed": "AAAA"}).where(alert_version.c.alert_id < 0))
    with both.reading() as conn:
        assert proof.verify(conn, STUDY).ok
        broken = proof.verify(conn, CLOSED)
    assert not broken.ok
    assert broken.told == f"{STUDY}: closed side: not whole"
    assert "was changed" in broken.text


def test_a_database_from_before_there_was_a_closed_side_verifies_afterwards(database: Database) -> None:
    """Would catch a closed side that needs what older history does not have."""
    judged(database, STUDY, made())
    with database.reading() as conn:
        before = audit.verify(conn, STUDY)
    where, key = database.url, AllocationKey.from_text(AllocationKey.generate())
    database.close()
    again = open_database(where, mode="practice", study_ids=[STUDY, CLOSED], now=minutes(1))
    try:
        again.allocation_key = key
        judged(again, CLOSED, GROUP)
        with again.reading() as conn:
            after = proof.verify(conn, STUDY, [audit.Anchor(before.seq, before.hash)])
            assert (after.ok, after.seq) == (True, before.seq)
            assert proof.verify(conn, CLOSED).ok
    finally:
        again.close()


def test_a_backup_holds_both_sides(both: Database, tmp_path: Path) -> None:
    judged(both, CLOSED, GROUP)
    report = backup.backup(both.url, tmp_path / "copy")
    assert [(study.study_id, study.ok) for study in report.studies] == [(STUDY, True), (CLOSED, True)]
    restored = backup.restore(tmp_path / "copy", f"sqlite:///{tmp_path / 'restored.db'}")
    assert restored.ok


def test_sealing_is_the_same_for_the_same_value_and_its_length_tells_little() -> None:
    key, other = (AllocationKey.from_text(AllocationKey.generate()) for _ in range(2))
    assert key.seal_value(STUDY, {"b": 1, "a": 2}) == key.seal_value(STUDY, {"a": 2, "b": 1})
    assert key.seal_value(STUDY, 1) != key.seal_value("OTHER", 1) != other.seal_value("OTHER", 1)
    assert len({len(key.seal_value(STUDY, "x" * n)) for n in range(0, 4000, 100)}) == 1
    assert key.open_value(STUDY, key.seal_value(STUDY, {"events": 4})) == {"events": 4}
    for wrong in (lambda: other.open_value(STUDY, key.seal_value(STUDY, 1)), lambda: key.open_value(STUDY, "AAAA")):
        with pytest.raises(AllocationKeyError) as refused:
            wrong()
        assert "events" not in json.dumps(str(refused.value))
