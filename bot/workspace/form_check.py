"""What Slack's own client does with a form before anything is sent: what an input begins with, and what it refuses.

Source: https://docs.slack.dev/reference/block-kit/blocks/input-block and, below block-elements, plain-text-input and
number-input: `optional`, `min_length`, `max_length`, `min_value`, `max_value`, `is_decimal_allowed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_BEGINS = ("initial_value", "initial_user", "initial_date", "initial_time", "initial_channel", "initial_conversation")


def initial(element: Mapping[str, Any]) -> Any:
    """What an element holds before anybody touches it: the argument of `payloads.chosen`."""
    if "initial_option" in element:
        return element["initial_option"]["value"]
    if "initial_options" in element:
        return [option["value"] for option in element["initial_options"]]
    return next((element[name] for name in _BEGINS if name in element), None)


def refusals(blocks: list[dict[str, Any]], state: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, str]:
    """Block id → what the client says at the field; empty where it would send the form."""
    found = {}
    for block in blocks:
        element = block.get("element")
        if block.get("type") != "input" or not isinstance(element, Mapping):
            continue
        held = state.get(str(block.get("block_id")), {}).get(str(element.get("action_id")), {})
        said = _refusal(element, held, optional=bool(block.get("optional")))
        if said:
            found[str(block.get("block_id"))] = said
    return found


def _refusal(element: Mapping[str, Any], held: Mapping[str, Any], *, optional: bool) -> str:
    value = next((v for name, v in held.items() if name != "type" and v not in (None, "", [])), None)
    if value is None:
        return "" if optional else "Please complete this required field."
    if element["type"] == "plain_text_input":
        return _text(element, str(value))
    return _number(element, str(value)) if element["type"] == "number_input" else ""


def _text(element: Mapping[str, Any], typed: str) -> str:
    if len(typed) < int(element.get("min_length", 0)):
        return f"Enter at least {element['min_length']} characters."
    if len(typed) > int(element.get("max_length", 3_000)):
        return f"Enter no more than {element.get('max_length', 3_000)} characters."
    return ""


def _number(element: Mapping[str, Any], typed: str) -> str:
    try:
        number = Decimal(typed)
    except InvalidOperation:
        return "Enter a number."
    if not element.get("is_decimal_allowed") and number != number.to_integral_value():
        return "Enter a whole number."
    if "min_value" in element and number < Decimal(element["min_value"]):
        return f"Enter a number that is at least {element['min_value']}."
    if "max_value" in element and number > Decimal(element["max_value"]):
        return f"Enter a number that is at most {element['max_value']}."
    return ""
