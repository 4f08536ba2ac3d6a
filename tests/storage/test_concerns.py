"""Concerns are append-only, vouched for, and part of the snapshot of their batch and of every later one.

Catches: a concern that a replay does not see or sees too early, a redelivered command that raises two, a changed or
deleted concern that goes unnoticed, a person's words in a frame.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, delete, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from rules.evaluate import evaluate
from rules.kinds.manual import CONCERN, ManualRule
from rules.model import Action, Derivation, State, StudyPlan
from storage import concerns, proof
from storage.database import Database
from storage.heads import lock_head, read_head
from storage.schema import concern
from storage.snapshot import SnapshotBuilder
from tests.storage.make import NOW, STUDY, minutes

PLAN = StudyPlan(STUDY, "UTC", planned_n=20, treatment_days=84, followup_days=28)
WORDS = "the patient told me on the telephone"


def raised(conn: Connection, key: str = "command-1", **values: Any) -> concerns.Concern:
    settings = {"rule_id": "discretion", "usubjid": "P-014", "term": "Urticaria", "raised_by": "U1", "at": NOW}
    one, _ = concerns.raise_concern(conn, lock_head(conn, STUDY), inbox_key=key, note=WORDS, **{**settings, **values})
    return one


def test_the_snapshot_of_its_batch_holds_it_and_no_earlier_one_does(database: Database) -> None:
    with database.writing(STUDY) as conn:
        first = raised(conn)
    with database.writing(STUDY) as conn:
        raised(conn, "command-2", usubjid="", term="", at=minutes(5))
        assert read_head(conn, STUDY).batch_no == 2
    builder = SnapshotBuilder(database, STUDY)
    rule, other = (ManualRule(id=name, action=Action.HALT_STUDY) for name in ("discretion", "another"))
    for batch_no, expected in ((2, ["concern-1", "concern-2"]), (1, ["concern-1"]), (0, [])):
        snapshot = builder.build(PLAN, Derivation(), batch_no=batch_no, data_cutoff=minutes(10))
        found = evaluate([rule, other], snapshot)
        assert [finding.scope for finding in found] == expected
        assert all(finding.state is State.CROSSED for finding in found)
    frame = builder.build(PLAN, Derivation(), data_cutoff=minutes(10)).frames[CONCERN]
    assert WORDS not in frame.to_csv()
    (evidence,) = evaluate([rule], snapshot_of(builder, 1))[0].evidence
    assert (evidence.usubjid, evidence.record_key) == ("P-014", first.record_key)
    assert evidence.facts == {"raised_by": "U1", "crossing": True, "AEDECOD": "Urticaria"}


def snapshot_of(builder: SnapshotBuilder, batch_no: int) -> Any:
    return builder.build(PLAN, Derivation(), batch_no=batch_no, data_cutoff=minutes(10))


def test_a_redelivered_command_raises_one_concern(database: Database) -> None:
    with database.writing(STUDY) as conn:
        raised(conn)
    with pytest.raises(IntegrityError), database.writing(STUDY) as conn:
        raised(conn)
    with database.reading() as conn:
        assert [one.note for one in concerns.concerns(conn, STUDY)] == [WORDS]
        assert read_head(conn, STUDY).batch_no == 1


@pytest.mark.parametrize("change", [update(concern).values(note="nothing"), delete(concern)])
def test_a_concern_can_be_neither_changed_nor_deleted(database: Database, change: Any) -> None:
    with database.writing(STUDY) as conn:
        raised(conn)
    with pytest.raises(DBAPIError, match="append-only"), database.writing(STUDY) as conn:
        conn.execute(change)


def test_the_chain_vouches_for_it(database: Database) -> None:
    with database.writing(STUDY) as conn:
        raised(conn)
    with database.reading() as conn:
        assert proof.verify(conn, STUDY).ok
    with database.writing(STUDY) as conn:
        off = {"sqlite": "DROP TRIGGER append_only_concern_update"}
        conn.execute(text(off.get(conn.dialect.name, "ALTER TABLE concern DISABLE TRIGGER ALL")))
        conn.execute(update(concern).values(note="nothing of importance"))
    with database.reading() as conn:
        assert proof.verify(conn, STUDY).problem == "concern 1 was changed or is gone"
