"""Foreign text cannot mention, format, hide or flood; times always show their offset."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording.text import count, listed, mention, mentions, plain, safe, words
from bot.wording.times import hour, length, moment, zone

SPECIAL = re.compile(r"<[^>]*>|@(?:channel|here|everyone)", re.IGNORECASE)
NOON = datetime(2026, 5, 14, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("<!channel> now", "&lt;!channel&gt; now"),
        ("<@U123> & <#C1|x>", "&lt;@U123&gt; &amp; &lt;#C1|x&gt;"),
        ("*bold* ~gone~ `code`", "∗bold∗ ∼gone∼ ˋcodeˋ"),
        ("_slanted_ but AE_TERM", "ˍslantedˍ but AE_TERM"),
        ("@channel and @Here", "@\u2060channel and @\u2060Here"),
        ("see https://x.invalid", "see https:\u2060//x.invalid"),
        ("a\x00b\x1b[31mc\u202ed\u200be", "ab[31mcde"),
        ("one\n> two\t three", "one &gt; two three"),
        (None, ""),
        ("&amp;", "&amp;amp;"),
    ],
)
def test_what_foreign_text_becomes(given_text: str | None, shown: str) -> None:
    """Would catch a mention, a broken entity, hidden direction marks, a quote at the start of a line."""
    assert safe(given_text) == shown


def test_long_text_is_shortened_where_everybody_sees_it() -> None:
    """Would catch silent truncation and a message of 50,000 characters."""
    assert safe("x" * 50_000) == "x" * 120 + "… (showing 120 of 50,000 characters)"


@given(st.text(max_size=300))
def test_no_text_can_notify_or_format(text: str) -> None:
    """Would catch any escape that a particular combination undoes."""
    shown = safe(text)
    assert not SPECIAL.search(shown)
    assert not set(shown) & set("*~`<>\n\r")
    assert all(unicodedata.category(c) not in {"Cc", "Cs", "Co", "Cn"} for c in shown)
    assert not any(unicodedata.category(c) == "Cf" and c != "\u2060" for c in shown)
    assert all(entity in ("&amp;", "&lt;", "&gt;") for entity in re.findall(r"&\w*;?", shown))


@given(st.text(max_size=300), st.integers(1, 50))
def test_plain_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    """Would catch a line break that opens a quote, and a limit that is not one."""
    assert "\n" not in plain(text, limit)
    assert len(plain(text, limit)) <= limit + 60


@pytest.mark.parametrize("bad", ["", "channel", "U1>", "!here", "U1 <!channel>"])
def test_only_member_ids_become_mentions(bad: str) -> None:
    """Would catch a configuration or payload that turns into <!channel>."""
    assert not mention(bad).startswith("<")
    assert mention("U0ABC") == "<@U0ABC>"


def test_many_people_are_counted() -> None:
    """Would catch a silent cut of whom an alert names."""
    assert mentions([f"U{i}" for i in range(12)]).endswith("<@U9> (showing 10 of 12)")


def test_small_words() -> None:
    """Would catch '1 events' and a list that loses its end."""
    assert [count(1, "event"), count(1204, "record"), count(2, "day of it", "days of it")] == [
        "1 event", "1,204 records", "2 days of it",
    ]  # fmt: skip
    assert [listed([]), listed(["a"]), listed(["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert listed(map(str, range(12)), limit=3) == "0, 1, 2 (showing 3 of 12)"
    assert words("medical_monitor") == "medical monitor"


@pytest.mark.parametrize(
    ("timezone", "shown"),
    [
        ("America/Chicago", "Thu 14 May 2026 09:00 CDT (UTC−5)"),
        ("Asia/Kolkata", "Thu 14 May 2026 19:30 IST (UTC+5:30)"),
        ("America/Sao_Paulo", "Thu 14 May 2026 11:00 (UTC−3)"),
        ("UTC", "Thu 14 May 2026 14:00 UTC (UTC+0)"),
        ("Pacific/Auckland", "Fri 15 May 2026 02:00 NZST (UTC+12)"),
    ],
)
def test_a_moment_in_the_studys_zone(timezone: str, shown: str) -> None:
    """Would catch a server's zone, a lost half hour, a hyphen for a minus, a number for a zone's name."""
    assert moment(NOON, timezone) == shown


def test_the_offset_follows_the_clock_change() -> None:
    """Would catch winter times shown with summer's offset."""
    assert zone(datetime(2026, 1, 14, tzinfo=UTC), "America/Chicago") == "CST (UTC−6)"


def test_an_hour_shows_its_day_when_it_is_another() -> None:
    """Would catch '09:06' read as today."""
    assert hour(NOON, "America/Chicago", beside=NOON) == "09:00 CDT (UTC−5)"
    assert hour(NOON + timedelta(days=1), "America/Chicago", beside=NOON) == "Fri 15 May 09:00 CDT (UTC−5)"
    assert hour(NOON, "America/Chicago", offset=False) == "09:00"


def test_a_naive_time_is_refused() -> None:
    """Would catch a time whose zone was guessed."""
    with pytest.raises(ValueError, match="naive"):
        moment(datetime(2026, 5, 14), "America/Chicago")  # noqa: DTZ001 - the point


@pytest.mark.parametrize(
    ("span", "shown"),
    [(-5, "0 s"), (59, "59 s"), (3599, "59 min"), (7200, "2 h"), (86_400, "1 day"), (200_000, "2 days")],
)
def test_a_length_is_never_rounded_up(span: int, shown: str) -> None:
    """Would catch '2 days' after 25 hours."""
    assert length(timedelta(seconds=span)) == shown
