"""The audit trail: append-only, hash-chained, one chain per study, tamper-*evident*.

Each entry's hash covers its study, number, time, actor, kind, body and the hash before it, so that a
changed, missing or inserted entry breaks the chain at a named place. The chain's head is posted in every
note and report: with it as an anchor, `verify` also finds a tail that was cut off together with the head.
Required by 21 CFR 11.10(e) and ICH E6(R3) 4.2.2: time-stamped, not obscuring earlier values.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Text, insert, select, type_coerce

from storage.errors import StorageError
from storage.heads import Head, advance_head, read_head
from storage.schema import audit, canonical
from storage.sides import is_closed, study_of

_ANCHOR = re.compile(r"^\s*([\d,_ ]+)\s*:\s*([0-9a-fA-F]{4,64})…?\s*$")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A chain head that somebody has seen: entry number, and its hash or the first ≥ 4 digits of it."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a chain found.

    Parameters
    ----------
    study_id: the study.   ok: nothing is wrong.
    entries: entries that were read.
    seq, hash: the last entry read; 0 and "" when there is none.
    broken_at: number of the first entry that is wrong or missing, None when all is well.
    problem: in words, "" when all is well.
    """

    study_id: str
    ok: bool
    entries: int
    seq: int
    hash: str
    broken_at: int | None = None
    problem: str = ""

    @property
    def summary(self) -> str:
        """Whether it is whole, and nothing of how long it is or where it is broken."""
        side = "closed side" if is_closed(self.study_id) else "open side"
        return f"{study_of(self.study_id)}: {side}: {'whole' if self.ok else 'not whole'}"

    @property
    def told(self) -> str:
        """What anybody may be told: `text` of an open side, `summary` of a closed one."""
        return self.summary if is_closed(self.study_id) else self.text

    @property
    def text(self) -> str:
        """One sentence for people."""
        if self.ok:
            return f"{self.study_id}: {self.entries} audit entries, whole; last {self.seq}:{self.hash}"
        return f"{self.study_id}: audit entry {self.broken_at}: {self.problem}"


def append(conn: Connection, head: Head, *, at: datetime, actor: str, kind: str, body: Any) -> Head:
    """Add one entry and move the chain's head to it, in the caller's transaction.

    Parameters
    ----------
    head: the locked head of the study.
    at: aware UTC.
    actor: "dsmbot", "user:T…/U…" or "operator:NAME".
    kind: what happened, one word with underscores.
    body: JSON values; coded facts and digests, never verbatim source text, never an arm.

    Returns
    -------
    The advanced head; the one passed in is out of date from here on.
    """
    seq, stored = head.audit_seq + 1, canonical(body)
    digest = entry_hash(head.study_id, seq, at, actor, kind, stored, head.audit_hash)
    entry = {"study_id": head.study_id, "seq": seq, "at": at, "actor": actor, "kind": kind, "body": body}
    conn.execute(insert(audit), {**entry, "previous": head.audit_hash, "hash": digest})
    return advance_head(conn, head, audit_seq=seq, audit_hash=digest)


def entry_hash(study_id: str, seq: int, at: datetime, actor: str, kind: str, body: str, previous: str) -> str:
    """SHA-256 (hex) of one entry; `body` is its canonical JSON text as stored."""
    fields = [study_id, seq, _instant(at), actor, kind, body, previous]
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


class RunningDigest:
    """SHA-256 over many items in their order, without keeping them: what one audit entry says of a whole batch.

    Each item is preceded by its length, so that no two different lists run together to the same bytes.
    """

    def __init__(self) -> None:
        self._total = hashlib.sha256()

    def add(self, items: Iterable[bytes]) -> None:
        """Take in more items."""
        self._total.update(b"".join(part for item in items for part in (len(item).to_bytes(4, "big"), item)))

    def text(self) -> str:
        """The digest so far, in hex."""
        return self._total.hexdigest()


def digest_of(items: Iterable[bytes]) -> str:
    """`RunningDigest` of items that are all at hand."""
    total = RunningDigest()
    total.add(items)
    return total.text()


