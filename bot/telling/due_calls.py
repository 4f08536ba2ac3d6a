"""Which calls of the escalation are due about an alert that nobody has acknowledged, and whom they call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.access import RESPONSIBLE, Act, able_roles
from bot.config import Role
from bot.study import Study
from rules.model import Audience, Urgency
from storage.alert_records import OpenAlert


@dataclass(frozen=True)
class Call:
    """One call that is due: what tells it from the others of this alert, whom it calls, after how long, and why."""

    identity: tuple[object, ...]
    role: Role
    waited: timedelta
    vacant: str = ""


def due_calls(study: Study, item: OpenAlert, began: datetime, now: datetime) -> list[Call]:
    """Every step, and the latest repetition, that is due about an alert which nobody has acknowledged since `began`."""
    if not study.config.slack.escalate:
        return []
    return [*_steps(study, item, began, now), *_again(study, item, began, now)]


def _steps(study: Study, item: OpenAlert, began: datetime, now: datetime) -> Iterator[Call]:
    """Each configured step whose time has come; at once, where nobody before it can receive an alert."""
    before = [RESPONSIBLE[item.audience]]
    for number, step in enumerate(study.config.slack.escalate, start=1):
        role = called(step.to, item.audience)
        skipped = all(vacant(study, earlier) for earlier in before)
        if skipped or began + step.after <= now:
            waited = min(step.after, now - began)
            yield Call((number,), role, waited, vacant=before[-1].value if skipped else "")
        before.append(role)


def _again(study: Study, item: OpenAlert, began: datetime, now: datetime) -> Iterator[Call]:
    """The last step again, at the configured interval, for as long as a critical alert is not acknowledged."""
    last, every = study.config.slack.escalate[-1], study.config.slack.repeat
    times = (now - began - last.after) // every
    if item.urgency is Urgency.CRITICAL and times >= 1:
        yield Call(("again", times), called(last.to, item.audience), last.after + times * every)


def called(role: Role, audience: Audience) -> Role:
    """Whom a step calls: a role that may not read the alert is not called, the responsible one is."""
    return role if role in able_roles(Act.WHY, audience) else RESPONSIBLE[audience]


def vacant(study: Study, role: Role) -> bool:
    """Everybody who holds the role is deactivated in Slack."""
    held = study.config.slack.holders(role)
    return bool(held) and all(member.id in study.vitals.absent for member in held)
