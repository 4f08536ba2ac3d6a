"""The lines of an alert that say who has seen it and what people did: one fact a piece, whoever is called last."""

from __future__ import annotations

from datetime import datetime

from bot.views import AlertContent, Setting
from bot.wording.forms import DECISIONS, held
from bot.wording.text import mention, safe, words
from bot.wording.times import hour

CHANGED = "the alert has changed since it was acknowledged"


def status(content: AlertContent, setting: Setting) -> str:
    """`○ Not acknowledged · …` or `● Acknowledged by @name 09:06 · decision still open · updated 09:06 …`."""
    zone, opened, follow = setting.timezone, content.opened_at, content.following
    if follow.resolved is not None:
        at = hour(follow.resolved.at, zone, beside=opened, offset=False)
        parts = [f"✓ Resolved by {mention(follow.resolved.user_id)} {at}", *_decision(content, setting)]
    elif content.acknowledgement is not None:
        parts = _acknowledged(content, setting)
    else:
        parts = [*_open(content, setting), *_decision(content, setting, where_open=False)]
    parts += [f"assigned to {mention(follow.assignee)}"] if follow.assignee else []
    parts += [f"snoozed until {_at(follow.snoozed_until, content, setting)}"] if _rests(content) else []
    updated = max(filter(None, (content.changed_at, _last_click(content), follow.updated_at)))
    if updated > opened:
        parts.append(f"updated {hour(updated, zone, beside=opened)}")
    return " · ".join(parts)


def _acknowledged(content: AlertContent, setting: Setting) -> list[str]:
    done = content.acknowledgement
    assert done is not None
    said = [f"● Acknowledged by {mention(done.user_id)} {_at(done.at, content, setting)}"]
    changed = ["the finding has changed since"] if content.changed_at > done.at else []
    return [*said, *_decision(content, setting), *changed]


def _open(content: AlertContent, setting: Setting) -> list[str]:
    """Not acknowledged, or no longer; and whom that calls."""
    reopened, parts = content.following.reopened, ["○ Not acknowledged"]
    if content.withdrawn is not None:
        taken = _at(content.withdrawn.at, content, setting, offset=True)
        parts.append(f"{mention(content.withdrawn.user_id)} acknowledged by mistake, withdrawn {taken}")
    if reopened is not None:
        broken = content.following.hold_broken
        why = "what was held was done all the same, recorded after it was acknowledged" if broken else CHANGED
        parts = [f"○ Open again: {why}"]
        parts.append(f"{mention(reopened.user_id)} acknowledged what it said at {_at(reopened.at, content, setting)}")
    opened = content.opened_at
    calls = [
        f"the {words(call.role)} is called at {hour(call.at, setting.timezone, beside=opened)}"
        for call in content.calls
    ]
    return [*parts, *([", then ".join(calls)] if calls else [])]


def _decision(content: AlertContent, setting: Setting, *, where_open: bool = True) -> list[str]:
    """The last decision, and what is in force of all; or that none was recorded."""
    follow = content.following
    if follow.decision is None:
        return ["decision still open"] if where_open and follow.resolved is None else []
    made = follow.decision
    whom = f" for subject {safe(made.subject)}" if made.subject else ""
    at = _at(made.at, content, setting)
    said = [f"*decided: {DECISIONS[made.kind].lower()}{whom}* by {mention(made.user_id)} {at}"]
    if follow.holding:
        said.append(f"in force: {held(' '.join(follow.holding))}")
    if follow.rearmed:
        said.append("*met again since: a new decision is needed*; false alarm and power no longer apply")
    elif content.acknowledgement is None and content.changed_at > made.at:
        said.append("the finding has changed since the decision")
    return said


def _rests(content: AlertContent) -> bool:
    return content.following.snoozed_until is not None and content.following.resolved is None


def _last_click(content: AlertContent) -> datetime | None:
    last = content.acknowledgement or content.withdrawn
    return last.at if last else None


def _at(at: datetime | None, content: AlertContent, setting: Setting, *, offset: bool = False) -> str:
    return hour(at, setting.timezone, beside=content.opened_at, offset=offset) if at else ""
