"""Who stands in for whom, and which alerts were passed on: append-only; what is in force is derived, never stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select

from storage import audit
from storage.heads import Head
from storage.schema import duty


class DutyKind(StrEnum):
    """What was recorded."""

    COVER = "cover"
    COVER_OFF = "cover_off"
    HANDOVER = "handover"
    ACCEPTED = "handover_accepted"


@dataclass(frozen=True, slots=True)
class Duty:
    """One row.

    Parameters
    ----------
    user_id: who asked: the absent one, who hands over, or who accepted.
    person: who stands in, or to whom it is handed; of an acceptance, from whom.   until: end of a cover, exclusive.
    about: delivery key of the message of a handover.   alerts: ids of the alerts of a handover.
    inbox_key: of the command or click; with `about` unique, so that a redelivery is refused.
    """

    study_id: str
    kind: DutyKind
    user_id: str
    at: datetime
    inbox_key: str
    person: str = ""
    until: datetime | None = None
    about: str = ""
    alerts: tuple[int, ...] = ()

    def digest(self) -> str:
        """SHA-256 of everything the row says, for the entry that vouches for it."""
        until = self.until.isoformat() if self.until else ""
        parts = (self.study_id, self.kind.value, self.user_id, self.person, self.at.isoformat(), until, self.about)
        text = "\x1f".join([*parts, ",".join(map(str, self.alerts)), self.inbox_key])
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Cover:
    """`person` stands in for `absent` until then (exclusive)."""

    absent: str
    person: str
    until: datetime


def record(conn: Connection, head: Head, one: Duty, *, actor: str) -> Head:
    """Keep a row with the audit entry that vouches for it, in the caller's transaction.

    Parameters
    ----------
    head: locked, of the row's study.   actor: as the audit names the person.

    Raises
    ------
    IntegrityError: the same command or click was recorded before.
    """
    values = {name: getattr(one, name) for name in Duty.__dataclass_fields__}
    conn.execute(insert(duty).values(**{**values, "kind": one.kind.value, "alerts": list(one.alerts)}))
    said = {"kind": one.kind.value, "person": one.person, "about": one.about, "digest": one.digest()}
    said |= {"until": one.until.isoformat()} if one.until else {}
    return audit.append(conn, head, at=one.at, actor=actor, kind="duty", body=said)


def duties(conn: Connection, study_id: str) -> list[Duty]:
    """Every row of a study, oldest first."""
    query = select(duty).where(duty.c.study_id == study_id).order_by(duty.c.duty_id)
    names = tuple(Duty.__dataclass_fields__)
    rows = [{name: row[name] for name in names} for row in conn.execute(query).mappings()]
    return [Duty(**{**row, "kind": DutyKind(row["kind"]), "alerts": tuple(row["alerts"])}) for row in rows]


def in_force(rows: Iterable[Duty], at: datetime) -> tuple[Cover, ...]:
    """The covers in force at a moment: of each absent person the last one asked for by then, if it lasts. Pure.

    Parameters
    ----------
    rows: oldest first.   at: aware UTC.
    """
    last: dict[str, Duty] = {}
    for row in rows:
        if row.at <= at and row.kind in (DutyKind.COVER, DutyKind.COVER_OFF):
            last[row.user_id] = row
    found = (row for row in last.values() if row.kind is DutyKind.COVER)
    return tuple(Cover(row.user_id, row.person, row.until) for row in found if row.until and at < row.until)


def covers(conn: Connection, study_id: str, at: datetime) -> tuple[Cover, ...]:
    """The covers of a study in force at a moment."""
    return in_force(duties(conn, study_id), at)


def accepted(conn: Connection, study_id: str, about: str) -> Duty | None:
    """The acceptance of a handover, or None."""
    found = (row for row in duties(conn, study_id) if row.kind is DutyKind.ACCEPTED and row.about == about)
    return next(found, None)
