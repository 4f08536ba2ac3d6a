"""Words of the forms that people fill in: titles, labels, hints, and what is wrong with a field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from bot.wording.phrases import DONE_NOTHING, SAYS
from bot.wording.text import count, listed, mention, words
from rules.model import Action

MOST_WORDS = 500
"""Characters of a note or a reason."""

ASSIGN_TITLE, ASSIGN = "Assign", "Assign"
NOTE_TITLE, NOTE = "Add a note", "Add note"
SNOOZE_TITLE, SNOOZE = "Snooze", "Snooze"
DECIDE_TITLE, DECIDE = "Record a decision", "Record decision"
RESOLVE_TITLE, RESOLVE = "Resolve", "Resolve"

ASSIGN_TO = "Who follows this up?"
ASSIGN_HINT = "You are filled in. The person must hold a role that follows up such alerts. Assigning silences nothing."
CHOOSE_PERSON = "Choose a person."
NOT_A_READER = "This person holds no role that follows up such alerts."

NOTE_LABEL = "Your note"
NOTE_HINT = "Shown in the alert's thread as you type it. No names of patients, no arms, no lots."

SNOOZE_HOURS = "For how many hours?"
NO_SNOOZE_OF_BOUNDARY = "A crossed stopping boundary is never snoozed."

REASON = "Why?"
REASON_HINT = "Kept, and shown in the alert's thread. No names of patients, no arms, no lots."

DECISION_LABEL = "What was decided?"
SCOPE_LABEL = "For whom?"
SCOPE_ALL = "All subjects"
CHOOSE_SCOPE = "Choose for whom."
DECISIONS: Mapping[str, str] = {
    "continue": "Continue unchanged",
    "continue_past": "Continue past the boundary",
    "modify": "Continue with modifications",
    "pause_enrolment": "Pause enrolment",
    "hold_dosing": "Hold dosing",
    "halt_study": "Halt the study",
    "resume": "Resume",
}
"""Decisions by `storage.alert_records.DecisionKind` value."""

HELD: Mapping[str, str] = {
    "pause_enrolment": "enrolment is paused", "hold_dosing": "dosing is held", "halt_study": "the study is halted",
}  # fmt: skip
"""Holds in force, as a clause."""

RESOLVE_MEANS = (
    "This ends the episode. The record stays. If a further event meets the rule, a new alert opens that links this one."
)
DECIDE_FIRST = "A crossed stopping boundary needs a recorded decision before it can be resolved."

_EMPTY = "Write a few words."


class _AboutAlert(Protocol):
    @property
    def alert(self) -> _Alert:
        """What it is about."""


class _Alert(Protocol):
    @property
    def resolved(self) -> bool:
        """A person ended the episode."""


def already_theirs(user_id: str) -> str:
    """The person who is chosen has it."""
    return f"It is assigned to {mention(user_id)} already."


def words_wrong(field: str, typed: str) -> dict[str, str]:
    """A person's own words: some, and not more than `MOST_WORDS` characters."""
    if not typed.strip():
        return {field: _EMPTY}
    if len(typed) > MOST_WORDS:
        return {field: f"{len(typed):,} characters; at most {MOST_WORDS} fit."}
    return {}


def snooze_hint(most: int) -> str:
    """What a snooze does, and its limit."""
    return f"Whole hours, at most {most}. Calls and reminders rest; anything new about the alert ends it at once."


def hours_wrong(most: int) -> str:
    """Not a number of hours that can be snoozed for."""
    return f"Give whole hours from 1 to {most}."


def scope_subject(subject: str) -> str:
    """One subject, in plain text."""
    return f"Subject {subject} only"


def protocol_says_now(action: Action) -> str:
    """What the protocol says, above the choice."""
    return f"*The protocol says: {SAYS[action]}.* {DONE_NOTHING[action]} This records what people decided."


def decision_wrong(holding: str) -> str:
    """Nothing chosen, or something that is not possible as things stand."""
    return f"While {held(holding)}, choose to resume or to hold more." if holding else "Choose a decision."


def held(holding: str) -> str:
    """`enrolment is paused and dosing is held`."""
    return listed(HELD.get(kind, words(kind)) for kind in holding.split())


def held_still(holding: str) -> str:
    """An episode with a hold in force cannot end."""
    number = count(len(holding.split()), "hold")
    return f"By a decision on this alert {held(holding)}. Record 'Resume' first; {number} in force."


def resolved_already(about: _AboutAlert) -> str:
    """Nothing more is done with an episode that was ended."""
    return "This episode was resolved." if about.alert.resolved else ""
