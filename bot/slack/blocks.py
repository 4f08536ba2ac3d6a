"""Block Kit pieces as plain dictionaries, each within its limit (`bot.slack.limits`); nothing is cut silently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from bot.slack.limits import HEADER_TEXT, MESSAGE_BLOCKS, OPTION_TEXT, SECTION_TEXT
from bot.wording.drill import PRESS
from bot.wording.duty import ACCEPT_HANDOVER
from bot.wording.grouped import OPEN_ONE

Block = dict[str, Any]


class ActionId(StrEnum):
    """action_id of everything that can be clicked: `dsmbot_` and the act, or the menu, whose options name theirs."""

    ACKNOWLEDGE = "dsmbot_acknowledge"
    WITHDRAW = "dsmbot_withdraw"
    DECIDE = "dsmbot_decide"
    ACCEPT = "dsmbot_accept"
    COPY = "dsmbot_copy"
    DRILL = "dsmbot_drill"
    TAKE_OVER = "dsmbot_take_over"
    MENU = "dsmbot_menu"
    UNFOLD = "dsmbot_unfold"


class Choice(StrEnum):
    """First word of a menu option's value: the act."""

    WHY = "why"
    ASSIGN = "assign"
    NOTE = "note"
    SNOOZE = "snooze"
    RESOLVE = "resolve"


_LABELS: Mapping[Choice, str] = {
    Choice.WHY: "Why?", Choice.ASSIGN: "Assign…", Choice.NOTE: "Add a note…", Choice.SNOOZE: "Snooze…",
    Choice.RESOLVE: "Resolve…",
}  # fmt: skip

RESERVED = 8
"""Blocks kept free for heading, small print, status and buttons."""


def header(text: str, *, block_id: str) -> Block:
    """The heading; its block_id carries the delivery key, which every Slack-compatible server keeps."""
    return {
        "type": "header",
        "block_id": block_id,
        "text": {"type": "plain_text", "text": shortened(text, HEADER_TEXT), "emoji": True},
    }


def sections(lines: Iterable[str]) -> list[Block]:
    """Lines as few section blocks as hold them; lines beyond a message's room are counted in the last one."""
    pieces = packed([line for line in lines if line], SECTION_TEXT)
    return [{"type": "section", "text": mrkdwn(piece)} for piece in pieces]


def context(lines: Iterable[str]) -> list[Block]:
    """Small print."""
    pieces = packed([line for line in lines if line], SECTION_TEXT)
    return [{"type": "context", "elements": [mrkdwn(piece)]} for piece in pieces]


