"""The words after `aes`: what they keep, unknown facts as the unsafe value, and the nearest word for a wrong one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from bot.lookup.filters import parsed
from bot.lookup.nearest import Names, NotFound
from rules.columns import NO, UNKNOWN, YES
from rules.listing import ListedEvent

NOW = datetime(2026, 5, 14, 12, tzinfo=UTC)


def event(usubjid: str, term: str, grade: int, serious: int, related: int, **more: object) -> ListedEvent:
    values: dict[str, object] = {"site": "701", "death": NO, "day": 3, "end": None, "known_on": date(2026, 5, 1)}
    values |= more
    return ListedEvent(usubjid=usubjid, record_key="r", event_key="e", term=term, grade=grade, serious=serious,
                       related=related, emergent=YES, **values)  # type: ignore[arg-type] # fmt: skip


EVENTS = (
    event("P1", "Application site pain", 2, NO, YES),
    event("P1", "Application site rash", 3, NO, UNKNOWN, known_on=date(2026, 5, 12)),
    event("P2", "Headache", 0, YES, NO, site="702"),
    event("P10", "", 1, NO, NO),
)


def kept(*words: str) -> list[str]:
    tests = parsed(words, EVENTS, NOW)
    return [e.term for e in EVENTS if all(one.test(e) for one in tests)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("serious", ["Headache"]),
        ("related", ["Application site pain", "Application site rash"]),
        ("unrelated", ["Headache", ""]),
        ("grade>=3", ["Application site rash", "Headache"]),
        ("grade ≥3", []),
        ("grade<=2", ["Application site pain", ""]),
        ("grade=2", ["Application site pain"]),
        ("incomplete", ["Application site rash", "Headache", ""]),
        ("term=headache", ["Headache"]),
        ("term=application site", ["Application site pain", "Application site rash"]),
        ("term=application site pain related", ["Application site pain"]),
        ("site=702", ["Headache"]),
        ("subject=P10", [""]),
        ("since=7d", ["Application site rash"]),
        ("since=2026-05-12", ["Application site rash"]),
        ("related grade>=3", ["Application site rash"]),
        ("", ["Application site pain", "Application site rash", "Headache", ""]),
    ],
)
def test_a_filter_keeps_what_its_word_says(words: str, expected: list[str]) -> None:
    """Would catch a missing grade that slips below a threshold, or a missing causality that is taken as unrelated."""
    if words == "grade ≥3":
        with pytest.raises(NotFound):
            kept(*words.split())
        return
    assert kept(*words.split()) == expected


@pytest.mark.parametrize(
    ("word", "what", "near"),
    [
        ("seriuos", "filter", ("serious",)),
        ("grad>=3", "filter", ("grade>=3",)),
        ("trem=rash", "filter", ("term=…",)),
        ("grade>=9", "filter", ("grade>=3",)),
        ("site>701", "filter", ("site=701",)),
        ("term=headcahe", "coded term", ("Headache",)),
        ("site=720", "site", ("702",)),
        ("subject=P11", "subject", ("P1",)),
        ("since=yesterday", "day", ("2026-05-14", "7d")),
    ],
)
def test_a_wrong_word_is_answered_with_the_nearest(word: str, what: str, near: tuple[str, ...]) -> None:
    """Would catch a filter that is silently left out: the list would look complete and not be."""
    with pytest.raises(NotFound) as caught:
        kept(word)
    assert (caught.value.what, caught.value.near) == (what, near)


def test_subjects_are_asked_for_by_the_name_that_people_see() -> None:
    """Would catch a filter that tells an alias's subject number, or takes one that nobody was shown."""
    named = {"P1": "P-AA", "P2": "P-BB", "P10": "P-CC"}
    [one] = parsed(["subject=p-bb"], EVENTS, NOW, named.__getitem__)
    assert (one.words, [e.term for e in EVENTS if one.test(e)]) == ("subject P-BB", ["Headache"])
    with pytest.raises(NotFound) as caught:
        parsed(["subject=P2"], EVENTS, NOW, named.__getitem__)
    assert "P2" not in caught.value.near


def test_a_name_is_found_whatever_its_case_and_by_its_end() -> None:
    """Would catch `subject 014` that is not understood although only one subject ends so."""
    names = Names("subject", ("STS-014", "STS-004", "OTHER-004"))
    assert names.exact("sts-014") == names.exact("014") == "STS-014"
    with pytest.raises(NotFound) as caught:
        names.exact("004")
    assert caught.value.near == ("STS-004", "OTHER-004")
