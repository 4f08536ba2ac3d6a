"""App Home: what one person sees there, made anew each time they open it, for what they may read at that moment.

`blocks_for` is the place to add to. A Home tab is the person's own: nobody else sees it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.access import Act, authorise, disclose
from bot.actions import By, record_disclosure
from bot.clearing import RESTRICTED
from bot.slack import blocks as make
from bot.slack.commands.status import IN_PRIVATE
from bot.slack.limits import VIEW_BLOCKS
from bot.slack.messages import render
from bot.slack.outcomes import attempt
from bot.voice import Voice
from bot.wording import replies
from rules.model import Audience
from storage.errors import StorageError
from storage.sides import closed_side, is_closed

if TYPE_CHECKING:
    from bot.slack.desk import Desk


def publish(desk: Desk, user_id: str) -> None:
    """Draw the Home tab of one person. What they may not read is not there, and nothing says that it exists."""
    if not user_id:
        return
    try:
        blocks = [block for voice in desk.voices.values() for block in blocks_for(desk, user_id, voice)]
    except StorageError:
        blocks = [make.plain_section(replies.NOT_NOW)]
    view = {"type": "home", "blocks": make.fitted(blocks or [make.plain_section(replies.OFF_ROSTER)], VIEW_BLOCKS)}
    attempt(lambda: desk.client.views_publish(user_id=user_id, view=view))


def blocks_for(desk: Desk, user_id: str, voice: Voice) -> list[dict[str, Any]]:
    """Where one study stands, with the most that this person may read of it; nothing for who may read nothing."""
    if is_closed(voice.study_id) or voice is not desk.voices.get(voice.study_id):
        return []
    account = desk.directory.account(user_id)
    for audience in IN_PRIVATE:
        if audience in voice.channels and authorise(user_id, account, Act.STATUS, audience, voice.slack).allowed:
            return _standing(desk, user_id, voice, audience)
    return []


def _standing(desk: Desk, user_id: str, voice: Voice, audience: Audience) -> list[dict[str, Any]]:
    now = desk.clock()
    with desk.db.reading() as conn:
        content = desk.status(conn, voice.study_id, audience, now)
    if audience in RESTRICTED:
        side = closed_side(voice.study_id)
        kept_by = side if audience is Audience.CLOSED and side in desk.voices else voice.study_id
        by = By(user_id, desk.directory.identity().team_id, now, "", queued_at=desk.wall())
        with desk.db.writing(kept_by) as conn:
            record_disclosure(conn, kept_by, by, Act.STATUS, "home")
    return list(render(disclose(content, audience, voice.setting), f"home-{voice.study_id}").blocks)
