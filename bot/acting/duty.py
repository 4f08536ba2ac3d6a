"""Covers and handovers as people ask for them: recorded, told in the channels that they concern, applied once.

Every function that writes works in the caller's transaction, which also marks the inbox row as applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from bot.access import GRID, Act, holds_act
from bot.acting.actions import REPLY_PRIORITY, By, Done, Effect, respond
from bot.acting.covering import lendable
from bot.clearance.findings import RESTRICTED
from bot.configuration.people import Slack
from bot.contents.duty import DutyContent, HandedLine
from bot.telling.outgoing import key
from bot.views import Setting, stored_body, stored_from_body
from bot.wording import duty as wording
from rules.model import Audience
from storage import alerts, duties, outbox, reconcile, sealing
from storage.alert_records import OpenAlert, ResponseKind
from storage.duties import Duty, DutyKind
from storage.heads import lock_head
from storage.outbox_rows import Item


def concerned(absent: str, person: str, slack: Slack) -> frozenset[Audience]:
    """Audiences for whose alerts `person` can stand in: what the lent roles follow up, if their own may read it."""
    lent = lendable(absent, person, slack)
    found = {audience for role in lent for audience in GRID[role][Act.ASSIGN]}
    return frozenset(a for a in found if a not in RESTRICTED or holds_act(person, Act.STATUS, a, slack))


def cover(
    conn: Connection, study_id: str, by: By, setting: Setting, *, person: str, until: datetime,
    audiences: Iterable[Audience],
) -> Done:  # fmt: skip
    """Somebody stands in until then. It replaces a cover that was in force."""
    one = Duty(study_id, DutyKind.COVER, by.user_id, by.at, by.inbox_key, person=person, until=until)
    duties.record(conn, lock_head(conn, study_id), one, actor=by.actor)
    for audience in audiences:
        _tell(conn, study_id, by, DutyContent(audience, by.at, "cover", by.user_id, person, until=until))
    return Done(Effect.COVERED, wording.covered(person, until, setting))


def cover_off(
    conn: Connection, study_id: str, by: By, setting: Setting, *, audiences: Mapping[str, Iterable[Audience]]
) -> Done:
    """The asker is back. `audiences`: covering person → where that is told."""
    found = next((c for c in duties.covers(conn, study_id, by.at) if c.absent == by.user_id), None)
    if found is None:
        return Done(Effect.NOT_POSSIBLE, wording.nothing_to_end(setting))
    one = Duty(study_id, DutyKind.COVER_OFF, by.user_id, by.at, by.inbox_key, person=found.person)
    duties.record(conn, lock_head(conn, study_id), one, actor=by.actor)
    for audience in audiences.get(found.person, ()):
        _tell(conn, study_id, by, DutyContent(audience, by.at, "cover_off", by.user_id, found.person))
    return Done(Effect.COVERED, wording.ended(found.person, setting))


def held(conn: Connection, side_ids: Sequence[str], user_id: str) -> dict[tuple[str, Audience], list[OpenAlert]]:
    """Open alerts that a person acknowledged or is assigned, by side of the study and audience."""
    found: dict[tuple[str, Audience], list[OpenAlert]] = {}
    for side_id in side_ids:
        for item in alerts.open_alerts(conn, side_id):
            seen = item.acknowledgement.user_id if item.acknowledgement else ""
            if user_id in (item.assignee or seen, seen):
                found.setdefault((side_id, item.audience), []).append(item)
    return found


def hand_over(
    conn: Connection, by: By, setting: Setting, *, person: str,
    passed: Mapping[tuple[str, Audience], Sequence[OpenAlert]], kept: int,
) -> Done:  # fmt: skip
    """Ask another person, once in each channel that it concerns, to take over these alerts.

    Parameters
    ----------
    passed: as `held` gives them, those that the other person may follow up.   kept: number of the others.
    """
    for (side_id, audience), items in passed.items():
        lines = tuple(HandedLine(item.alert_id, item.rule_id, item.opened_at) for item in items)
        content = DutyContent(audience, by.at, "handover", by.user_id, person, lines=lines)
        about, ids = _tell(conn, side_id, by, content), tuple(item.alert_id for item in items)
        one = Duty(side_id, DutyKind.HANDOVER, by.user_id, by.at, by.inbox_key, person, about=about, alerts=ids)
        duties.record(conn, lock_head(conn, side_id), one, actor=by.actor)
    number = sum(map(len, passed.values()))
    return Done(Effect.HANDED_OVER, wording.handed(person, number, kept, setting))


def take_over(conn: Connection, item: Item, by: By, setting: Setting) -> Done:
    """The person who was asked accepts, once: what is still open is assigned to them, and told in the threads."""
    content = stored_from_body(sealing.opened(conn, item.study_id, item.content))
    if not isinstance(content, DutyContent) or content.step != "handover":
        return Done(Effect.UNKNOWN, wording.UNKNOWN)
    if by.user_id != content.person:
        return Done(Effect.NOT_THEIRS, wording.not_theirs(content.person, setting))
    if content.accepted_at is not None or duties.accepted(conn, item.study_id, item.delivery_key):
        return Done(Effect.ALREADY_ACCEPTED, wording.accepted_before(setting))
    ids = tuple(line.alert_id for line in content.lines)
    one = Duty(item.study_id, DutyKind.ACCEPTED, by.user_id, by.at, by.inbox_key, content.by,
               about=item.delivery_key, alerts=ids)  # fmt: skip
    duties.record(conn, lock_head(conn, item.study_id), one, actor=by.actor)
    taken = 0
    for alert in alerts.by_id(conn, ids).values():
        if not alert.resolved:
            mine = replace(by, inbox_key=f"{by.inbox_key}#{alert.alert_id}", version=alert.latest.version, basis="")
            body = {"assignee": by.user_id, "handed_over_by": content.by}
            respond(conn, alert, mine, ResponseKind.ASSIGNED, body=body)
            taken += 1
    said = stored_body(replace(content, accepted_at=by.at))
    reconcile.restate(conn, item.delivery_key, sealing.content(conn, item.study_id, said))
    return Done(Effect.TAKEN_OVER, wording.taken(content.by, taken, setting))


def _tell(conn: Connection, study_id: str, by: By, content: DutyContent) -> str:
    mine = key(conn, study_id, "duty", content.step, content.audience, by.inbox_key)
    outbox.enqueue(
        conn, study_id=study_id, delivery_key=mine, audience=content.audience.value, kind="note",
        content=stored_body(content), priority=REPLY_PRIORITY, created_at=by.queued_at or by.at,
    )  # fmt: skip
    return mine
