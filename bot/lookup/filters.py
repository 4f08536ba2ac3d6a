"""The filters of `aes`, from words to a test of one listed event: equality, membership and comparison, no expressions.

Unknown facts count as the unsafe value, as they do in rules: a missing causality is related, a missing grade reaches
every threshold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.lookup.nearest import Names, NotFound, nearest
from rules.columns import NO, UNKNOWN
from rules.listing import ListedEvent

Test = Callable[[ListedEvent], bool]

FLAGS: dict[str, tuple[str, Test]] = {
    "serious": ("serious", lambda e: e.serious != NO),
    "related": ("related", lambda e: e.related != NO),
    "unrelated": ("not related", lambda e: e.related == NO),
    "fatal": ("fatal", lambda e: e.death != NO),
    "emergent": ("treatment-emergent", lambda e: e.emergent != NO),
    "incomplete": ("a fact is missing", lambda e: not e.grade or not e.term or UNKNOWN in (e.related, e.serious)),
}
"""Word → how it is said, and what it tests."""

NAMED = ("grade", "term", "site", "subject", "since")
"""Filters with a value."""

WORDS = (*FLAGS, "grade>=3", "term=…", "site=…", "subject=…", "since=…")
"""All filters, as people may type them."""

_PARTS = re.compile(r"([a-z_]+)\s*(>=|<=|≥|≤|=|>|<)\s*(.+)", re.IGNORECASE)
_COMPARED: dict[str, Callable[[int, int], bool]] = {
    ">=": lambda g, n: g >= n, "≥": lambda g, n: g >= n, ">": lambda g, n: g > n,
    "<=": lambda g, n: g <= n, "≤": lambda g, n: g <= n, "<": lambda g, n: g < n, "=": lambda g, n: g == n,
}  # fmt: skip
_UPWARDS = (">=", "≥", ">")


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: its words, and its test."""

    words: str
    test: Test


def parsed(
    words: Sequence[str], events: Iterable[ListedEvent], today: datetime, named: Callable[[str], str] = str
) -> tuple[Filter, ...]:
    """Filters from the words after `aes`.

    Parameters
    ----------
    words: as typed, blanks removed; words after `term=` that are no filter belong to the term.
    events: all events, for the names of terms, sites and subjects.   today: aware UTC, for `since=7d`.
    named: subject → the name by which people know it (its alias, where the study shows aliases).

    Raises
    ------
    NotFound: a word that is no filter, or a value that no event has, with the nearest.
    """
    known = tuple(events)
    return tuple(_one(word, known, today, named) for word in _joined(words))


def _joined(words: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for word in words:
        a_filter = word.casefold() in FLAGS or _PARTS.fullmatch(word)
        if not a_filter and joined and joined[-1].casefold().startswith("term="):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


def _one(word: str, events: tuple[ListedEvent, ...], today: datetime, named: Callable[[str], str]) -> Filter:
    if word.casefold() in FLAGS:
        said, test = FLAGS[word.casefold()]
        return Filter(said, test)
    parts = _PARTS.fullmatch(word)
    name = parts[1].casefold() if parts else ""
    if parts is None or name not in NAMED:
        near = nearest(name or word, (*FLAGS, *NAMED))
        raise NotFound("filter", word, [shown for n in near for shown in WORDS if shown.startswith(n)][:1])
    sign, value = parts[2], parts[3].strip().strip("\"'“”")
    if name == "grade":
        return _grade(sign, value, word)
    if sign != "=":
        raise NotFound("filter", word, [f"{name}={value}"])
    if name == "since":
        return _since(value, today)
    if name == "subject":
        return _subject(value, events, named)
    return (_term if name == "term" else _site)(value, events)


def _grade(sign: str, value: str, word: str) -> Filter:
    if value not in set("12345"):
        raise NotFound("filter", word, ["grade>=3"], of="grades are 1 to 5")
    number, compared, missing = int(value), _COMPARED[sign], sign in _UPWARDS
    shown = {">=": "≥", "<=": "≤"}.get(sign, sign)
    return Filter(f"grade {shown} {value}", lambda e: compared(e.grade, number) if e.grade else missing)


def _term(value: str, events: tuple[ListedEvent, ...]) -> Filter:
    terms = tuple(sorted({e.term for e in events if e.term}))
    inside = {term for term in terms if value.casefold() in term.casefold()}
    if not inside:
        raise NotFound("coded term", value, nearest(value, terms), of="no event is coded so")
    exact = {term for term in inside if term.casefold() == value.casefold()}
    chosen = exact or inside
    said = next(iter(exact)) if exact else f"“{value}” in the term"
    return Filter(f"term {said}", lambda e: e.term in chosen)


def _site(value: str, events: tuple[ListedEvent, ...]) -> Filter:
    site = Names("site", tuple(sorted({e.site for e in events if e.site}))).exact(value)
    return Filter(f"site {site}", lambda e: e.site == site)


def _subject(value: str, events: tuple[ListedEvent, ...], named: Callable[[str], str]) -> Filter:
    subject = Names("subject", tuple(sorted({named(e.usubjid) for e in events}))).exact(value)
    return Filter(f"subject {subject}", lambda e: named(e.usubjid) == subject)


def _since(value: str, today: datetime) -> Filter:
    day = a_day(value, today)
    return Filter(f"entered or changed since {day:%d %b %Y}".replace(" 0", " "), lambda e: e.known_on >= day)


def a_day(value: str, today: datetime) -> date:
    """A day as typed: `2026-05-14`, or `7d` for so many days ago. Raises NotFound for anything else."""
    ago = re.fullmatch(r"(\d{1,4})\s*d(?:ays?)?", value.strip(), re.IGNORECASE)
    if ago:
        return (today - timedelta(days=int(ago[1]))).date()
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        near = [today.date().isoformat(), "7d"]
        raise NotFound("day", value, near, of="days are written so, or as days ago") from None
