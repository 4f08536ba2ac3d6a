"""Each limit of Block Kit, at its edge and one beyond."""

from __future__ import annotations

from typing import Any

import pytest

from bot.slack.limits import violations


def text(length: int, kind: str = "plain_text") -> dict[str, Any]:
    return {"type": kind, "text": "x" * length}


def button(label: int = 5, value: int = 5, **more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "a", "text": text(label), "value": "v" * value, **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def overflow(options: int, value: int = 5) -> dict[str, Any]:
    return {"type": "overflow", "action_id": "o", "options": [{"text": text(3), "value": "v" * value}] * options}


SECTION = {"type": "section", "text": text(3, "mrkdwn")}


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        ({"type": "header", "text": text(150)}, {"type": "header", "text": text(151)}),
        ({"type": "section", "text": text(3000)}, {"type": "section", "text": text(3001)}),
        ({"type": "section", "fields": [text(2000)] * 10}, {"type": "section", "fields": [text(2001)]}),
        ({"type": "section", "fields": [text(1)] * 10}, {"type": "section", "fields": [text(1)] * 11}),
        ({"type": "context", "elements": [text(9)] * 10}, {"type": "context", "elements": [text(9)] * 11}),
        ({"type": "context", "elements": [{"type": "image"}]}, {"type": "context", "elements": []}),
        (actions(button(75, 2000)), actions(button(76))),
        (actions(button()), actions(button(value=2001))),
        (actions(button()), actions(button(action_id="a" * 256))),
        (actions(overflow(5, 150)), actions(overflow(6))),
        (actions(overflow(1)), actions(overflow(1, value=151))),
        (actions(button(), overflow(1)), actions(button(), button())),
        ({"type": "markdown", "text": "x" * 12_000}, {"type": "markdown", "text": "x" * 12_001}),
        ({"type": "table", "rows": [[text(1)] * 20] * 100}, {"type": "table", "rows": [[text(1)]] * 101}),
        ({"type": "table", "rows": [[text(1)] * 20]}, {"type": "table", "rows": [[text(1)] * 21]}),
        ({"type": "table", "rows": [[text(10_000)]]}, {"type": "table", "rows": [[text(10_001)]]}),
        ({**SECTION, "block_id": "b" * 255}, {**SECTION, "block_id": "b" * 256}),
        ({**SECTION, "accessory": button()}, {**SECTION, "accessory": button(76)}),
        ({"type": "somethingnew", "x": 1}, {"type": "section"}),
        (SECTION, {"type": "section", "text": "a string"}),
        (SECTION, {"type": "section", "text": text(0)}),
        (SECTION, {"type": "header", "text": text(3, "mrkdwn")}),
    ],
)
def test_a_limit_holds_at_its_edge(within: dict[str, Any], beyond: dict[str, Any]) -> None:
    """Would catch a constant that is off by one, or a block nobody checks."""
    assert violations([within]) == ()
    [fault] = violations([beyond])
    assert fault.startswith("block 0 (")


def test_whole_messages() -> None:
    """Would catch the limits that no single block can break."""
    assert violations([SECTION] * 50) == ()
    assert "51 blocks" in violations([SECTION] * 51)[0]
    assert violations([SECTION] * 100, surface="modal") == ()
    assert "101 blocks" in violations([SECTION] * 101, surface="home")[0]
    assert "40001 characters" in violations([], text="x" * 40_001)[0]
    assert "2 tables" in violations([{"type": "table", "rows": []}, {"type": "data_table"}])[0]
    assert "same block_id" in violations([{**SECTION, "block_id": "b"}] * 2)[0]


def test_a_confirmation_has_limits_of_its_own() -> None:
    """Would catch a dialogue that Slack refuses."""
    parts = {"title": text(100), "text": text(300), "confirm": text(30), "deny": text(30)}
    assert violations([actions(button(confirm=parts))]) == ()
    assert len(violations([actions(button(confirm={**parts, "text": text(301), "deny": text(31)}))])) == 2
