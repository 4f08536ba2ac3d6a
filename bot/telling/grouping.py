"""Many alerts of one evaluation become one message a channel and urgency, with all of them listed in its thread.

Who gets a message alone, and what the group's rows hold, is decided here from the alerts of one audience only. May not
render anything. A grouped alert keeps its own history; it gets a message of its own when something about it changes, or
when a person asks for it. Changes of many alerts at once, as when a rule is changed, are told in a group as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.study import Study
from bot.telling.outgoing import PRIORITY, Notice, key, queue
from bot.views import GroupedStored, GroupFileContent, stored_from_body
from rules.model import Audience, Rule, State, Urgency
from storage import outbox, sealing
from storage.alert_records import OpenAlert
from storage.alerts import WrittenVersion
from storage.outbox_rows import Item

GROUP = "group"
"""`kind` of the outbox row that is a group's message."""

FIRST, PAGE = 12, 30
"""Alerts listed in the message itself, and in each reply: so many lines fit the text that Slack recommends at most."""

FILE_PRIORITY = 8
"""A group's file waits for everything that calls people: what it lists is in the thread already."""


@dataclass(frozen=True)
class Opened:
    """An episode that began: its rule and scope, what was written; `stands`: its thread says where the trial stands."""

    rule: Rule
    scope: str
    written: WrittenVersion
    stands: bool = False


@dataclass(frozen=True)
class Changed(Opened):
    """An alert that has a new version, which the channel is to see: `parent`, the key of its message.

    Parameters
    ----------
    posted: that message exists; it is told in its thread, and in the channel too.   Otherwise it is to be made.
    """

    parent: str = ""
    posted: bool = False


@dataclass(frozen=True)
class Told:
    """How the episodes of one evaluation are told: in groups of one audience and urgency, or alone."""

    groups: tuple[tuple[Opened, ...], ...]
    alone: tuple[Opened, ...]


def divided(opened: Iterable[Opened], most: int) -> Told:
    """Divide episodes: up to `most` in a channel each have a message; beyond that only so many critical ones have.

    Parameters
    ----------
    opened: in the order of the evaluation.   most: `slack.group_above`.

    Returns
    -------
    Groups by audience and urgency, most urgent first. What is beyond `most` among the critical ones is a group, too. An
    alert is in exactly one place.
    """
    channels: dict[Audience, list[Opened]] = defaultdict(list)
    for one in opened:
        channels[one.rule.audience].append(one)
    groups: list[tuple[Opened, ...]] = []
    alone: list[Opened] = []
    for its in channels.values():
        if len(its) <= most:
            alone += its
            continue
        for urgency in PRIORITY:
            same = [one for one in its if one.rule.urgency is urgency]
            kept = most if urgency is Urgency.CRITICAL else 0
            alone += same[:kept]
            groups += [tuple(same[kept:])] if same[kept:] else []
    return Told(tuple(groups), tuple(alone))


def queue_group(conn: Connection, study: Study, group: Sequence[Opened], now: datetime) -> None:
    """Queue a group's message and, in its thread, as many replies as list the rest."""
    lead, changes = group[0], isinstance(group[0], Changed)
    audience, urgency, ids = lead.rule.audience, lead.rule.urgency, [one.written.alert_id for one in group]
    versions = tuple(one.written.version for one in group) if changes else ()
    which = (lead.written.version,) if changes else ()
    parent = key(conn, study.id, GROUP, lead.rule.id, lead.scope, lead.written.episode, *which)
    first = GroupedStored(
        audience, "changes" if changes else "alerts", now, urgency, tuple(ids[:FIRST]), total=len(ids),
        every=tuple(ids), versions=versions,
    )  # fmt: skip
    queue(conn, study, Notice(parent, first, audience, GROUP, PRIORITY[urgency]))
    for start in range(FIRST, len(ids), PAGE):
        listed = tuple(ids[start : start + PAGE])
        more = GroupedStored(
            audience, "more", now, urgency, listed, total=len(ids), first=start + 1,
            versions=versions[start : start + PAGE],
        )  # fmt: skip
        mine = key(conn, study.id, GROUP, parent, start)
        queue(conn, study, Notice(mine, more, audience, "reply", PRIORITY[urgency], thread_key=parent))
    if len(ids) > FIRST and not study.unblinded:  # a file is found again by a name that a closed side would seal
        mine = key(conn, study.id, "group_file", parent)
        file = GroupFileContent(audience, parent, f"alerts_{now:%Y-%m-%d}_{mine[-8:]}.csv")
        queue(conn, study, Notice(mine, file, audience, "file", FILE_PRIORITY, thread_key=parent))


def stored_group(conn: Connection, item: Item) -> GroupedStored | None:
    """What a row stores about a group of alerts; None for other rows."""
    stored = stored_from_body(sealing.opened(conn, item.study_id, item.content))
    return stored if isinstance(stored, GroupedStored) else None


@dataclass(frozen=True)
class Waiting:
    """A group of which some alerts, `waiting`, have no message of their own and are open.

    Parameters
    ----------
    item: the row of its message.   stored: what that holds.   waiting: most urgent order of the list.
    """

    item: Item
    stored: GroupedStored
    waiting: tuple[OpenAlert, ...]


def waiting_groups(conn: Connection, study: Study, opened: Iterable[OpenAlert]) -> list[Waiting]:
    """Every group with what of it is still open and has no message of its own, oldest group first.

    An alert that was told again, in a group of changes, waits there alone.
    """
    rows = outbox.of_kind(conn, study.id, GROUP)
    if not rows:
        return []
    alone = outbox.alerts_with_parent(conn, study.id)
    by_id = {item.alert_id: item for item in opened if item.alert_id not in alone}
    found = []
    for row in reversed(rows):
        stored = stored_group(conn, row)
        left = tuple(by_id.pop(one) for one in stored.every if one in by_id) if stored else ()
        if stored and left:
            found.append(Waiting(row, stored, left))
    return found[::-1]


def undecided(item: OpenAlert) -> bool:
    """No decision, or one that was to be asked for again."""
    return item.decided_by is None or item.rearmed


def calls_somebody(item: OpenAlert, now: datetime) -> bool:
    """Met or crossed, not snoozed, and more than routine: silence about it calls people."""
    met = item.ever_crossed or item.state is State.PROVISIONAL
    rests = item.snoozed_until is not None and now < item.snoozed_until
    return met and not rests and item.urgency is not Urgency.ROUTINE
