"""What a command is, and the place it was typed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.slack.case import Case
from rules.model import Audience


@dataclass(frozen=True, slots=True)
class Command:
    """A word after the slash command, in lower case, and what it does. `case.request.text` has all that was typed."""

    word: str
    run: Callable[[Case], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command was typed.

    Parameters
    ----------
    study_id: whose channel it is; elsewhere the first study.   audience: whose channel; None elsewhere.
    private: a direct message.
    """

    study_id: str
    audience: Audience | None
    private: bool


def place(case: Case) -> Place:
    """The study and audience whose channel a command was typed in."""
    desk, channel_id = case.desk, case.request.channel_id
    private = channel_id.startswith("D")
    for study_id, voice in desk.voices.items():
        for audience, reference in voice.channels.items():
            if desk.directory.channel_id(reference, case.now) == channel_id:
                return Place(study_id, audience, private)
    return Place(next(iter(desk.voices)), None, private)
