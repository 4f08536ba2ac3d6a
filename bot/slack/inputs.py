"""Inputs of a form as plain dictionaries, each within Slack's limits. The name of a field is its block and action id.

Source: https://docs.slack.dev/reference/block-kit/blocks/input-block and the elements below it.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.blocks import Block, mrkdwn, shortened
from bot.slack.limits import OPTION_TEXT, SECTION_TEXT

LABEL = 2_000


def said(text: str) -> Block:
    """A sentence above the inputs; mrkdwn of ours, foreign text in it made safe."""
    return {"type": "section", "text": mrkdwn(shortened(text, SECTION_TEXT))}


def words_input(name: str, label: str, *, most: int, hint: str = "") -> Block:
    """Several lines of a person's own words, at most `most` characters."""
    element: Block = {"type": "plain_text_input", "action_id": name, "multiline": True, "max_length": most}
    return _input(name, label, element, hint)


def number_input(name: str, label: str, *, least: int, most: int, initial: int, hint: str = "") -> Block:
    """A whole number."""
    element: Block = {
        "type": "number_input", "action_id": name, "is_decimal_allowed": False, "min_value": str(least),
        "max_value": str(most), "initial_value": str(initial),
    }  # fmt: skip
    return _input(name, label, element, hint)


def choice_input(name: str, label: str, options: Mapping[str, str], *, initial: str = "", hint: str = "") -> Block:
    """One of several: value → label, at most 100 of them."""
    made = {value: {"text": _plain(shortened(text, OPTION_TEXT)), "value": value} for value, text in options.items()}
    element: Block = {"type": "static_select", "action_id": name, "options": list(made.values())}
    if initial:
        element["initial_option"] = made[initial]
    return _input(name, label, element, hint)


def person_input(name: str, label: str, *, initial: str = "", hint: str = "") -> Block:
    """One person of the workspace."""
    element: Block = {"type": "users_select", "action_id": name}
    return _input(name, label, {**element, "initial_user": initial} if initial else element, hint)


def _input(name: str, label: str, element: Block, hint: str) -> Block:
    block: Block = {"type": "input", "block_id": name, "label": _plain(label), "element": element}
    return {**block, "hint": _plain(hint)} if hint else block


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
