"""Concerns that people raise under a rule of kind `manual`: append-only, and part of the snapshot like any record.

A concern closes a batch of its own, so that it has a place in the order of all records: the snapshot of that batch,
and of every later one, holds it, a past evaluation can be judged again, and the next cycle finds something to judge.
What the person wrote is kept here and goes nowhere else: no frame and no message holds it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, insert, select

from storage import audit
from storage.heads import Head, advance_head
from storage.schema import batch, concern, ingest

FRAME = "CONCERN"
"""Name of the snapshot's frame; `rules.kinds.manual` reads it."""

SOURCE = "raised"
"""Source id of what people raise, where records name theirs."""

_COUNTS = dict.fromkeys(("new", "changed", "deleted", "unchanged", "flagged", "duplicate_keys"), 0)


@dataclass(frozen=True, slots=True)
class Concern:
    """One concern as stored; `note` is what the person wrote, for readers of the database only."""

    concern_id: int
    study_id: str
    rule_id: str
    usubjid: str
    term: str
    raised_by: str
    at: datetime
    inbox_key: str
    note: str

    @property
    def record_key(self) -> str:
        """The key under which the snapshot holds it, which is the scope of its finding and alert."""
        return f"concern-{self.concern_id}"


def raise_concern(
    conn: Connection, head: Head, *, rule_id: str, usubjid: str, term: str, raised_by: str, at: datetime,
    inbox_key: str, note: str = "",
) -> tuple[Concern, Head]:  # fmt: skip
    """Keep a concern and close a batch that holds it, in the caller's transaction, with both audit entries.

    The caller authorises the person, checks that the rule is of kind `manual` and that the subject exists, and goes on
    with the head that is returned: the batch is already numbered, nothing need be polled, and the next cycle judges it.

    Parameters
    ----------
    head: locked, of the study (`storage.heads.lock_head`).
    rule_id: a rule of kind `manual`.
    usubjid: the subject it is about, "" for the study as a whole.
    term: a coded term, "" for none; it may reach Slack, and so is never free text.
    raised_by: member id of the person.   at: aware UTC.
    inbox_key: of the command; the unique key makes a redelivery an error of the database and not a second concern.
    note: what the person wrote; it stays here.

    Raises
    ------
    IntegrityError: a concern with this inbox key is there already.
    """
    body = {"study_id": head.study_id, "rule_id": rule_id, "usubjid": usubjid, "term": term, "raised_by": raised_by}
    opened = {"study_id": head.study_id, "source_id": SOURCE, "opened_at": at}
    ingest_id = _key(conn.execute(insert(ingest).values(**opened)))
    values = {**body, "ingest_id": ingest_id, "at": at, "inbox_key": inbox_key, "note": note}
    concern_id = _key(conn.execute(insert(concern).values(**values)))
    batch_no, digest = head.batch_no + 1, audit.RunningDigest().text()
    conn.execute(
        insert(batch).values(
            study_id=head.study_id, batch_no=batch_no, ingest_id=ingest_id, source_id=SOURCE, closed_at=at,
            watermark=at, complete=False, digest=digest, counts={**_COUNTS, "columns": {}},
        )
    )  # fmt: skip
    said = {"batch": batch_no, "source": SOURCE, "counts": _COUNTS, "digest": digest}
    head = audit.append(conn, head, at=at, actor="dsmbot", kind="batch_closed", body=said)
    raised = Concern(concern_id=concern_id, at=at, inbox_key=inbox_key, note=note, **body)
    vouched = {"concern_id": concern_id, "batch": batch_no, "rule": rule_id, "digest": digest_of(raised)}
    head = audit.append(conn, head, at=at, actor=f"user:{raised_by}", kind="concern", body=vouched)
    return raised, advance_head(conn, head, batch_no=batch_no)


def concerns(conn: Connection, study_id: str) -> list[Concern]:
    """Every concern of a study, in the order in which they were raised."""
    return [_concern(row) for row in _rows(conn, study_id)]


def concern_frames(conn: Connection, study_id: str, ingests: Collection[int]) -> dict[str, pd.DataFrame]:
    """The frame of the concerns of these batches, by its name; nothing where there is none.

    Parameters
    ----------
    ingests: ingest ids of the batches that are visible.
    """
    visible = set(ingests)
    found = [(row["batch_no"], _concern(row)) for row in _rows(conn, study_id) if row["ingest_id"] in visible]
    if not found:
        return {}
    rows = [
        {
            "record_key": one.record_key, "event_key": one.record_key, "source_id": SOURCE, "USUBJID": one.usubjid,
            "RULEID": one.rule_id, "AEDECOD": one.term, "RAISEDBY": one.raised_by,
        }
        for _, one in found
    ]  # fmt: skip
    frame = pd.DataFrame(rows, dtype="str")
    frame["batch_no"] = [number for number, _ in found]
    frame["known_at"] = pd.DatetimeIndex([one.at for _, one in found]).as_unit("us")
    return {FRAME: frame}


def digest_of(one: Concern) -> str:
    """SHA-256 of everything a concern says, for the entry that vouches for it."""
    parts = (one.study_id, one.rule_id, one.usubjid, one.term, one.raised_by, one.at.isoformat(), one.note)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _rows(conn: Connection, study_id: str) -> list[Mapping[str, Any]]:
    query = select(concern, batch.c.batch_no).join(batch, batch.c.ingest_id == concern.c.ingest_id)
    return list(
        map(dict, conn.execute(query.where(concern.c.study_id == study_id).order_by(concern.c.concern_id)).mappings())
    )


def _concern(row: Mapping[str, Any]) -> Concern:
    return Concern(**{name: row[name] for name in Concern.__dataclass_fields__})


def _key(result: Any) -> int:
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])
