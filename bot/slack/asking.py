"""What a slash command asks for: which study, whose content, and whether this is the place for it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.access import Act
from bot.slack.directory import Directory
from bot.slack.inbound import Request
from bot.voice import Voice
from bot.wording import replies
from rules.model import Audience


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, understood.

    Parameters
    ----------
    told: the whole answer, where nothing has to be looked up; else "".
    study_id: the study asked about.   audiences: whose content, the first that the person may read.
    private: asked in a direct message.   own_channel: asked in that audience's own channel.
    """

    told: str = ""
    study_id: str = ""
    audiences: tuple[Audience, ...] = ()
    private: bool = False
    own_channel: bool = False


_IN_PRIVATE = (Audience.CLOSED, Audience.PHARMACY, Audience.OPEN, Audience.OPS)
"""In a direct message a person is answered with the most that they may read."""


def asked_for(request: Request, voices: Mapping[str, Voice], directory: Directory, now: datetime) -> Asked:
    """Understand a command.

    Parameters
    ----------
    request: of kind COMMAND.   voices: study id → voice.   directory: for ids of channel names.   now: aware UTC.
    """
    words = request.text.split()
    word = words[0].lower() if words else ""
    if word in ("", "help"):
        return Asked(told=replies.help_text(request.command))
    if word != Act.STATUS:
        near = difflib.get_close_matches(word, replies.COMMANDS, n=1, cutoff=0.4)
        return Asked(told=replies.unknown_word(request.command, words[0], near))
    private = request.channel_id.startswith("D")
    study_id, here = _place(request.channel_id, voices, directory, now)
    voice = voices[study_id]
    if len(words) > 1:
        return _named(request.command, words[1].lower(), voice, here, private)
    if private:
        return Asked("", study_id, tuple(a for a in _IN_PRIVATE if a in voice.channels), private=True)
    return Asked("", study_id, (here or Audience.OPEN,), own_channel=here is not None)


def _named(command: str, word: str, voice: Voice, here: Audience | None, private: bool) -> Asked:
    """`status closed`: somebody names the content they want."""
    if word not in set(Audience):
        near = difflib.get_close_matches(word, [str(a) for a in Audience], n=1, cutoff=0.4)
        return Asked(told=replies.unknown_word(command, word, [f"status {n}" for n in near]))
    wanted = Audience(word)
    return Asked("", voice.study_id, (wanted,), private=private, own_channel=here is wanted)


def _place(
    channel_id: str, voices: Mapping[str, Voice], directory: Directory, now: datetime
) -> tuple[str, Audience | None]:
    """The study and audience whose channel this is; elsewhere the first study and no audience."""
    for study_id, voice in voices.items():
        for audience, reference in voice.channels.items():
            if directory.channel_id(reference, now) == channel_id:
                return study_id, audience
    return next(iter(voices)), None
