"""What every question has in common: who may ask it here, whose content answers it, and where the answer goes.

A short answer is for the person's eyes and where they asked; a long one goes to their direct messages, because what
only one person sees vanishes when the window is loaded anew. `--share` posts it in the channel, where that channel's
readers may have it. Whatever is closed is judged at this moment, and recorded before it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from bot.access import READABLE, Act, disclose
from bot.acting.actions import Effect
from bot.clearance.findings import RESTRICTED
from bot.lookup.nearest import NotFound
from bot.lookup.summary import NoSummary
from bot.slack import handing
from bot.slack.case import Case
from bot.slack.commands.command import Place, place
from bot.slack.commands.status import IN_PRIVATE, first_allowed
from bot.slack.enclosures import enclosures
from bot.slack.messages import render
from bot.slack.posting import channel_verdict
from bot.study import Study
from bot.views import ClosedView, Content, OpenView
from bot.voice import Voice
from bot.wording import asked as wording
from bot.wording import replies
from rules.model import Audience

_SHARE = re.compile(r"(?:--|—|–)share", re.IGNORECASE)
"""Phones make a dash of two hyphens."""

Make = Callable[[Connection, Study, Audience], Content]
"""(connection, study, audience of the reader) → content. Raises NotFound or NoSummary."""


@dataclass(frozen=True, slots=True)
class Words:
    """What was typed after the command's word.

    Parameters
    ----------
    rest: the words, in their own case.   share: post the answer in the channel.
    """

    rest: tuple[str, ...]
    share: bool

    @property
    def text(self) -> str:
        """The words as one."""
        return " ".join(self.rest)


def words_of(case: Case) -> Words:
    """The words after the first, `--share` taken out."""
    rest = case.request.text.split()[1:]
    return Words(tuple(w for w in rest if not _SHARE.fullmatch(w)), any(map(_SHARE.fullmatch, rest)))


def answer(case: Case, act: Act, make: Make, *, about: str = "", records: bool = False) -> None:
    """Answer one question.

    Parameters
    ----------
    act: authorised for whose content it is.   about: of the question, for the record of closed content shown.
    records: the answer is made of open records; readers of every audience get the same.
    """
    words, where = words_of(case), place(case)
    voice = case.desk.voices[where.study_id]
    reader = where.audience if words.share else None
    if words.share and reader is None:
        case.finish(wording.SHARE_WHERE, Effect.REFUSED)
        return
    audience = _permitted(case, voice, where, act, _wanted(where, voice, records=records, share=words.share))
    if audience is None:
        return
    study = case.desk.studies[where.study_id]
    try:
        with case.desk.db.reading() as conn:
            content = make(conn, study, audience)
    except NotFound as missing:
        case.finish(wording.not_found(missing, case.request.command))
        return
    except NoSummary as why:
        case.finish(wording.no_summary(str(why)))
        return
    if reader is not None and content.audience not in READABLE[reader]:
        case.finish(wording.SHARE_NOT_HERE, Effect.REFUSED)
        return
    view = disclose(content, reader or audience, voice.setting)
    case.shown(where.study_id, audience, act, about or act.value)
    _hand_over(case, act, view, share=words.share, private=where.private)


def _wanted(where: Place, voice: Voice, *, records: bool, share: bool) -> tuple[Audience, ...]:
    if records:
        return (Audience.OPEN,)
    if where.private and not share:
        return tuple(audience for audience in IN_PRIVATE if audience in voice.channels)
    return (where.audience or Audience.OPEN,)


def _permitted(case: Case, voice: Voice, where: Place, act: Act, audiences: Sequence[Audience]) -> Audience | None:
    """Whose content the person is answered with; None where they were told why not."""
    allowed, (asked, decision) = first_allowed(case, voice, tuple(audiences), act)
    if allowed is None:
        case.refuse(voice.study_id, act, asked, decision)
        return None
    if allowed not in RESTRICTED or where.private:
        return allowed
    if where.audience is not allowed:
        case.finish(replies.WRONG_PLACE, Effect.REFUSED)
        return None
    if not channel_verdict(case.desk.directory, case.request.channel_id, allowed, voice)[0].allowed:
        case.finish(replies.BLOCKED_CHANNEL, Effect.REFUSED)
        return None
    return allowed


def _hand_over(case: Case, act: Act, view: OpenView | ClosedView, *, share: bool, private: bool) -> None:
    client, request = case.desk.client, case.request
    message, following = render(view, f"{act}-{case.inbox_key}"[:255]), enclosures(view)
    if share:
        if not handing.to_channel(client, request.channel_id, message, following):
            case.answer(wording.NOT_SENT)
    elif private and request.channel_id:
        if not handing.to_channel(client, request.channel_id, message, following, thread=False):
            case.answer(message.text[:3_000])
    elif not handing.is_long(message, following):
        case.answer(message.text, message.blocks)
    else:
        handed = handing.to_person(client, request.user_id, message, following)
        case.answer(wording.sent(handed.address) if handed.done else wording.NOT_SENT)
