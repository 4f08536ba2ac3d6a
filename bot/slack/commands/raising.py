"""`/safety raise`: opens the form in which a person raises a concern."""

from __future__ import annotations

from dataclasses import replace

from bot.access import Act
from bot.slack.acts.raising import RAISE
from bot.slack.case import Case
from bot.slack.commands.command import Command, place
from rules.model import Audience


def _run(case: Case) -> None:
    where = place(case)
    voice = case.desk.voices[where.study_id]
    decision = case.may(Act.RAISE, Audience.OPEN, voice)
    if not decision.allowed:
        case.refuse(voice.study_id, Act.RAISE, Audience.OPEN, decision)
        return
    RAISE.opened(replace(case, request=replace(case.request, study_id=where.study_id, audience=Audience.OPEN.value)))


RAISING = Command("raise", _run)
