"""Whatever is done to the chain behind the product's back is found, and the first broken entry named."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from storage import audit, heads
from storage.audit import Anchor
from storage.database import Database
from storage.errors import StorageError
from tests.storage.make import NOW, STUDY


@pytest.fixture
def chain(database: Database) -> Database:
    """Six entries: the study's own, and five more."""
    with database.writing(STUDY) as conn:
        head = heads.lock_head(conn, STUDY)
        for number in range(5):
            body = {"number": number, "text": 'é≥ " \n', "none": None, "list": [1, 2.5, True]}
            head = audit.append(conn, head, at=NOW, actor="dsmbot", kind="test", body=body)
    return database


def _verify(database: Database, *anchors: Anchor) -> audit.Verification:
    with database.reading() as conn:
        return audit.verify(conn, STUDY, anchors)


def _tamper(database: Database, *statements: str) -> None:
    """As somebody with the owner's rights would: guards off, change, guards on."""
    with database.writing() as conn:
        if database.is_sqlite:
            conn.execute(text("DROP TRIGGER append_only_audit_update"))
            conn.execute(text("DROP TRIGGER append_only_audit_delete"))
        else:
            conn.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        for statement in statements:
            conn.execute(text(statement))


def _entries(database: Database) -> list[dict[str, object]]:
    with database.reading() as conn:
        return [json.loads(line) for line in audit.export(conn, STUDY)]


def test_an_untouched_chain_is_whole(chain: Database) -> None:
    found = _verify(chain)
    assert (found.ok, found.entries, found.seq, found.broken_at) == (True, 6, 6, None)
    assert found.hash == _entries(chain)[-1]["hash"]


@pytest.mark.parametrize(
    ("statement", "broken_at", "says"),
    [
        ("UPDATE audit SET body = replace(body, '2', '3') WHERE seq = 4", 4, "content was changed"),
        ("UPDATE audit SET body = body || ' ' WHERE seq = 4", 4, "content was changed"),
        ("UPDATE audit SET actor = 'user:T1/U9' WHERE seq = 2", 2, "content was changed"),
        ("UPDATE audit SET kind = 'other' WHERE seq = 2", 2, "content was changed"),
        ("UPDATE audit SET at = '2026-05-14 14:00:01.000000' WHERE seq = 3", 3, "content was changed"),
        ("UPDATE audit SET previous = 'x' WHERE seq = 5", 5, "does not continue"),
        ("DELETE FROM audit WHERE seq = 3", 3, "missing; the next one is 4"),
        ("DELETE FROM audit WHERE seq = 1", 1, "missing; the next one is 2"),
        ("DELETE FROM audit WHERE seq >= 5", 5, "head says 6, the chain ends at 4"),
        ("DELETE FROM audit", 1, "head says 6, the chain ends at 0"),
        ("UPDATE study_head SET audit_hash = 'x'", 7, "holds another hash"),
    ],
)
def test_tampering_is_found_at_its_place(chain: Database, statement: str, broken_at: int, says: str) -> None:
    _tamper(chain, statement)
    found = _verify(chain)
    assert not found.ok
    assert found.broken_at == broken_at
    assert says in found.problem
    assert f"audit entry {broken_at}" in found.text


def test_two_entries_swapped_are_found(chain: Database) -> None:
    swap = ("UPDATE audit SET seq = 99 WHERE seq = 3", "UPDATE audit SET seq = 3 WHERE seq = 4")
    _tamper(chain, *swap, "UPDATE audit SET seq = 4 WHERE seq = 99")
    assert _verify(chain).broken_at == 3


def test_a_cut_tail_with_the_head_set_back_is_found_by_an_anchor_alone(chain: Database) -> None:
    seen = _entries(chain)[-1]
    fourth = _entries(chain)[3]["hash"]
    _tamper(
        chain,
        "DELETE FROM audit WHERE seq > 4",
        f"UPDATE study_head SET audit_seq = 4, audit_hash = '{fourth}'",
    )
    assert _verify(chain).ok  # nothing inside the database can tell
    found = _verify(chain, Anchor(6, str(seen["hash"])))
    assert (found.ok, found.broken_at) == (False, 5)
    assert "cut off" in found.problem


def test_a_history_written_anew_is_found_by_an_anchor_alone(chain: Database) -> None:
    seen = _entries(chain)[2]
    _tamper(chain, "DELETE FROM audit", "UPDATE study_head SET audit_seq = 0, audit_hash = ''")
    with chain.writing(STUDY) as conn:
        head = heads.lock_head(conn, STUDY)
        for _ in range(6):
            head = audit.append(conn, head, at=NOW, actor="dsmbot", kind="test", body={})
    assert _verify(chain).ok
    found = _verify(chain, Anchor(3, str(seen["hash"])[:8]))
    assert (found.ok, found.broken_at) == (False, 3)
    assert "rewritten" in found.problem


def test_anchors_of_the_true_history_hold_also_shortened(chain: Database) -> None:
    anchors = [Anchor(int(str(entry["seq"])), str(entry["hash"])[:4]) for entry in _entries(chain)]
    assert _verify(chain, *anchors).ok


def test_an_export_can_be_checked_without_this_program(chain: Database) -> None:
    previous = ""
    for number, entry in enumerate(_entries(chain), start=1):
        body = json.dumps(entry["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        fields = [entry[name] for name in ("study", "seq", "at", "actor", "kind")]
        said = json.dumps([*fields, body, previous], separators=(",", ":"), ensure_ascii=False)
        assert entry["hash"] == hashlib.sha256(said.encode()).hexdigest()
        assert (entry["seq"], entry["previous"]) == (number, previous)
        previous = str(entry["hash"])


def test_the_same_moment_in_any_zone_gives_the_same_entry() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-5)))
    one, other = (audit.entry_hash(STUDY, 1, at, "a", "k", "{}", "") for at in (NOW, elsewhere))
    assert one == other


def test_each_study_has_its_own_chain(chain: Database) -> None:
    with chain.writing() as conn:
        heads.ensure_study(conn, "OTHER", "practice", NOW)
    with chain.reading() as conn:
        assert audit.verify(conn, "OTHER").entries == 1
        assert audit.verify(conn, STUDY).entries == 6


@given(st.lists(st.binary(max_size=20), max_size=6), st.lists(st.binary(max_size=20), max_size=6))
def test_digests_of_different_lists_differ(one: list[bytes], other: list[bytes]) -> None:
    assert (audit.digest_of(one) == audit.digest_of(other)) == (one == other)


@given(st.integers(1, 10**9), st.text("0123456789abcdef", min_size=4, max_size=64))
def test_an_anchor_is_read_as_it_is_printed(seq: int, digits: str) -> None:
    for text_ in (f"{seq}:{digits}", f" {seq:,} : {digits.upper()}… "):
        assert audit.parse_anchor(text_) == Anchor(seq, digits)


@pytest.mark.parametrize("bad", ["", "12", "12:xyz1", ":abcd", "12:abc", "a:abcd", "12:" + "a" * 65])
def test_anything_else_is_no_anchor(bad: str) -> None:
    with pytest.raises(StorageError, match="Copy it from a note"):
        audit.parse_anchor(bad)
