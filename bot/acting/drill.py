"""The drill: everybody on the roster is asked to press a button on their phone, and whoever did not is listed.

What was asked, who pressed and how it ended are entries of the audit record: nothing else is kept of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bot.acting.actions import By, Done, Effect
from bot.config import Role, Slack
from bot.paging.due import MAILTO
from bot.study import Study
from bot.telling.outgoing import Notice, key, queue
from bot.views import DrillContent, PageContent, Setting, stored_from_body
from bot.wording import replies
from rules.model import Audience
from storage import audit, outbox
from storage.heads import lock_head
from storage.outbox_rows import Item, Status
from storage.schema import audit as audit_table

HOME: Mapping[Role, Audience] = {
    Role.INVESTIGATOR: Audience.OPEN, Role.MEDICAL_MONITOR: Audience.OPEN, Role.COORDINATOR: Audience.OPEN,
    Role.PHARMACIST: Audience.PHARMACY, Role.DSMB: Audience.CLOSED, Role.UNBLINDED_STATISTICIAN: Audience.CLOSED,
    Role.OPERATOR: Audience.OPS,
}  # fmt: skip
"""Role → the channel in which its holders are asked: that of the alerts which concern them."""

_DRILL_PRIORITY = 1
Place = tuple[str, Audience]
"""A person and the channel in which they are asked."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a drill stands, or ended.

    Parameters
    ----------
    study: its id.   confirmed: person and channel → when they pressed.   missing: who has not, with why, in words.
    pages: status → number of test pages of the second path.
    """

    study: str
    confirmed: Mapping[Place, datetime]
    missing: Mapping[Place, str]
    pages: Mapping[str, int]

    @property
    def passed(self) -> bool:
        """Everybody pressed, and every test page was taken."""
        return not self.missing and not set(self.pages) - {Status.SENT.value}

    def listed(self) -> list[tuple[Place, str]]:
        """Who has not pressed, in order, with why."""
        return sorted(self.missing.items())

    def document(self) -> dict[str, Any]:
        """JSON values for `drill --json` and the audit record."""
        return {
            "study": self.study,
            "passed": self.passed,
            "confirmed": [
                {"user": user, "audience": audience.value, "at": at.isoformat()}
                for (user, audience), at in sorted(self.confirmed.items())
            ],
            "missing": [
                {"user": user, "audience": audience.value, "reason": reason}
                for (user, audience), reason in self.listed()
            ],
            "pages": dict(sorted(self.pages.items())),
        }


def asked(slack: Slack) -> tuple[Place, ...]:
    """Everybody on the roster, once for each channel that concerns them."""
    places = [(member.id, HOME[role]) for role, members in slack.roles.items() for member in members]
    return tuple(sorted(dict.fromkeys(places)))


def begin(study: Study, now: datetime, wait: timedelta) -> str:
    """Queue the messages and test pages, and record that the drill began. Returns the drill's id."""
    drill, slack = now.isoformat(), study.config.slack
    with study.database.writing(study.id) as conn:
        for audience in study.audiences:
            people = tuple(user for user, where in asked(slack) if where is audience)
            if people:
                content = DrillContent(audience, now, now + wait, drill, people)
                mine = key(conn, study.id, "drill", drill, audience)
                queue(conn, study, Notice(mine, content, audience, priority=_DRILL_PRIORITY))
        for notice in _pages(conn, study, drill):
            queue(conn, study, notice)
        said = {"drill": drill, "asked": [[user, where.value] for user, where in asked(slack)]}
        audit.append(conn, lock_head(conn, study.id), at=now, actor="dsmbot", kind="drill_started", body=said)
    return drill


def _pages(conn: Connection, study: Study, drill: str) -> list[Notice]:
    """One test page to each address, and one to the webhook."""
    pager = study.config.slack.pager
    ways = [("email", MAILTO + address) for address in _addresses(study.config.slack)]
    ways += [("webhook", f"webhook:{study.config.id}")] if pager is not None and pager.webhook else []
    return [
        Notice(key(conn, study.id, "drill", drill, to), PageContent("drill"), Audience.OPS, kind=kind,
               priority=_DRILL_PRIORITY, channel_id=to)
        for kind, to in ways
    ]  # fmt: skip


def _addresses(slack: Slack) -> tuple[str, ...]:
    """Every address of the second path, once."""
    if slack.pager is None:
        return ()
    return tuple({one.casefold(): one for role in Role for one in slack.pager.addresses(role)}.values())


def ways(slack: Slack) -> str:
    """SHA-256 (hex) of where the second path leads: shows that it is still the same, and no address."""
    webhook = "" if slack.pager is None else str(slack.pager.webhook or "")
    return hashlib.sha256("\n".join([webhook, *sorted(map(str.casefold, _addresses(slack)))]).encode()).hexdigest()


def confirm(conn: Connection, item: Item, by: By, setting: Setting) -> Done:
    """Somebody pressed the button: recorded once."""
    content = stored_from_body(item.content)
    if not isinstance(content, DrillContent):
        return Done(Effect.UNKNOWN, replies.UNKNOWN_ALERT)
    place = (by.user_id, Audience(item.audience))
    if place not in confirmations(conn, item.study_id, content.drill):
        said = {"drill": content.drill, "user": by.user_id, "audience": item.audience}
        head = lock_head(conn, item.study_id)
        audit.append(conn, head, at=by.at, actor=by.actor, kind="drill_confirmed", body=said)
    return Done(Effect.ACCEPTED, replies.drill_confirmed(setting))


def channels(slack: Slack) -> dict[str, str]:
    """Audience → channel as configured, as JSON values."""
    return {audience.value: str(name) for audience, name in sorted(slack.channels.items())}


def confirmations(conn: Connection, study_id: str, drill: str) -> dict[Place, datetime]:
    """Who has pressed in one drill, and when."""
    c = audit_table.c
    query = select(c.at, c.body).where(c.study_id == study_id, c.kind == "drill_confirmed").order_by(c.seq)
    return {
        (row.body["user"], Audience(row.body["audience"])): row.at
        for row in conn.execute(query)
        if row.body["drill"] == drill
    }


def outcome(conn: Connection, study: Study, drill: str) -> Outcome:
    """How a drill stands now."""
    slack, pressed = study.config.slack, confirmations(conn, study.id, drill)
    missing = {}
    for user, audience in asked(slack):
        if (user, audience) not in pressed:
            missing[user, audience] = _reason(conn, study, drill, audience)
    keys = [notice.key for notice in _pages(conn, study, drill)]
    pages: dict[str, int] = {}
    for row in filter(None, (outbox.find(conn, one) for one in keys)):
        pages[row.status.value] = pages.get(row.status.value, 0) + 1
    return Outcome(study.id, pressed, missing, pages)


def _reason(conn: Connection, study: Study, drill: str, audience: Audience) -> str:
    if audience not in study.audiences:
        return f"there is no {audience} channel to ask in"
    posted = outbox.find(conn, key(conn, study.id, "drill", drill, audience))
    if posted is None or posted.status is not Status.SENT:
        why = f": {posted.last_error}" if posted and posted.last_error else ""
        return f"the message could not be posted{why}"
    return "did not press"


def finish(study: Study, drill: str, now: datetime) -> Outcome:
    """Record how the drill ended, and of which channels and second path it speaks."""
    slack = study.config.slack
    with study.database.writing(study.id) as conn:
        ended = outcome(conn, study, drill)
        said = {"drill": drill, **ended.document(), "channels": channels(slack), "ways": ways(slack)}
        audit.append(conn, lock_head(conn, study.id), at=now, actor="dsmbot", kind="drill_finished", body=said)
    return ended
