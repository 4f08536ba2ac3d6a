"""An event outlives its row: deleted and entered again, renumbered, corrected, or its number used anew."""

from __future__ import annotations

from storage.continuity import Row, continued_events
from storage.stored_records import Stored

A = {"USUBJID": "P-1", "AEDECOD": "Rash", "AESTDTC": "2026-01-01"}
B = {"USUBJID": "P-1", "AEDECOD": "Nausea", "AESTDTC": "2026-01-05"}
C = {"USUBJID": "P-1", "AEDECOD": "Pain", "AESTDTC": "2026-01-09"}


def stored(
    number: int, values: dict[str, str], *, event: str = "", deleted: bool = False, revisions: int = 1
) -> Stored:
    return Stored(f"P-1|{number}", event or f"P-1|{number}", values, deleted, revisions)


def row(number: int, values: dict[str, str], before: Stored | None = None) -> Row:
    return Row(f"P-1|{number}", f"P-1|{number}", values, before)


def test_deleted_and_entered_again_in_one_batch_is_the_same_event() -> None:
    assert continued_events([row(7, A)], [stored(1, A)], None) == ({"P-1|7": "P-1|1"}, 1)


def test_two_alike_are_continued_once_each_in_order() -> None:
    events, _ = continued_events([row(7, A), row(8, A), row(9, A)], [stored(1, A), stored(2, A)], None)
    assert events == {"P-1|7": "P-1|1", "P-1|8": "P-1|2"}


def test_another_onset_or_subject_or_no_term_is_another_event() -> None:
    rows = [row(7, {**A, "AESTDTC": "2026-01-02"}), row(8, {**A, "USUBJID": "P-2"}), row(9, {**A, "AEDECOD": ""})]
    assert continued_events(rows, [stored(1, A), stored(2, {**A, "AEDECOD": ""})], None) == ({}, 0)


def test_a_corrected_row_keeps_its_event() -> None:
    assert continued_events([row(1, {**A, "AESTDTC": "2026-01-02"}, stored(1, A))], [], None) == ({}, 0)
    carried = stored(7, A, event="P-1|1")
    assert continued_events([row(7, {**A, "AETOXGR": "3"}, carried)], [], None)[0] == {"P-1|7": "P-1|1"}


def test_a_term_that_is_coded_at_last_is_the_same_event() -> None:
    assert continued_events([row(1, A, stored(1, {**A, "AEDECOD": ""}))], [], None) == ({}, 0)


def test_rows_renumbered_after_a_deletion_carry_their_events() -> None:
    """The first of three rows is deleted and the rest move up: two events move, one is gone."""
    rows = [row(1, B, stored(1, A)), row(2, C, stored(2, B))]
    assert continued_events(rows, [stored(3, C)], None) == ({"P-1|1": "P-1|2", "P-1|2": "P-1|3"}, 2)


def test_rows_renumbered_after_an_insertion_never_share_an_event() -> None:
    """A row is put in before two others: its number was another event's, so it gets a name of its own."""
    rows = [row(1, C, stored(1, A)), row(2, A, stored(2, B)), row(3, B)]
    events, moved = continued_events(rows, [], None)
    assert events == {"P-1|1": "P-1|1~2", "P-1|2": "P-1|1", "P-1|3": "P-1|2"}
    assert moved == 2


def test_a_number_used_again_for_something_else_names_a_new_event() -> None:
    before = stored(3, C, deleted=True, revisions=2)
    assert continued_events([row(3, A, before)], [], None)[0] == {"P-1|3": "P-1|3~3"}


def test_a_deleted_record_that_comes_back_is_the_event_it_was() -> None:
    before = stored(7, A, event="P-1|1", deleted=True, revisions=2)
    assert continued_events([row(7, A, before)], [], None)[0] == {"P-1|7": "P-1|1"}


def test_where_the_source_names_events_its_word_counts() -> None:
    before = Stored("P-1|1", "P-1|E1", {**A, "AESPID": "E1"}, False, 1)
    moved = Row("P-1|1", "P-1|E2", {**B, "AESPID": "E2"}, before)
    assert continued_events([moved], [], "AESPID") == ({}, 0)
