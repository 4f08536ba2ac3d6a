"""Whether Slack would take these blocks: written from Slack's pages, independently of the bot's own check.

Slack answers `invalid_blocks` with one line a fault, ending in the place: ``must be less than 151 characters
[json-pointer:/blocks/0/text/text]``. The bounds are those of `bot.slack.limits`; the pages are
https://docs.slack.dev/reference/block-kit/blocks and, for the block of one type, the page below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from bot.slack import limits
from bot.workspace import elements
from bot.workspace.elements import Problem, at_most, items, no_longer, object_of, text_object
from bot.workspace.errors import ApiError

Surface = Literal["message", "modal", "home"]

BLOCKS_CHARACTERS = 13_200
"""Text of all blocks of one message together, tables aside. Undocumented; measured by users of chat.postMessage as
`msg_blocks_too_long` (https://github.com/slackapi/bolt-js/issues/2509)."""

TABLE_TYPES = ("table", "data_table")


def check_message(blocks: object, *, pointer: str = "/blocks") -> list[dict[str, Any]]:
    """The blocks of a message, as they came.

    Raises
    ------
    ApiError: `invalid_blocks_format` where they are no list of objects, `only_one_table_allowed`,
        `msg_blocks_too_long`, or `invalid_blocks` with every fault and its place.
    """
    kept = _as_blocks(blocks)
    refuse(list(problems(kept, "message", pointer)))
    if sum(block.get("type") in TABLE_TYPES for block in kept) > limits.TABLES_A_MESSAGE:
        raise ApiError("only_one_table_allowed")
    if characters([b for b in kept if b.get("type") not in TABLE_TYPES]) > BLOCKS_CHARACTERS:
        raise ApiError("msg_blocks_too_long")
    return kept


def _as_blocks(blocks: object) -> list[dict[str, Any]]:
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise ApiError("invalid_blocks_format")
    return blocks


def refuse(found: list[Problem], code: str = "invalid_blocks") -> None:
    """Raise an `ApiError` that names every fault and its place; nothing is raised for no faults."""
    if found:
        lines = [f"{problem.what} [json-pointer:{problem.pointer}]" for problem in found]
        raise ApiError(code, errors=lines, response_metadata={"messages": [f"[ERROR] {line}" for line in lines]})


def problems(blocks: list[dict[str, Any]], surface: Surface, pointer: str = "/blocks") -> Iterator[Problem]:
    """Every fault of these blocks on this surface, with its JSON pointer."""
    most = limits.MESSAGE_BLOCKS if surface == "message" else limits.VIEW_BLOCKS
    yield from at_most(blocks, most, pointer)
    names: set[str] = set()
    for index, block in enumerate(blocks):
        place = f"{pointer}/{index}"
        yield from _block(block, surface, place)
        name = block.get("block_id")
        if isinstance(name, str) and name in names:
            yield Problem(f"{place}/block_id", "block_id already exists in this message")
        names |= {name} if isinstance(name, str) else set()


def _block(block: dict[str, Any], surface: Surface, place: str) -> Iterator[Problem]:
    kind = block.get("type")
    yield from no_longer(block.get("block_id", ""), limits.BLOCK_ID, f"{place}/block_id")
    known = _CHECKS.get(kind) if isinstance(kind, str) else None
    if known is None or surface not in known[0]:
        yield Problem(place, f"unsupported type: {kind}")
        return
    yield from known[1](block, place)


def _header(block: dict[str, Any], place: str) -> Iterator[Problem]:
    yield from text_object(block.get("text"), limits.HEADER_TEXT, f"{place}/text", kinds=("plain_text",))


def _section(block: dict[str, Any], place: str) -> Iterator[Problem]:
    if "text" not in block and "fields" not in block:
        yield Problem(place, "missing required field: text")
    if "text" in block:
        yield from text_object(block["text"], limits.SECTION_TEXT, f"{place}/text")
    if "fields" in block:
        yield from items(block["fields"], 1, limits.SECTION_FIELDS, f"{place}/fields")
        for index, field in enumerate(block["fields"] if isinstance(block["fields"], list) else ()):
            yield from text_object(field, limits.FIELD_TEXT, f"{place}/fields/{index}")
    if "accessory" in block:
        yield from elements.check(block["accessory"], f"{place}/accessory", elements.ACCESSORIES)


def _context(block: dict[str, Any], place: str) -> Iterator[Problem]:
    found = block.get("elements")
    yield from items(found, 1, limits.CONTEXT_ELEMENTS, f"{place}/elements")
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, Mapping) and item.get("type") == "image":
            yield from _image(dict(item), f"{place}/elements/{index}")
        else:
            yield from text_object(item, limits.SECTION_TEXT, f"{place}/elements/{index}")


def _actions(block: dict[str, Any], place: str) -> Iterator[Problem]:
    found = block.get("elements")
    yield from items(found, 1, limits.ACTIONS_ELEMENTS, f"{place}/elements")
    names: set[str] = set()
    for index, item in enumerate(found if isinstance(found, list) else ()):
        yield from elements.check(item, f"{place}/elements/{index}", elements.ACTIONS)
        name = item.get("action_id") if isinstance(item, Mapping) else None
        if isinstance(name, str) and name in names:
            yield Problem(f"{place}/elements/{index}/action_id", "action_id already exists in this block")
        names |= {name} if isinstance(name, str) else set()


