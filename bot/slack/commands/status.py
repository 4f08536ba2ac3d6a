"""`/safety status [audience]`: what was checked and what is open, for what the person may read."""

from __future__ import annotations

import difflib

from bot.access import Act, Decision, disclose
from bot.acting.actions import Effect
from bot.clearance.findings import RESTRICTED
from bot.slack.case import Case
from bot.slack.commands.command import Command, Place, place
from bot.slack.messages import render
from bot.slack.posting import channel_verdict
from bot.voice import Voice
from bot.wording import replies
from rules.model import Audience

IN_PRIVATE = (Audience.CLOSED, Audience.PHARMACY, Audience.OPEN, Audience.OPS)
"""In a direct message, and on App Home, a person is answered with the most that they may read."""


def _run(case: Case) -> None:
    words, where = case.request.text.lower().split(), place(case)
    voice = case.desk.voices[where.study_id]
    if len(words) > 1 and words[1] not in set(Audience):
        near = difflib.get_close_matches(words[1], [str(a) for a in Audience], n=1, cutoff=0.4)
        nearest = [f"status {name}" for name in near]
        case.finish(replies.unknown_word(case.request.command, words[1], nearest))
    elif len(words) > 1:
        _answer(case, voice, where, (Audience(words[1]),))
    elif where.private:
        _answer(case, voice, where, tuple(a for a in IN_PRIVATE if a in voice.channels))
    else:
        _answer(case, voice, where, (where.audience or Audience.OPEN,))


def first_allowed(
    case: Case, voice: Voice, audiences: tuple[Audience, ...], act: Act = Act.STATUS
) -> tuple[Audience | None, tuple[Audience, Decision]]:
    """The first of some audiences whose content the person may have, or None; and the first decision."""
    decisions = [(audience, case.may(act, audience, voice)) for audience in audiences[:1]]
    for audience in audiences:
        decision = decisions[0][1] if audience is audiences[0] else case.may(act, audience, voice)
        if decision.allowed:
            return audience, decisions[0]
    return None, decisions[0]


def _answer(case: Case, voice: Voice, where: Place, audiences: tuple[Audience, ...]) -> None:
    allowed, (asked, decision) = first_allowed(case, voice, audiences)
    if allowed is None:
        case.refuse(voice.study_id, Act.STATUS, asked, decision)
    elif allowed in RESTRICTED and not where.private and where.audience is not allowed:
        case.finish(replies.WRONG_PLACE, Effect.REFUSED)
    elif allowed in RESTRICTED and not where.private and not _in_order(case, allowed, voice):
        case.finish(replies.BLOCKED_CHANNEL, Effect.REFUSED)
    else:
        _show(case, voice, allowed)


def _show(case: Case, voice: Voice, audience: Audience) -> None:
    with case.desk.db.reading() as conn:
        content = case.desk.status(conn, voice.study_id, audience, case.now)
    message = render(disclose(content, audience, voice.setting), f"status-{case.inbox_key}"[:255])
    case.shown(voice.study_id, audience, Act.STATUS, Act.STATUS)
    case.answer(message.text, message.blocks)


def _in_order(case: Case, audience: Audience, voice: Voice) -> bool:
    return channel_verdict(case.desk.directory, case.request.channel_id, audience, voice)[0].allowed


STATUS = Command("status", _run)
