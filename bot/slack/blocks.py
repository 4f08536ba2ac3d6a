"""Block Kit pieces as plain dictionaries, each within its limit (`bot.slack.limits`); nothing is cut silently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from bot.slack.limits import HEADER_TEXT, MESSAGE_BLOCKS, SECTION_TEXT

Block = dict[str, Any]


class ActionId(StrEnum):
    """action_id of everything that can be clicked."""

    ACKNOWLEDGE = "dsmbot_acknowledge"
    ACCEPT = "dsmbot_accept"
    MENU = "dsmbot_menu"


class Choice(StrEnum):
    """First word of a menu option's value."""

    WHY = "why"
    WITHDRAW = "withdraw"


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


def alert_actions(basis: str, reference: str, *, acknowledged: bool) -> list[Block]:
    """The button and the menu of an alert.

    Parameters
    ----------
    basis: value of the button: delivery key, version, and digest of the finding the person looks at.
    reference: delivery key and version, for the menu's options (150 characters at most).
    acknowledged: no button any more; the menu offers to take it back.
    """
    options = [_option("Why?", f"{Choice.WHY}|{reference}")]
    if acknowledged:
        options.append(_option("Acknowledged by mistake", f"{Choice.WITHDRAW}|{reference}"))
    menu = {"type": "overflow", "action_id": ActionId.MENU.value, "options": options}
    button = _button("Acknowledge", ActionId.ACKNOWLEDGE, basis)
    return [{"type": "actions", "elements": [menu] if acknowledged else [button, menu]}]


def accept_actions(reference: str) -> list[Block]:
    """The button of the starting state."""
    return [{"type": "actions", "elements": [_button("Accept", ActionId.ACCEPT, reference)]}]


def _button(label: str, action: ActionId, value: str) -> Block:
    return {
        "type": "button",
        "action_id": action.value,
        "style": "primary",
        "text": {"type": "plain_text", "text": label},
        "value": value,
    }


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
