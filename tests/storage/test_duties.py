"""Covers and handovers are append-only and vouched for, and what is in force at a moment is derived from them.

Catches: a cover that outlasts its day or begins before it was asked for, an old one that survives a new one, a row
that was changed, deleted or put in without its entry, a redelivered command that counts twice.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from storage import duties, proof
from storage.database import Database
from storage.duties import Cover, Duty, DutyKind, in_force
from storage.heads import lock_head
from storage.schema import duty
from tests.storage.make import NOW, STUDY, minutes

COVER = Duty(STUDY, DutyKind.COVER, "U1", NOW, "command-1", person="U2", until=minutes(60))
OFF = Duty(STUDY, DutyKind.COVER_OFF, "U1", minutes(30), "command-2", person="U2")
HANDOVER = Duty(STUDY, DutyKind.HANDOVER, "U1", NOW, "command-3", person="U2", about="key-1", alerts=(3, 12))


def kept(database: Database, *rows: Duty) -> None:
    for row in rows:
        with database.writing(STUDY) as conn:
            duties.record(conn, lock_head(conn, STUDY), row, actor=f"user:T1/{row.user_id}")


def test_what_was_recorded_comes_back_and_is_vouched_for(database: Database) -> None:
    kept(database, COVER, HANDOVER, OFF)
    with database.reading() as conn:
        assert duties.duties(conn, STUDY) == [COVER, HANDOVER, OFF]
        assert duties.covers(conn, STUDY, minutes(29)) == (Cover("U1", "U2", minutes(60)),)
        assert duties.covers(conn, STUDY, minutes(30)) == ()
        assert duties.accepted(conn, STUDY, "key-1") is None
        assert proof.verify(conn, STUDY).ok


def test_a_redelivered_command_is_recorded_once(database: Database) -> None:
    kept(database, COVER)
    with pytest.raises(IntegrityError):
        kept(database, COVER)


@pytest.mark.parametrize("change", [update(duty).values(person="U9"), delete(duty)], ids=["update", "delete"])
def test_history_is_refused_to_change_and_what_was_changed_all_the_same_is_found(database: Database, change) -> None:
    kept(database, COVER)
    with pytest.raises(DBAPIError), database.writing() as conn:
        conn.execute(change)
    with database.writing() as conn:
        if conn.dialect.name == "sqlite":
            for name in ("update", "delete"):
                conn.execute(text(f"DROP TRIGGER append_only_duty_{name}"))
        else:
            conn.execute(text("ALTER TABLE duty DISABLE TRIGGER ALL"))
        conn.execute(change)
    with database.reading() as conn:
        assert not proof.verify(conn, STUDY).ok


def test_the_last_word_of_each_absent_person_counts_until_its_day_is_over() -> None:
    """By hand: a cover until 60, replaced at 10 by one until 40; another person's beside it."""
    other = Duty(STUDY, DutyKind.COVER, "U3", minutes(5), "command-4", person="U2", until=minutes(20))
    again = replace(COVER, at=minutes(10), inbox_key="command-5", person="U4", until=minutes(40))
    rows = [COVER, HANDOVER, other, again]
    assert in_force(rows, minutes(-1)) == ()
    assert in_force(rows, minutes(9)) == (Cover("U1", "U2", minutes(60)), Cover("U3", "U2", minutes(20)))
    assert in_force(rows, minutes(19)) == (Cover("U1", "U4", minutes(40)), Cover("U3", "U2", minutes(20)))
    assert in_force(rows, minutes(20)) == (Cover("U1", "U4", minutes(40)),)
    assert in_force(rows, minutes(40)) == ()
