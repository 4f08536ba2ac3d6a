"""Whether Slack would take one interactive element or text object, with the place of each fault.

Sources: https://docs.slack.dev/reference/block-kit/block-elements and
https://docs.slack.dev/reference/block-kit/composition-objects with the pages below them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.slack import limits

TEXTS = ("plain_text", "mrkdwn")
PICKERS = ("datepicker", "timepicker", "datetimepicker")
SELECTS = ("static_select", "users_select", "conversations_select", "channels_select", "external_select")
MULTI = ("multi_static_select", "multi_users_select", "multi_conversations_select", "multi_channels_select")
CHOICES = ("checkboxes", "radio_buttons")
ACTIONS = frozenset({"button", "overflow", *SELECTS, *PICKERS, *CHOICES})
ACCESSORIES = frozenset({*ACTIONS, *MULTI, "image"})
TYPED = ("plain_text_input", "email_text_input", "number_input", "url_text_input", "rich_text_input")
INPUTS = frozenset({*TYPED, *SELECTS, *MULTI, *PICKERS, *CHOICES})


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: the JSON pointer of the place, and what is wrong there in Slack's words."""

    pointer: str
    what: str


def at_most(found: list[Any], most: int, place: str) -> Iterator[Problem]:
    """A list with too many items."""
    if len(found) > most:
        yield Problem(place, f"no more than {most} items allowed")


def items(found: object, fewest: int, most: int, place: str) -> Iterator[Problem]:
    """Something that must be a list of `fewest` to `most` items."""
    if not isinstance(found, list):
        yield Problem(place, "must be an array")
        return
    if len(found) < fewest:
        yield Problem(place, f"no less than {fewest} items allowed")
    yield from at_most(found, most, place)


def no_longer(text: object, most: int, place: str) -> Iterator[Problem]:
    """Something that must be text of at most `most` characters."""
    if not isinstance(text, str):
        yield Problem(place, "must be a string")
    elif len(text) > most:
        yield Problem(place, f"must be less than {most + 1} characters")


def object_of(item: object, kinds: tuple[str, ...], place: str) -> Iterator[Problem]:
    """Something that must be an object of one of these types."""
    kind = item.get("type") if isinstance(item, Mapping) else None
    if kind not in kinds:
        yield Problem(place, f"unsupported type: {kind}")


def text_object(item: object, most: int, place: str, *, kinds: tuple[str, ...] = TEXTS) -> Iterator[Problem]:
    """Something that must be a text object with 1 to `most` characters."""
    if item is None:
        yield Problem(place.rpartition("/")[0], f"missing required field: {place.rpartition('/')[2]}")
        return
    if not isinstance(item, Mapping):
        yield Problem(place, "must provide an object")
        return
    yield from object_of(item, kinds, f"{place}/type")
    text = item.get("text", "")
    if text == "":
        yield Problem(f"{place}/text", "must be more than 0 characters")
    yield from no_longer(text, most, f"{place}/text")


def check(item: object, place: str, allowed: frozenset[str]) -> Iterator[Problem]:
    """Every fault of one element, where elements of the `allowed` types may stand."""
    if not isinstance(item, Mapping) or item.get("type") not in allowed:
        yield Problem(place, f"unsupported type: {item.get('type') if isinstance(item, Mapping) else None}")
        return
    yield from no_longer(item.get("action_id", ""), limits.ACTION_ID, f"{place}/action_id")
    if item["type"] == "button":
        yield from _button(item, place)
    if "options" in item or item["type"] in ("overflow", "static_select", "multi_static_select", *CHOICES):
        yield from _options(item, place)
    if item["type"] == "plain_text_input":
        yield from _bounds(item, "min_length", "max_length", 0, 3_000, place)
    if item["type"] == "number_input" and not isinstance(item.get("is_decimal_allowed"), bool):
        yield Problem(place, "missing required field: is_decimal_allowed")
    if "confirm" in item:
        yield from _confirm(item["confirm"], f"{place}/confirm")
    if "placeholder" in item:
        yield from text_object(item["placeholder"], 150, f"{place}/placeholder", kinds=("plain_text",))


def _button(item: Mapping[str, Any], place: str) -> Iterator[Problem]:
    yield from text_object(item.get("text"), limits.BUTTON_TEXT, f"{place}/text", kinds=("plain_text",))
    yield from no_longer(item.get("value", ""), limits.BUTTON_VALUE, f"{place}/value")
    if item.get("style", "primary") not in ("primary", "danger"):
        yield Problem(f"{place}/style", "must be a valid enum value")


def _options(item: Mapping[str, Any], place: str) -> Iterator[Problem]:
    if "option_groups" in item:
        return
    few = {"overflow": limits.OVERFLOW_OPTIONS, "checkboxes": 10, "radio_buttons": 10}
    most = few.get(item["type"], limits.SELECT_OPTIONS)
    options = item.get("options")
    yield from items(options, 1, most, f"{place}/options")
    for index, option in enumerate(options if isinstance(options, list) else ()):
        here = f"{place}/options/{index}"
        if not isinstance(option, Mapping):
            yield Problem(here, "must provide an object")
            continue
        yield from text_object(option.get("text"), limits.OPTION_TEXT, f"{here}/text")
        yield from no_longer(option.get("value", ""), limits.OPTION_VALUE, f"{here}/value")


def _bounds(
    item: Mapping[str, Any], low: str, high: str, least: int, most: int, place: str
) -> Iterator[Problem]:  # fmt: skip
    for name in (low, high):
        value = item.get(name)
        if value is not None and not (isinstance(value, int) and least <= value <= most):
            yield Problem(f"{place}/{name}", f"must be a number from {least} to {most}")


def _confirm(item: object, place: str) -> Iterator[Problem]:
    if not isinstance(item, Mapping):
        yield Problem(place, "must provide an object")
        return
    yield from text_object(item.get("title"), limits.CONFIRM_TITLE, f"{place}/title", kinds=("plain_text",))
    yield from text_object(item.get("text"), limits.CONFIRM_TEXT, f"{place}/text")
    for part in ("confirm", "deny"):
        yield from text_object(item.get(part), limits.CONFIRM_BUTTON, f"{place}/{part}", kinds=("plain_text",))
