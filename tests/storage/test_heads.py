"""The row that orders everything: it never goes back, and only the current one is advanced."""

from __future__ import annotations

import threading

import pytest

from storage import audit, heads
from storage.database import Database
from storage.errors import HeadConflict, UnknownStudy
from tests.storage.make import NOW, STUDY, minutes


def test_what_is_advanced_is_what_is_read_back(database: Database) -> None:
    with database.writing(STUDY) as conn:
        head = heads.advance_head(conn, heads.lock_head(conn, STUDY), batch_no=3)
        head = heads.advance_head(
            conn, head, evaluated_batch_no=3, evaluated_cutoff=NOW, rules_fingerprint="f", next_due=minutes(5)
        )
    with database.reading() as conn:
        assert heads.read_head(conn, STUDY) == head
    assert (head.batch_no, head.evaluated_batch_no, head.next_due) == (3, 3, minutes(5))


def test_a_head_that_was_advanced_already_is_refused(database: Database) -> None:
    with pytest.raises(HeadConflict, match="not the current one"), database.writing(STUDY) as conn:  # noqa: PT012
        head = heads.lock_head(conn, STUDY)
        audit.append(conn, head, at=NOW, actor="dsmbot", kind="test", body={})
        heads.advance_head(conn, head, rules_fingerprint="x")


@pytest.mark.parametrize(
    ("changes", "says"), [({"batch_no": 1}, "fall"), ({"evaluated_batch_no": 9}, "before it is closed")]
)
def test_a_head_never_moves_backwards_nor_ahead_of_its_records(
    database: Database, changes: dict[str, int], says: str
) -> None:
    with database.writing(STUDY) as conn:
        heads.advance_head(conn, heads.lock_head(conn, STUDY), batch_no=2)
    with pytest.raises(HeadConflict, match=says), database.writing(STUDY) as conn:
        heads.advance_head(conn, heads.lock_head(conn, STUDY), **changes)


def test_mode_and_epoch_are_not_changed_in_passing(database: Database) -> None:
    for name in ("mode", "epoch", "study_id"):
        with pytest.raises(TypeError, match=name), database.writing(STUDY) as conn:
            heads.advance_head(conn, heads.lock_head(conn, STUDY), **{name: 1})


def test_an_unknown_study_is_named(database: Database) -> None:
    with pytest.raises(UnknownStudy, match="OTHER"), database.writing("OTHER"):
        pass


def test_batches_of_two_threads_get_numbers_in_a_row(database: Database) -> None:
    def close_batches() -> None:
        for _ in range(15):
            with database.writing(STUDY) as conn:
                head = heads.lock_head(conn, STUDY)
                heads.advance_head(conn, head, batch_no=head.batch_no + 1)

    threads = [threading.Thread(target=close_batches) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as conn:
        assert heads.read_head(conn, STUDY).batch_no == 45


def test_the_anchor_is_what_verify_accepts(database: Database) -> None:
    with database.reading() as conn:
        head = heads.read_head(conn, STUDY)
        assert audit.verify(conn, STUDY, [audit.parse_anchor(head.anchor)]).ok
