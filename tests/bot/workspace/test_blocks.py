"""The limits of Block Kit: at the bound it passes, one beyond it fails, and the place is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack import limits
from bot.workspace.blocks import BLOCKS_CHARACTERS, characters, check_message, problems
from bot.workspace.errors import ApiError


def text(kind: str, length: int) -> dict[str, str]:
    return {"type": kind, "text": "x" * length}


def header(length: int) -> dict[str, Any]:
    return {"type": "header", "text": text("plain_text", length)}


def section(length: int = 1, **extra: Any) -> dict[str, Any]:
    return {"type": "section", "text": text("mrkdwn", length), **extra}


def fields(count: int, length: int = 1) -> dict[str, Any]:
    return {"type": "section", "fields": [text("mrkdwn", length)] * count}


def context(count: int) -> dict[str, Any]:
    return {"type": "context", "elements": [text("mrkdwn", 1)] * count}


def button(number: int = 0, label: int = 1, **extra: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": f"a{number}", "text": text("plain_text", label), **extra}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def menu(kind: str, count: int) -> dict[str, Any]:
    options = [{"text": text("plain_text", 1), "value": str(number)} for number in range(count)]
    return actions({"type": kind, "action_id": "m", "options": options})


def table(rows: int, columns: int, length: int = 1) -> dict[str, Any]:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x" * length}] * columns] * rows}


def data_table(rows: int, length: int = 1, **extra: Any) -> dict[str, Any]:
    cells = [{"type": "raw_text", "text": "x" * length}]
    return {"type": "data_table", "caption": "c", "rows": [cells] * rows, **extra}


def confirm(length: int) -> dict[str, Any]:
    parts = {name: text("plain_text", 1) for name in ("title", "confirm", "deny")}
    return actions(button(confirm=parts | {"text": text("mrkdwn", length)}))


LIMITS = [
    (header(150), header(151), "/blocks/0/text/text"),
    (section(3_000), section(3_001), "/blocks/0/text/text"),
    (fields(10), fields(11), "/blocks/0/fields"),
    (fields(1, 2_000), fields(1, 2_001), "/blocks/0/fields/0/text"),
    (context(10), context(11), "/blocks/0/elements"),
    (actions(*map(button, range(25))), actions(*map(button, range(26))), "/blocks/0/elements"),
    (actions(button(label=75)), actions(button(label=76)), "/blocks/0/elements/0/text/text"),
    (actions(button(value="x" * 2_000)), actions(button(value="x" * 2_001)), "/blocks/0/elements/0/value"),
    (menu("overflow", 5), menu("overflow", 6), "/blocks/0/elements/0/options"),
    (menu("static_select", 100), menu("static_select", 101), "/blocks/0/elements/0/options"),
    (confirm(300), confirm(301), "/blocks/0/elements/0/confirm/text/text"),
    (section(block_id="x" * 255), section(block_id="x" * 256), "/blocks/0/block_id"),
    (table(100, 20), table(101, 20), "/blocks/0/rows"),
    (table(2, 20), table(2, 21), "/blocks/0/rows/0"),
    (table(10, 10, 100), table(10, 10, 101), "/blocks/0/rows"),
    (data_table(201), data_table(202), "/blocks/0/rows"),
    (data_table(2), data_table(1), "/blocks/0/rows"),
    (data_table(100, 200), data_table(100, 201), "/blocks/0/rows"),
]


@pytest.mark.parametrize(("within", "beyond", "pointer"), LIMITS)
def test_a_limit_holds_exactly(within: dict[str, Any], beyond: dict[str, Any], pointer: str) -> None:
    assert list(problems([within], "message")) == []
    assert pointer in {problem.pointer for problem in problems([beyond], "message")}


WRONG = [
    ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "/blocks/0/text/type"),
    ({"type": "section"}, "/blocks/0"),
    (section(0), "/blocks/0/text/text"),
    ({"type": "surprise"}, "/blocks/0"),
    ({"type": "alert", "text": text("mrkdwn", 1)}, "/blocks/0"),
    (actions(button(1), button(1)), "/blocks/0/elements/1/action_id"),
    (actions(button(style="loud")), "/blocks/0/elements/0/style"),
    (actions({"type": "plain_text_input", "action_id": "t"}), "/blocks/0/elements/0"),
    ({"type": "image", "image_url": "https://example.invalid/a.png"}, "/blocks/0"),
    (data_table(2, caption=""), "/blocks/0"),
    (
        {"type": "data_table", "caption": "c", "rows": [[text("raw_text", 1)], [text("raw_text", 1)] * 2]},
        "/blocks/0/rows",
    ),
]


@pytest.mark.parametrize(("block", "pointer"), WRONG)
def test_what_slack_does_not_take_is_named_with_its_place(block: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ApiError) as caught:
        check_message([block])
    assert caught.value.code == "invalid_blocks"
    assert any(line.endswith(f"[json-pointer:{pointer}]") for line in caught.value.extra["errors"])


def test_limits_of_the_whole_message() -> None:
    assert check_message([section()] * limits.MESSAGE_BLOCKS)
    with pytest.raises(ApiError, match="invalid_blocks"):
        check_message([section()] * (limits.MESSAGE_BLOCKS + 1))
    with pytest.raises(ApiError, match="only_one_table_allowed"):
        check_message([table(1, 1), data_table(2)])
    with pytest.raises(ApiError, match="invalid_blocks"):
        check_message([section(block_id="same"), section(block_id="same")])
    assert list(problems([section()] * limits.VIEW_BLOCKS, "modal")) == []
    full = [section(3_000)] * 4 + [section(BLOCKS_CHARACTERS - 12_000)]
    assert check_message(full)
    with pytest.raises(ApiError, match="msg_blocks_too_long"):
        check_message([*full, section(1)])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "elements", "rows", "options", "value", "fields"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["type", "text", "elements", "rows", "fields", "accessory"]),
            JSON | st.sampled_from(["section", "actions", "table", "context", "header"]),
            max_size=4,
        ),
        max_size=3,
    )
)
def test_nonsense_is_refused_and_never_breaks_the_server(blocks: list[dict[str, Any]]) -> None:
    refused = ""
    try:
        check_message(blocks)
    except ApiError as error:
        refused = error.code
    assert refused in {"", "invalid_blocks", "msg_blocks_too_long", "only_one_table_allowed"}


def test_characters_counts_what_people_would_read() -> None:
    assert characters([section(3), actions(button(label=4, value="12"))]) == 9
