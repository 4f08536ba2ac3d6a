"""What one person is told in private: answers to clicks and commands. A refusal reveals nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.views import Acknowledgement, Setting
from bot.wording.phrases import MARK
from bot.wording.text import mention, safe
from bot.wording.times import hour

OFF_ROSTER = (
    "I can't help with that here. Nothing was shown, and the request was recorded. "
    "Questions go to the study's DSMB contact."
)
WRONG_PLACE = "Please ask again in the board's own channel or in a direct message to me. Nothing was shown here."
BLOCKED_CHANNEL = "Messages here are paused until the membership is settled. The roster owner has been told."
MAY_NOT = "This button is not for your role in this study. Nothing was changed, and the click was recorded."
UNKNOWN_ALERT = "I no longer know this message. Nothing was changed, and the click was recorded."
TOO_LATE = "Slack did not open the form in time. Nothing was changed; please press the button again."
NOT_NOW = (
    "I cannot read the study's database at the moment. This page says nothing about the study; open it again soon."
)
LATER = "Your click is recorded and is applied as soon as the database answers. Please do not click again."
NOT_UNDERSTOOD = "This button is not one of mine. Nothing was changed."

COMMANDS = {
    "status": "what was checked and what is open",
    "alerts open|all": "every alert with who has seen it",
    "rule ID": "what a rule says and where it stands, the chance to cross, a plot",
    "subject ID": "one subject's course in study days, with a picture",
    "aes [filters]": "adverse events in coded terms: serious related unrelated fatal grade>=3 term=… site=… since=7d",
    "summary [as-of]": "the open summary of now or of a day (2026-05-14), with PDF and XLSX",
    "raise": "a form for a concern of your own; your words are not posted",
    "cover PERSON until DATE": "somebody acts in your place to the end of that day; cover off ends it",
    "handover PERSON": "asks somebody to take over the open alerts that you hold",
    "menu": "buttons for the common questions; the command alone opens it",
    "help": "this list",
}
"""Words after the slash command, and what they give."""

SHARE = "Add --share to post an answer where everybody in the channel reads it."


def acknowledged(by: Acknowledgement, setting: Setting) -> str:
    """To the person who clicked: it counted, and what it does not mean."""
    at = hour(by.at, setting.timezone)
    limits = "That is not a decision and not a signature; the decision is still open."
    return in_mode(f"Acknowledged {at}. {limits}", setting)


def already(by: Acknowledgement, setting: Setting) -> str:
    """To the second person: who was first."""
    first = f"Already acknowledged by {mention(by.user_id)} {hour(by.at, setting.timezone)}."
    return in_mode(f"{first} Nothing changed.", setting)


def withdrawn(at: datetime, setting: Setting) -> str:
    """To the person who took it back: escalation goes on."""
    return in_mode(
        f"Your acknowledgement was withdrawn {hour(at, setting.timezone)}; both stay recorded. The alert is open again "
        "and calls the next person as configured.",
        setting,
    )


def looked_at_older(seen: int, latest: int, setting: Setting) -> str:
    """To the person who acknowledged a message that had been overtaken."""
    said = f"You acknowledged version {seen}; the alert is at version {latest} by now. Your click is recorded, but the "
    return in_mode(said + "alert is still open: please look at it again and acknowledge what it says now.", setting)


def resolved_before(setting: Setting) -> str:
    """To the person who clicks on an episode that a person ended."""
    return in_mode("This episode was resolved. Nothing changed.", setting)


def not_done(problem: str) -> str:
    """To the person whose form could not be taken any more."""
    return f"{problem} Nothing was changed; your form was recorded."


def recorded(sentence: str, setting: Setting) -> str:
    """To the person whose form was applied."""
    return in_mode(f"{sentence} It is in the alert's thread.", setting)


def nothing_to_withdraw(setting: Setting) -> str:
    """Nobody has acknowledged, so nothing can be taken back."""
    return in_mode("There is no acknowledgement to withdraw. Nothing changed.", setting)


def not_yours(by: Acknowledgement, setting: Setting) -> str:
    """Only the person who acknowledged can take it back."""
    return in_mode(f"Only {mention(by.user_id)}, who acknowledged, can withdraw it. Nothing changed.", setting)


def drill_confirmed(setting: Setting) -> str:
    """To whoever pressed in a drill."""
    return in_mode("Thank you: you can be reached here. It was recorded.", setting)


def accepted(by: Acknowledgement, setting: Setting) -> str:
    """To the person who accepted the starting state, or came second."""
    return in_mode(f"Starting state accepted by {mention(by.user_id)} {hour(by.at, setting.timezone)}.", setting)


def help_text(command: str, setting: Setting | None = None) -> str:
    """The words that the command knows."""
    known = "\n".join(f"• *{word}*: {gives}" for word, gives in COMMANDS.items())
    return in_mode(f"Type {safe(command)} and one of these:\n{known}\n{SHARE}", setting)


def commands_table() -> str:
    """The words and what they give as a Markdown table, for the documentation; a test keeps the two equal."""
    rows = [f"| `/safety {word}` | {gives} |" for word, gives in COMMANDS.items()]
    return "\n".join(["| command | gives |", "|---|---|", *(row.replace("open|all", "open\\|all") for row in rows)])


def unknown_word(command: str, word: str, nearest: Sequence[str]) -> str:
    """A word the command does not know, with the nearest one it does."""
    hint = f" Did you mean {safe(command)} {nearest[0]}?" if nearest else ""
    return f"I don't know '{safe(word, 40)}'.{hint} {safe(command)} help lists what I know."


def in_mode(text: str, setting: Setting | None) -> str:
    """A sentence behind the mark of practice or rehearsal."""
    return f"{MARK[setting.mode]} · {text}" if setting and MARK[setting.mode] else text
