"""Slack's published limits as named constants, and `violations()`, which holds a payload against them.

Used by the message builders (validate before posting: one block too long loses the whole message) and by the
practice workspace (which refuses what Slack would refuse). Lengths are characters, as Slack counts them.

Sources: https://docs.slack.dev/reference/block-kit/blocks and the page of each block below it;
https://docs.slack.dev/reference/block-kit/block-elements; https://docs.slack.dev/reference/block-kit/composition-objects;
https://docs.slack.dev/reference/methods/chat.postMessage ("Truncating content"); https://docs.slack.dev/reference/views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
"""Modals and App Home."""

TEXT_RECOMMENDED = 4_000
TEXT_CUT = 40_000
"""Top-level `text`: Slack recommends at most the first and cuts beyond the second."""

HEADER_TEXT = 150
SECTION_TEXT = 3_000
SECTION_FIELDS = 10
FIELD_TEXT = 2_000
CONTEXT_ELEMENTS = 10
ACTIONS_ELEMENTS = 25
MARKDOWN_PAYLOAD = 12_000
TABLE_ROWS, TABLE_COLUMNS, TABLE_CHARACTERS = 100, 20, 10_000
DATA_TABLE_ROWS, DATA_TABLE_COLUMNS, DATA_TABLE_CHARACTERS = 200, 20, 20_000
"""Rows without the header."""
VISUALISATIONS, VISUALISATION_POINTS, VISUALISATION_LABEL, VISUALISATION_TITLE = 2, 20, 20, 50
VISUALISATION_SERIES = 6
"""† unconfirmed on a live workspace."""
CARD_BODY, CARDS, CONTAINER_BLOCKS = 200, 10, 10
ALERT_TEXT = 200
TABLES_A_MESSAGE = 1
"""`only_one_table_allowed`."""

BUTTON_TEXT, BUTTON_VALUE = 75, 2_000
SELECT_OPTIONS, OVERFLOW_OPTIONS = 100, 5
OPTION_TEXT, OPTION_VALUE = 75, 150
"""Value of an option in an overflow menu or select: https://docs.slack.dev/reference/block-kit/composition-objects/option-object"""
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
BLOCK_ID, ACTION_ID = 255, 255
VIEW_TITLE = VIEW_SUBMIT = VIEW_CLOSE = 24
PRIVATE_METADATA = 3_000
CALLBACK_ID = 255

POST_SECONDS = 1.0
"""chat.postMessage: about one message a second and channel (https://docs.slack.dev/apis/web-api/rate-limits)."""
ACK_SECONDS = 3.0
HISTORY_PAGE_LOW, HISTORY_SECONDS_LOW = 15, 60.0
"""conversations.history for apps under the 2025 terms: objects a page, seconds between requests."""
HISTORY_PAGE_HIGH, HISTORY_SECONDS_HIGH = 200, 1.2
"""The same for apps that a customer builds for itself (tier 3, 50 a minute) †."""


def violations(blocks: Sequence[Mapping[str, Any]], *, surface: str = "message", text: str = "") -> tuple[str, ...]:
    """What Slack would refuse in a payload.

    Parameters
    ----------
    blocks: the raw Block Kit dictionaries.
    surface: "message", "modal" or "home".
    text: the top-level text of a message.

    Returns
    -------
    One sentence a fault, each naming the block by its 0-based place; empty when the payload is within limits.
    An unknown block type is no fault here: newer blocks pass through to the server.
    """
    most = MESSAGE_BLOCKS if surface == "message" else VIEW_BLOCKS
    found: list[str] = []
    if len(blocks) > most:
        found.append(f"{len(blocks)} blocks; at most {most} on a {surface}")
    if len(text) > TEXT_CUT:
        found.append(f"text has {len(text)} characters; at most {TEXT_CUT}")
    for place, block in enumerate(blocks):
        found += [f"block {place} ({block.get('type')}): {fault}" for fault in _block_faults(block)]
    found += _whole_message_faults(blocks)
    return tuple(found)


