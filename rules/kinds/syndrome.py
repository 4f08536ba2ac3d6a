"""Does one subject have a composite: enough of its signs, of one level, of different categories, close in time?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import Field

from rules.kinds.signs import Occurrence, Sign
from rules.kinds.words import Strict, Words

_LAST = 2**40
_MUST = "\x1f"


class Alternative(Strict):
    """One way to have the composite: so many of the signs."""

    with_all: Words | None = Field(None, description="names of signs that must all be present; they are not counted")
    at_least: int = Field(1, ge=1, description="further signs that must be present, each counted once")
    level: Words | None = Field(None, description="only signs of these levels")
    different_categories: bool = Field(False, description="signs of one category count once")
    within_days: int | None = Field(None, ge=0, description="signs that begin within so many days of one another")

    def of(self, signs: Sequence[Sign]) -> dict[int, str]:
        """Positions of the signs it may count, each with what counts once."""
        free = [(i, sign) for i, sign in enumerate(signs) if sign.name not in (self.with_all or ())]
        meant = [(i, sign) for i, sign in free if self.level is None or sign.level in self.level]
        return {i: sign.group if self.different_categories else sign.name for i, sign in meant}

    def words(self) -> str:
        """`2 or more yellow signs of different categories, beginning within 7 days of one another`."""
        level = f"{' or '.join(self.level)} " if self.level else ""
        must = f"{', '.join(self.with_all)} and " if self.with_all else ""
        days = "" if self.within_days is None else f", beginning within {self.within_days} days of one another"
        if self.at_least == 1:
            return f"{must}{'one' if level else 'any'} {level}sign{days}"
        kinds = " of different categories" if self.different_categories else ""
        return f"{must}{self.at_least} or more {level}signs{kinds}{days}"


@dataclass(frozen=True, slots=True)
class Met:
    """How a subject has the composite.

    Parameters
    ----------
    certain: recorded facts alone show it.   signs: the occurrences that show it, one for each sign that counts.
    day: when it was complete, days since 1970; None where no day is known.   known: microseconds since 1970 (UTC).
    """

    certain: bool
    signs: tuple[Occurrence, ...]
    day: int | None
    known: int


def judged(alternatives: Iterable[Alternative], signs: Sequence[Sign], had: Sequence[Occurrence]) -> Met | None:
    """How a subject who had these signs has the composite, by the earliest of the alternatives; None where not.

    One that recorded facts show goes before one that hangs on a doubt.
    """
    found = [
        met
        for one in alternatives
        for pool in ([sign for sign in had if sign.certain], had)
        if (met := _by(one, signs, pool)) is not None
    ]
    return min(found, key=lambda met: (not met.certain, _LAST if met.day is None else met.day, met.known), default=None)


def _by(one: Alternative, signs: Sequence[Sign], had: Sequence[Occurrence]) -> Met | None:
    counts = one.of(signs)
    must = {i: _MUST + sign.name for i, sign in enumerate(signs) if sign.name in (one.with_all or ())}
    counts |= must
    mine = [sign for sign in had if sign.sign in counts]
    if one.within_days is None:
        return _enough(one, counts, mine)
    anchors: list[int | None] = [*sorted({sign.begin_hi for sign in mine if sign.begin_hi is not None})]
    close = (_enough(one, counts, [s for s in mine if _near(s, at, one.within_days)]) for at in anchors or [None])
    return min(filter(None, close), key=lambda met: (not met.certain, met.day or _LAST, met.known), default=None)


def _near(sign: Occurrence, at: int | None, within: int) -> bool:
    """May it have begun in the days from `at`, so many after it included?"""
    if at is None:
        return True
    early = sign.begin_lo is None or sign.begin_lo <= at + within
    return early and (sign.begin_hi is None or sign.begin_hi >= at)


def _enough(one: Alternative, counts: dict[int, str], had: Sequence[Occurrence]) -> Met | None:
    """The earliest occurrence of each thing that counts once, and the first so many of them."""
    best: dict[str, Occurrence] = {}
    for sign in sorted(had, key=_when):
        best.setdefault(counts[sign.sign], sign)
    must = [sign for name, sign in best.items() if name.startswith(_MUST)]
    free = [sign for name, sign in best.items() if not name.startswith(_MUST)]
    if len(free) < one.at_least or len(must) < len(set(one.with_all or ())):
        return None
    first = sorted([*must, *sorted(free, key=_when)[: one.at_least]], key=_when)
    known = [*(sign.known for sign in must), sorted(sign.known for sign in free)[one.at_least - 1]]
    return Met(
        certain=all(sign.certain for sign in first) and _settled(one, first),
        signs=tuple(sorted(best.values(), key=_when)),
        day=first[-1].met,
        known=max(known),
    )


def _settled(one: Alternative, first: Sequence[Occurrence]) -> bool:
    """No partial date leaves open whether the signs began close together."""
    return one.within_days is None or all(s.begin_lo == s.begin_hi for s in first)


def _when(sign: Occurrence) -> tuple[int, int, int, int]:
    return (_LAST if sign.met is None else sign.met, sign.known, sign.sign, sign.row)
