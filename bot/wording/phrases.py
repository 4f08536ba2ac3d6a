"""The fixed phrases: urgency by shape and word, actions, states, variables, marks of practice and rehearsal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.views import Mode
from bot.wording.text import safe
from rules.model import Action, Audience, State, Urgency

STOP, LOOK, FINE = "🛑", "🔶", "✅"
"""Urgency by shape and word, never by colour alone."""

MARK: Mapping[Mode, str] = {Mode.PRACTICE: "SIMULATED", Mode.REHEARSAL: "REHEARSAL", Mode.LIVE: ""}
"""First word of every message that concerns nobody real."""

MARK_SENTENCE: Mapping[Mode, str] = {
    Mode.PRACTICE: "SIMULATED: these records are invented. Nobody is being treated.",
    Mode.REHEARSAL: "REHEARSAL: this is not the live study. Do not act on it.",
    Mode.LIVE: "",
}

ARMS_INVENTED = "Arms shown here are invented."

SAYS: Mapping[Action, str] = {
    Action.STOP_SUBJECT: "stop treatment of this subject",
    Action.HOLD_DOSING: "hold dosing",
    Action.PAUSE_ENROLMENT: "pause enrolment",
    Action.HALT_STUDY: "halt the study",
    Action.NOTIFY: "tell the people responsible",
}
DONE_NOTHING: Mapping[Action, str] = {
    Action.STOP_SUBJECT: "DSMBot has stopped nothing.",
    Action.HOLD_DOSING: "DSMBot has held nothing.",
    Action.PAUSE_ENROLMENT: "DSMBot has paused nothing.",
    Action.HALT_STUDY: "DSMBot has halted nothing.",
    Action.NOTIFY: "DSMBot has done nothing else.",
}
"""What the protocol says, and what the bot has not done: it never acts."""

STATE: Mapping[State, str] = {
    State.NOT_EVALUABLE: "could not be evaluated",
    State.PENDING: "too early to judge",
    State.WITHIN: "within its limit",
    State.NEAR: "near its limit",
    State.PROVISIONAL: "would be met if missing facts are unfavourable",
    State.CROSSED: "met",
    State.BEYOND_DESIGN: "beyond its design",
}

URGENCY: Mapping[Urgency, str] = {
    Urgency.CRITICAL: "critical", Urgency.URGENT: "urgent", Urgency.ROUTINE: "routine",
}  # fmt: skip

CHANNEL_WORD: Mapping[Audience, str] = {
    Audience.OPEN: "the study's open channel",
    Audience.CLOSED: "the board's own channel",
    Audience.PHARMACY: "the pharmacy channel",
    Audience.OPS: "the ops channel",
}


@dataclass(frozen=True, slots=True)
class Variable:
    """An SDTM variable in words, and what a missing value was taken to be (design: unknown is not safe)."""

    name: str
    taken_as: str


VARIABLES: Mapping[str, Variable] = {
    "AEREL": Variable("causality", "related"),
    "AETOXGR": Variable("grade", "reaching the threshold"),
    "AESEV": Variable("severity", "reaching the threshold"),
    "AESTDTC": Variable("onset date", "after first dose"),
    "AESER": Variable("seriousness", "serious"),
    "AEDECOD": Variable("coded term", "matching"),
    "AEOUT": Variable("outcome", "unfavourable"),
    "EXPECTED": Variable("expectedness", "unexpected"),
    "LESROLE": Variable("lesion role", "treated lesion"),
    "AWAREDTC": Variable("awareness time", "the earliest recorded time"),
    "RFXSTDTC": Variable("first dose date", "dosed"),
    "AEENDTC": Variable("end date", "still going on"),
    "EXSTDTC": Variable("time of dose", "within the hours asked for"),
    "LBDTC": Variable("sample date", "within the days asked for"),
    "LBSTRESN": Variable("numeric result", "beyond the limit"),
    "AEBODSYS": Variable("system organ class", "matching"),
    "ACTARMCD": Variable("arm", "the arm in question"),
}


def variable(name: str) -> Variable:
    """An SDTM variable in words; one without words of its own is shown by its name."""
    return VARIABLES.get(name, Variable(safe(name), "the unfavourable value"))


def marked(text: str, mode: Mode) -> str:
    """The text with SIMULATED or REHEARSAL as its first word where it concerns nobody real."""
    return f"{MARK[mode]} · {text}" if MARK[mode] else text


def protocol_says(action: Action, scope: str = "") -> str:
    """`pause enrolment`, `hold dosing, all subjects`."""
    return SAYS[action] + (f", {scope}" if scope else "")
