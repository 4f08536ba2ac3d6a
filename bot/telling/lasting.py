"""What lasts: told to ops once when it begins, and once when it is over, however often it is looked at.

Whether it was told is read from what was queued, so that a restart neither repeats nor forgets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bot.config import Role
from bot.study import Study
from bot.telling.outgoing import Notice, key
from bot.views import OpsContent, OpsKind, Stored, stored_from_body
from rules.model import Audience
from storage import outbox, sealing
from storage.errors import AllocationKeyError
from storage.outbox_rows import PAGES
from storage.schema import outbox as outbox_table

OVER: Mapping[OpsKind, OpsKind] = {
    OpsKind.RULE_FAILED: OpsKind.RULE_RECOVERED,
    OpsKind.OUTBOX_SLOW: OpsKind.OUTBOX_DRAINED,
    OpsKind.SOCKET_LOST: OpsKind.SOCKET_BACK,
    OpsKind.SECOND_SOCKET: OpsKind.SECOND_GONE,
    OpsKind.CYCLE_FAILED: OpsKind.CYCLE_RECOVERED,
    OpsKind.PAGE_FAILED: OpsKind.PAGE_WORKS,
    OpsKind.MEMBER_GONE: OpsKind.MEMBER_BACK,
    OpsKind.ROLE_EMPTY: OpsKind.ROLE_FILLED,
}
"""What begins → what says that it is over."""

PAGE_ATTEMPTS = 3
"""After so many failed attempts ops hears that the second path fails."""

_BEGAN = {over: began for began, over in OVER.items()}
Told = Mapping[tuple[OpsKind, str], OpsContent]
"""(kind, subject) → what was last said of it: that it began, or that it is over."""


@dataclass(frozen=True)
class Condition:
    """Something that lasts.

    Parameters
    ----------
    kind, subject: what it is, and of what.   content: what ops is told while it lasts; None = it does not.
    identity: tells this time from others where what was told cannot be read (sealed, and the key is gone).
    """

    kind: OpsKind
    subject: str
    content: OpsContent | None
    identity: object = ""


def told(conn: Connection, study_id: str, audience: Audience) -> Told:
    """What an audience was last told of everything that lasts."""
    c = outbox_table.c
    mine = (c.study_id == study_id) & (c.audience == audience.value) & (c.kind == "note")
    last: dict[tuple[OpsKind, str], OpsContent] = {}
    for body in conn.execute(select(c.content).where(mine).order_by(c.outbox_id.desc()).limit(500)).scalars():
        content = _read(conn, study_id, body)
        if isinstance(content, OpsContent) and (began := _BEGAN.get(content.kind, content.kind)) in OVER:
            last.setdefault((began, content.subject), content)
    return last


def _read(conn: Connection, study_id: str, body: Any) -> Stored | None:
    try:
        return stored_from_body(sealing.opened(conn, study_id, body))
    except AllocationKeyError:
        return None


def lasting(
    conn: Connection, study: Study, last: Told, conditions: Iterable[Condition], now: datetime
) -> Iterator[Notice]:
    """What is new: conditions that began since they were last said to be over, and the other way round.

    A rule that cannot be judged for another reason than the one that was told is told again.
    """
    for one in conditions:
        said = last.get((one.kind, one.subject))
        standing = said is not None and said.kind is one.kind
        other = one.kind is OpsKind.RULE_FAILED and one.content and said and one.content.reason != said.reason
        if (one.content is not None) == standing and not (standing and other):
            continue
        since = said.at if said else "first"
        audience = one.content.audience if one.content else said.audience if said else Audience.OPS
        content = one.content or OpsContent(OVER[one.kind], now, one.subject, audience=audience)
        mine = key(conn, study.id, "ops", content.kind, content.subject, since, one.identity, content.reason)
        yield replace(Notice(mine, content), audience=audience)


def of_the_process(study: Study, now: datetime, slow: OpsContent | None) -> Iterator[Condition]:
    """What is not in the records: delivery, the socket, another process, faults of the program, people.

    Parameters
    ----------
    slow: what is said of an outbox that does not drain; None while it does.
    """
    vitals, wall = study.vitals, study.clock.wall()
    yield Condition(OpsKind.OUTBOX_SLOW, "", slow)
    lost, since = None, vitals.socket_lost_at
    if since is not None and wall - since > vitals.patience:
        lost = OpsContent(OpsKind.SOCKET_LOST, now, "socket", since=since)
    yield Condition(OpsKind.SOCKET_LOST, "socket", lost)
    if vitals.others is not None:
        second = OpsContent(OpsKind.SECOND_SOCKET, now, "socket", number=vitals.others) if vitals.others else None
        yield Condition(OpsKind.SECOND_SOCKET, "socket", second)
    failed, since = None, vitals.failing_since
    if since is not None and wall - since > vitals.patience:
        failed = OpsContent(OpsKind.CYCLE_FAILED, now, "cycle", vitals.failure, since=since)
    yield Condition(OpsKind.CYCLE_FAILED, "cycle", failed)
    yield from _people(study, now)


def _people(study: Study, now: datetime) -> Iterator[Condition]:
    """Role holders who are deactivated in Slack, and roles in which nobody is left."""
    slack, absent = study.config.slack, study.vitals.absent
    for user_id in sorted({member.id for members in slack.roles.values() for member in members}):
        roles = ", ".join(role.value.replace("_", " ") for role in sorted(slack.roles_of(user_id)))
        gone = OpsContent(OpsKind.MEMBER_GONE, now, user_id, roles) if user_id in absent else None
        yield Condition(OpsKind.MEMBER_GONE, user_id, gone)
    for role, members in slack.roles.items():
        empty = bool(members) and all(member.id in absent for member in members)
        name = Role(role).value
        content = OpsContent(OpsKind.ROLE_EMPTY, now, name) if empty else None
        yield Condition(OpsKind.ROLE_EMPTY, name, content)


def of_the_second_path(conn: Connection, study: Study, now: datetime) -> Iterator[Condition]:
    """E-mail or webhook that has failed so often that a person must look."""
    failing = outbox.troubled_pages(conn, study.id, PAGE_ATTEMPTS) if study.config.slack.pager else {}
    for kind in PAGES if study.config.slack.pager else ():
        item = failing.get(kind)
        failed = OpsContent(OpsKind.PAGE_FAILED, now, kind, item.last_error, since=item.created_at) if item else None
        yield Condition(OpsKind.PAGE_FAILED, kind, failed)


def slow_outbox(conn: Connection, study: Study, now: datetime, most: timedelta) -> OpsContent | None:
    """What is said while a message that is due has waited for longer than `most`."""
    wall = study.clock.wall()
    age = outbox.oldest_open_age(conn, wall, study_ids=[study.id])
    if age is None or age <= most:
        return None
    waiting = outbox.counts(conn, study.id)["pending"]
    return OpsContent(OpsKind.OUTBOX_SLOW, now, since=wall - age, number=waiting)