def _whole_message_faults(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    tables = sum(block.get("type") in {"table", "data_table"} for block in blocks)
    if tables > TABLES_A_MESSAGE:
        yield f"{tables} tables; at most {TABLES_A_MESSAGE} a message"
    names = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(names) != len(set(names)):
        yield "two blocks have the same block_id"


def _block_faults(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _too_long("block_id", block.get("block_id", ""), BLOCK_ID)
    check = _CHECKS.get(str(block.get("type")))
    if check is not None:
        yield from check(block)


def _header(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _text_object("text", block.get("text"), HEADER_TEXT, kinds=("plain_text",))


def _section(block: Mapping[str, Any]) -> Iterator[str]:
    fields = block.get("fields", ())
    if block.get("text") is None and not fields:
        yield "neither text nor fields"
    if block.get("text") is not None:
        yield from _text_object("text", block["text"], SECTION_TEXT)
    if len(fields) > SECTION_FIELDS:
        yield f"{len(fields)} fields; at most {SECTION_FIELDS}"
    for item in fields:
        yield from _text_object("field", item, FIELD_TEXT)
    if block.get("accessory"):
        yield from _element(block["accessory"])


def _context(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements", ())
    if not 1 <= len(elements) <= CONTEXT_ELEMENTS:
        yield f"{len(elements)} elements; 1 to {CONTEXT_ELEMENTS}"
    for item in elements:
        if item.get("type") != "image":
            yield from _text_object("element", item, SECTION_TEXT)


def _actions(block: Mapping[str, Any]) -> Iterator[str]:
    elements = block.get("elements", ())
    if not 1 <= len(elements) <= ACTIONS_ELEMENTS:
        yield f"{len(elements)} elements; 1 to {ACTIONS_ELEMENTS}"
    names = [item.get("action_id") for item in elements]
    if len(names) != len(set(names)):
        yield "two elements have the same action_id"
    for item in elements:
        yield from _element(item)


def _element(item: Mapping[str, Any]) -> Iterator[str]:
    yield from _too_long("action_id", item.get("action_id", ""), ACTION_ID)
    if item.get("type") == "button":
        yield from _text_object("button text", item.get("text"), BUTTON_TEXT, kinds=("plain_text",))
        yield from _too_long("button value", item.get("value", ""), BUTTON_VALUE)
    options = item.get("options", ())
    most = OVERFLOW_OPTIONS if item.get("type") == "overflow" else SELECT_OPTIONS
    if len(options) > most:
        yield f"{len(options)} options; at most {most}"
    for option in options:
        yield from _text_object("option", option.get("text"), OPTION_TEXT)
        yield from _too_long("option value", option.get("value", ""), OPTION_VALUE)
    if item.get("confirm"):
        yield from _confirm(item["confirm"])


def _confirm(item: Mapping[str, Any]) -> Iterator[str]:
    yield from _text_object("confirm title", item.get("title"), CONFIRM_TITLE, kinds=("plain_text",))
    yield from _text_object("confirm text", item.get("text"), CONFIRM_TEXT)
    for name in ("confirm", "deny"):
        yield from _text_object(f"confirm {name}", item.get(name), CONFIRM_BUTTON, kinds=("plain_text",))


def _markdown(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _too_long("text", block.get("text", ""), MARKDOWN_PAYLOAD)


def _table(block: Mapping[str, Any]) -> Iterator[str]:
    rows = block.get("rows", ())
    if len(rows) > TABLE_ROWS:
        yield f"{len(rows)} rows; at most {TABLE_ROWS}"
    if any(len(row) > TABLE_COLUMNS for row in rows):
        yield f"a row has more than {TABLE_COLUMNS} columns"
    characters = sum(len(str(cell.get("text", ""))) for row in rows for cell in row)
    if characters > TABLE_CHARACTERS:
        yield f"{characters} characters; at most {TABLE_CHARACTERS}"


def _text_object(
    name: str, item: object, most: int, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> Iterator[str]:
    if not isinstance(item, Mapping) or item.get("type") not in kinds:
        yield f"{name} is no {' or '.join(kinds)} object"
        return
    text = item.get("text", "")
    if not text:
        yield f"{name} is empty"
    yield from _too_long(name, text, most)


def _too_long(name: str, text: str, most: int) -> Iterator[str]:
    if len(text) > most:
        yield f"{name} has {len(text)} characters; at most {most}"


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "markdown": _markdown,
    "table": _table,
}
