"""App Home: what one person sees there, made anew each time they open it, for what they may read at that moment.

What needs them now comes first, with its buttons. A Home tab is the person's own: nobody else sees it. Whatever is
not known about a person refuses closed content, and what is refused is audited.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from bot.access import Act, Decision, authorise, disclose
from bot.acting.actions import By, record_disclosure, refuse
from bot.clearance.findings import RESTRICTED
from bot.configuration.people import Role
from bot.lookup.home import home_content
from bot.slack import blocks as make
from bot.slack.commands.status import IN_PRIVATE
from bot.slack.limits import VIEW_BLOCKS
from bot.slack.outcomes import attempt
from bot.views import ClosedView, OpenView
from bot.voice import Voice
from bot.wording import home as wording
from bot.wording import replies
from rules.model import Audience
from storage.duties import covers
from storage.errors import StorageError
from storage.sides import closed_side, is_closed

if TYPE_CHECKING:
    from bot.slack.desk import Desk

KEPT = 40
"""Blocks kept for everything but the alerts."""


def publish(desk: Desk, user_id: str) -> None:
    """Draw the Home tab of one person. What they may not read is not there, and nothing says that it exists."""
    if not user_id:
        return
    try:
        blocks = [block for voice in desk.voices.values() for block in blocks_for(desk, user_id, voice)]
    except StorageError:
        blocks = [make.plain_section(replies.NOT_NOW)]
    if blocks:
        desk.at_home.add(user_id)
    view = {"type": "home", "blocks": make.fitted(blocks or [make.plain_section(replies.OFF_ROSTER)], VIEW_BLOCKS)}
    attempt(lambda: desk.client.views_publish(user_id=user_id, view=view))


def refresh(desk: Desk) -> None:
    """Draw the page again for everybody who has opened it since the start: somebody has done something."""
    for user_id in sorted(desk.at_home):
        publish(desk, user_id)


def blocks_for(desk: Desk, user_id: str, voice: Voice) -> list[dict[str, Any]]:
    """Where one study stands, with the most that this person may read of it; nothing for who may read nothing."""
    if is_closed(voice.study_id) or voice.study_id not in desk.studies:
        return []
    account, first = desk.directory.account(user_id), None
    with desk.db.reading() as conn:
        standing_in = covers(conn, voice.study_id, desk.clock())
    for audience in (audience for audience in IN_PRIVATE if audience in voice.channels):
        decision = authorise(user_id, account, Act.STATUS, audience, voice.slack, standing_in)
        if decision.allowed:
            return _page(desk, user_id, voice, audience, decision.roles)
        first = first or (audience, decision)
    if first is not None:
        _refused(desk, user_id, voice, *first)
    return []


def _refused(desk: Desk, user_id: str, voice: Voice, audience: Audience, decision: Decision) -> None:
    assert decision.refusal is not None
    with desk.db.writing(voice.study_id) as conn:
        refuse(conn, voice.study_id, _by(desk, user_id), Act.STATUS, audience, decision.refusal)


def _by(desk: Desk, user_id: str) -> By:
    return By(user_id, desk.directory.identity().team_id, desk.clock(), "", queued_at=desk.wall())


def _page(desk: Desk, user_id: str, voice: Voice, audience: Audience, roles: Collection[Role]) -> list[dict[str, Any]]:
    study = desk.studies[voice.study_id]
    with desk.db.reading() as conn:
        content = home_content(conn, study, audience, desk.clock(), roles, user_id)
    if audience in RESTRICTED:
        side = closed_side(voice.study_id)
        kept_by = side if audience is Audience.CLOSED and side in desk.voices else voice.study_id
        with desk.db.writing(kept_by) as conn:
            record_disclosure(conn, kept_by, _by(desk, user_id), Act.STATUS, "home")
    return page_blocks(disclose(content, audience, voice.setting))


def page_blocks(view: OpenView | ClosedView) -> list[dict[str, Any]]:
    """The blocks of one study's page: a heading a part, an alert of the person's own with its buttons, small print."""
    page, blocks = wording.home(view), []
    for number, part in enumerate(page.parts):
        blocks.append(make.header(part.head, block_id=f"home-{view.setting.study_id}-{number}"[:255]))
        mine = number == 0 and bool(part.alerts)
        for place, line in enumerate(part.lines if mine else ()):
            blocks += make.sections([line])
            alert = part.alerts[place] if place < len(part.alerts) else None
            if alert is not None and alert.reference and len(blocks) < VIEW_BLOCKS - KEPT:
                blocks += make.alert_actions(
                    alert.reference, acknowledged=alert.acknowledged_at is not None, resolved=False, may_snooze=False
                )
        blocks += [] if mine else make.sections(part.lines)
    return [*blocks, *make.context(page.meta)]