def parse_anchor(text: str) -> Anchor:
    """Read `SEQ:HASH` as printed in notes; the hash may be shortened to its first digits, at least four.

    Raises
    ------
    StorageError: any other form.
    """
    match = _ANCHOR.match(text)
    if match is None:
        raise StorageError(
            "An anchor is a record number and a hash",
            where=f"--anchor {text}",
            fix="Copy it from a note or report, as in 1204:9f3a51c0.",
        )
    return Anchor(int(re.sub(r"\D", "", match[1])), match[2].lower())


def verify(conn: Connection, study_id: str, anchors: Sequence[Anchor] = ()) -> Verification:
    """Recompute the whole chain of a study and compare it with its head and with what others have seen.

    Parameters
    ----------
    anchors: heads that somebody wrote down or that were posted; each must still be in the chain.

    Raises
    ------
    UnknownStudy: the study is not in this database.
    """
    head = read_head(conn, study_id)
    wanted: dict[int, list[str]] = {}
    for anchor in anchors:
        wanted.setdefault(anchor.seq, []).append(anchor.hash)
    seq, previous = 0, ""
    with closing(entries(conn, study_id)) as rows:
        for row in rows:
            problem = _entry_problem(row, seq + 1, previous)
            if not problem and not all(row.hash.startswith(seen) for seen in wanted.pop(row.seq, [])):
                problem = "it is not the entry that the anchor names: history was rewritten"
            if problem:
                return Verification(study_id, False, seq, seq, previous, min(row.seq, seq + 1), problem)
            seq, previous = row.seq, row.hash
    found = Verification(study_id, True, seq, seq, previous)
    return _against_head(found, head, min(wanted, default=None))


def export(conn: Connection, study_id: str) -> Iterator[str]:
    """The chain as JSON lines, one entry a line, oldest first; each carries what its hash covers.

    A reader can recompute every hash with `entry_hash`: `body` is the object, stored as canonical text.
    """
    read_head(conn, study_id)
    for row in entries(conn, study_id):
        entry = {
            "study": study_id,
            "seq": row.seq,
            "at": _instant(row.at),
            "actor": row.actor,
            "kind": row.kind,
            "body": json.loads(row.body),
            "previous": row.previous,
            "hash": row.hash,
        }
        yield canonical(entry)


def entries(conn: Connection, study_id: str) -> Generator[Any, None, None]:
    """Entries in order, `body` as the stored text: what was hashed, not what it parses to."""
    c = audit.c
    query = select(
        c.study_id, c.seq, c.at, c.actor, c.kind, type_coerce(c.body, Text).label("body"), c.previous, c.hash
    )
    query = query.where(c.study_id == study_id).order_by(c.seq)
    with conn.execute(query, execution_options={"yield_per": 2000}) as result:
        yield from result


def _entry_problem(row: Any, expected: int, previous: str) -> str:
    if row.seq != expected:
        return f"it is missing; the next one is {row.seq}"
    if row.previous != previous:
        return "it does not continue the entry before it: something was taken out or put in"
    if row.hash != entry_hash(row.study_id, row.seq, row.at, row.actor, row.kind, row.body, row.previous):
        return f"its content was changed after it was written (kind {row.kind}, actor {row.actor})"
    return ""


def _against_head(found: Verification, head: Head, unseen: int | None) -> Verification:
    """Entries that the study's head, or an anchor, has seen and that are gone."""
    if (found.seq, found.hash) != (head.audit_seq, head.audit_hash):
        gone = f"the study's head says {head.audit_seq}, the chain ends at {found.seq}"
        if head.audit_seq == found.seq:
            gone = "the study's head holds another hash for it"
        return replace(found, ok=False, broken_at=min(head.audit_seq, found.seq) + 1, problem=gone)
    if unseen is not None:
        gone = f"an anchor has seen entry {unseen}, but the chain ends at {found.seq}: its tail was cut off"
        return replace(found, ok=False, broken_at=found.seq + 1, problem=gone)
    return found


def _instant(at: datetime) -> str:
    """UTC with microseconds: the same text from both databases."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