def plain_section(text: str, *, block_id: str = "") -> Block:
    """A section that formats nothing."""
    block: Block = {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": True}}
    return {**block, "block_id": block_id} if block_id else block


def mrkdwn(text: str) -> Block:
    """A mrkdwn text object in which only marked-up mentions of ours can notify."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def alert_actions(reference: str, *, acknowledged: bool, resolved: bool, may_snooze: bool) -> list[Block]:
    """The buttons and the menu of an alert: at most two and one.

    Where "Acknowledge" was, "Record decision" comes when it was pressed: a second, hasty click opens a form and takes
    nothing back.

    Parameters
    ----------
    reference: delivery key, version, and digest of the finding the person looks at, joined by `|`.
    acknowledged: an acknowledgement is in force.   resolved: nothing more can be done but explain and note.
    may_snooze: it is no crossed stopping boundary.
    """
    left_out = set() if may_snooze else {Choice.SNOOZE}
    left_out |= set(Choice) - {Choice.WHY, Choice.NOTE} if resolved else set()
    options = [_option(_LABELS[choice], f"{choice}|{reference}") for choice in Choice if choice not in left_out]
    menu = {"type": "overflow", "action_id": ActionId.MENU.value, "options": options}
    decide = _button("Record decision", ActionId.DECIDE, reference, style="primary" if acknowledged else "")
    if resolved:
        buttons = []
    elif acknowledged:
        buttons = [decide, _withdraw(reference)]
    else:
        buttons = [_button("Acknowledge", ActionId.ACKNOWLEDGE, reference), decide]
    return [{"type": "actions", "elements": [*buttons, menu]}]


def _withdraw(reference: str) -> Block:
    confirm = {
        "title": _plain("Take it back?"),
        "text": _plain("Both stay recorded. The alert is open again and calls people."),
        "confirm": _plain("Withdraw"),
        "deny": _plain("Keep"),
    }
    button = _button("Acknowledged by mistake", ActionId.WITHDRAW, reference, style="")
    return {**button, "confirm": confirm}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def accept_actions(reference: str) -> list[Block]:
    """The button of the starting state."""
    return [{"type": "actions", "elements": [_button("Accept", ActionId.ACCEPT, reference)]}]


def group_actions(key: str, offered: Mapping[str, str], *, buttons: bool, acknowledged: bool) -> list[Block]:
    """A menu that gives one listed alert a message of its own, and on the group's message the button for all of them.

    Parameters
    ----------
    key: delivery key of the message.   offered: number of an alert → its name, at most 100.
    acknowledged: the group was acknowledged, and that can be taken back.
    """
    made = [_option(shortened(name, OPTION_TEXT), f"{key}|1|{number}") for number, name in offered.items()]
    menu = {
        "type": "static_select",
        "action_id": ActionId.UNFOLD.value,
        "placeholder": _plain(OPEN_ONE),
        "options": made,
    }
    button = _withdraw(f"{key}|1") if acknowledged else _button("Acknowledge all", ActionId.ACKNOWLEDGE, f"{key}|1")
    return [{"type": "actions", "elements": [*([button] if buttons else []), menu]}]


def drill_actions(reference: str) -> list[Block]:
    """The button of a drill."""
    return [{"type": "actions", "elements": [_button(PRESS, ActionId.DRILL, reference)]}]


def handover_actions(reference: str) -> list[Block]:
    """The button of a handover."""
    return [{"type": "actions", "elements": [_button(ACCEPT_HANDOVER, ActionId.TAKE_OVER, reference)]}]


def _button(label: str, action: ActionId, value: str, *, style: str = "primary") -> Block:
    button = {"type": "button", "action_id": action.value, "text": _plain(label), "value": value}
    return {**button, "style": style} if style else button


ASK = "dsmbot_ask"
"""Beginning of the action_id of buttons that ask what their value says, as if it had been typed."""


def copy_actions(reference: str) -> list[Block]:
    """The button below an explanation: the alert as plain text."""
    return [{"type": "actions", "elements": [_button("Copy as text", ActionId.COPY, reference, style="")]}]


def ask_button(label: str, text: str, number: int) -> Block:
    """A button that stands for a command; `number` makes its action_id the only one of its kind."""
    return {"type": "button", "action_id": f"{ASK}_{number}", "text": _plain(label), "value": text}


def _option(label: str, value: str) -> Block:
    return {"text": {"type": "plain_text", "text": label}, "value": value}


def packed(lines: Sequence[str], most: int) -> list[str]:
    """Lines joined into pieces of at most `most` characters; a single longer line is shortened visibly."""
    pieces: list[str] = []
    for line in (shortened(line, most) for line in lines):
        if pieces and len(pieces[-1]) + 1 + len(line) <= most:
            pieces[-1] += f"\n{line}"
        else:
            pieces.append(line)
    room = MESSAGE_BLOCKS - RESERVED
    if len(pieces) > room:
        pieces = [*pieces[: room - 1], f"(showing {room - 1} of {len(pieces)} parts)"]
    return pieces


def fitted(blocks: Sequence[Block], most: int) -> list[Block]:
    """At most `most` blocks; what is left out is counted in the last one."""
    if len(blocks) <= most:
        return list(blocks)
    return [*blocks[: most - 1], plain_section(f"(showing {most - 1} of {len(blocks)} blocks)")]


def shortened(text: str, most: int) -> str:
    """Text of at most `most` characters; what is cut is said, and no entity or mention is cut in two."""
    if len(text) <= most:
        return text
    tail = f"… (showing part of {len(text):,} characters)"
    kept = text[: most - len(tail)]
    for opening, closing in (("&", ";"), ("<", ">")):
        if kept.rfind(opening) > kept.rfind(closing):
            kept = kept[: kept.rfind(opening)]
    return kept + tail
