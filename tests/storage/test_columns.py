"""What goes into a column comes out of it, on both databases, or is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import StatementError

from storage.columns import canonical
from storage.database import Database
from storage.schema import inbox
from tests.storage.make import STUDY

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001 - hypothesis wants naive bounds


def _round_trip(conn: Connection, payload: Any, at: datetime) -> tuple[Any, datetime]:
    conn.execute(delete(inbox))
    row = {"inbox_key": "k", "study_id": STUDY, "kind": "x", "outcome": ""}
    conn.execute(insert(inbox).values(payload=payload, received_at=at, **row))
    back = conn.execute(select(inbox.c.payload, inbox.c.received_at)).one()
    return back.payload, back.received_at


def test_values_survive(database: Database) -> None:
    payloads = st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"]), max_size=5), JSON)

    @settings(max_examples=60, deadline=None)
    @given(payload=payloads, at=TIMES)
    def survives(payload: Any, at: datetime) -> None:
        back, when = _round_trip(conn, payload, at)
        assert canonical(back) == canonical(payload)
        assert when == at
        assert when.tzinfo is UTC

    with database.writing() as conn:
        survives()


def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive time"), database.writing() as conn:
        _round_trip(conn, {}, datetime(2026, 5, 14))  # noqa: DTZ001 - that is the fault


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_json_is_refused(database: Database, value: float) -> None:
    with pytest.raises(StatementError, match="not JSON compliant"), database.writing() as conn:
        _round_trip(conn, {"x": value}, datetime(2026, 5, 14, tzinfo=UTC))


@given(JSON)
def test_canonical_text_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    shuffled = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert canonical(shuffled) == canonical(value)