def _image(block: dict[str, Any], place: str) -> Iterator[Problem]:
    if not ("image_url" in block or "slack_file" in block):
        yield Problem(place, "missing required field: image_url")
    if not block.get("alt_text"):
        yield Problem(place, "missing required field: alt_text")
    yield from no_longer(block.get("image_url", ""), 3_000, f"{place}/image_url")
    yield from no_longer(block.get("alt_text", ""), 2_000, f"{place}/alt_text")


def _input(block: dict[str, Any], place: str) -> Iterator[Problem]:
    yield from text_object(block.get("label"), 2_000, f"{place}/label", kinds=("plain_text",))
    if "hint" in block:
        yield from text_object(block["hint"], 2_000, f"{place}/hint", kinds=("plain_text",))
    yield from elements.check(block.get("element"), f"{place}/element", elements.INPUTS)


def _markdown(block: dict[str, Any], place: str) -> Iterator[Problem]:
    if not block.get("text"):
        yield Problem(place, "missing required field: text")
    yield from no_longer(block.get("text", ""), limits.MARKDOWN_PAYLOAD, f"{place}/text")


def _table(block: dict[str, Any], place: str) -> Iterator[Problem]:
    bounds = (1, limits.TABLE_ROWS, limits.TABLE_COLUMNS, limits.TABLE_CHARACTERS)
    yield from _rows(block, place, bounds, ("raw_text", "rich_text"))


def _data_table(block: dict[str, Any], place: str) -> Iterator[Problem]:
    if not block.get("caption"):
        yield Problem(place, "missing required field: caption")
    bounds = (2, limits.DATA_TABLE_ROWS + 1, limits.DATA_TABLE_COLUMNS, limits.DATA_TABLE_CHARACTERS)
    yield from _rows(block, place, bounds, ("raw_text", "raw_number", "rich_text"))


def _rows(
    block: dict[str, Any], place: str, bounds: tuple[int, int, int, int], cells: tuple[str, ...]
) -> Iterator[Problem]:
    fewest, most, columns, most_characters = bounds
    rows = block.get("rows")
    yield from items(rows, fewest, most, f"{place}/rows")
    widths: set[int] = set()
    for r, row in enumerate(rows if isinstance(rows, list) else ()):
        yield from items(row, 1, columns, f"{place}/rows/{r}")
        widths.add(len(row) if isinstance(row, list) else 0)
        for c, cell in enumerate(row if isinstance(row, list) else ()):
            yield from object_of(cell, cells, f"{place}/rows/{r}/{c}")
    if block.get("type") == "data_table" and len(widths) > 1:
        yield Problem(f"{place}/rows", "all rows must have the same number of cells")
    if characters(rows) > most_characters:
        yield Problem(f"{place}/rows", f"must be less than {most_characters + 1} characters")


def _rich_text(block: dict[str, Any], place: str) -> Iterator[Problem]:
    found = block.get("elements")
    kinds = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
    yield from items(found, 1, limits.MESSAGE_BLOCKS, f"{place}/elements")
    for index, item in enumerate(found if isinstance(found, list) else ()):
        yield from object_of(item, kinds, f"{place}/elements/{index}")


def _alert(block: dict[str, Any], place: str) -> Iterator[Problem]:
    yield from text_object(block.get("text"), limits.ALERT_TEXT, f"{place}/text")


def _opaque(_block: dict[str, Any], _place: str) -> Iterator[Problem]:
    """A block that Slack has and this workspace does not look into: the page draws a labelled box."""
    return iter(())


def characters(item: object) -> int:
    """Characters of every ``text`` and ``value`` below this item: what people would read."""
    if isinstance(item, Mapping):
        own = sum(len(str(v)) for k, v in item.items() if k in ("text", "value") and not isinstance(v, (dict, list)))
        return own + sum(characters(v) for v in item.values() if isinstance(v, (dict, list)))
    return sum(characters(v) for v in item) if isinstance(item, list) else 0


_Check = Callable[[dict[str, Any], str], Iterator[Problem]]
_ALL: tuple[Surface, ...] = ("message", "modal", "home")
_CHECKS: Mapping[str, tuple[tuple[Surface, ...], _Check]] = {
    "header": (_ALL, _header),
    "section": (_ALL, _section),
    "context": (_ALL, _context),
    "actions": (_ALL, _actions),
    "divider": (_ALL, _opaque),
    "image": (_ALL, _image),
    "input": (_ALL, _input),
    "rich_text": (_ALL, _rich_text),
    "markdown": (("message",), _markdown),
    "table": (("message", "home"), _table),
    "data_table": (("message", "home"), _data_table),
    "data_visualization": (("message",), _opaque),
    "card": (("message",), _opaque),
    "carousel": (("message",), _opaque),
    "container": (("message",), _opaque),
    "video": (_ALL, _opaque),
    "file": (("message",), _opaque),
    "alert": (("modal",), _alert),
}
