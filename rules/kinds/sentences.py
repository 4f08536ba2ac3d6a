"""Rules in the words of a protocol: what a filter, an exception, a window and a population say to people."""

from __future__ import annotations

from collections.abc import Iterable

from rules.derive import Population
from rules.kinds.words import EventFilter, Grade, Window

_ADJECTIVES = (
    ("unexpected", "unexpected", "expected"),
    ("related", "related", "unrelated"),
    ("serious", "serious", "non-serious"),
    ("death", "fatal", "non-fatal"),
)
_SIGNS = {">=": "≥ ", ">": "> ", "=": "", "<": "< ", "<=": "≤ "}

POPULATIONS: dict[Population, str] = {
    "all": "subjects",
    "randomised": "randomised subjects",
    "treated": "treated subjects",
    "assessed": "treated subjects with a laboratory result since first dose",
}
"""Whose events count."""


def among(population: Population) -> str:
    """In whom single events count, beginning with a semicolon."""
    return f"; in {'all ' if population == 'all' else ''}{POPULATIONS[population]}"


def one_event(wanted: EventFilter) -> str:
    """The events of a filter in the singular, with an article: "a related adverse event of grade ≥ 2"."""
    said = _phrase(wanted, "adverse event")
    return f"{'an' if said[0] in 'aeiou' else 'a'} {said}"


def each_event(wanted: EventFilter) -> str:
    """The same without an article, to follow "each"."""
    return _phrase(wanted, "adverse event")


def several_events(wanted: EventFilter) -> str:
    """The same in the plural."""
    return _phrase(wanted, "adverse events")


def exception(excepted: EventFilter | None) -> str:
    """What does not count, beginning with a comma; a list by its name alone; empty without an exception."""
    if excepted is None:
        return ""
    only_listed = excepted.terms and set(excepted.written()) == {"terms"}
    what = _listed(excepted.terms or ()) if only_listed else several_events(excepted)
    return f", except {what}"


def within(window: Window | None) -> str:
    """The window, beginning with a comma; empty without one."""
    return "" if window is None else f", within {window.after_days} days of first dose"


def _phrase(wanted: EventFilter, noun: str) -> str:
    asked = ((getattr(wanted, name), yes, no) for name, yes, no in _ADJECTIVES)
    adjectives = [yes if answer else no for answer, yes, no in asked if answer is not None]
    return " ".join([*adjectives, noun, *_narrower(wanted)]) + "".join(f", {more}" for more in _further(wanted))


def _narrower(wanted: EventFilter) -> Iterable[str]:
    if wanted.grade is not None:
        yield f"of grade {_graded(wanted.grade)}"
    if wanted.terms:
        yield f"of {_listed(wanted.terms)}"
    if wanted.soc:
        yield f"of the system organ class {' or '.join(wanted.soc)}"


def _further(wanted: EventFilter) -> Iterable[str]:
    if wanted.treatment_emergent is not None:
        yield "treatment-emergent" if wanted.treatment_emergent else "not treatment-emergent"
    if wanted.lesion_role is not None:
        yield "at any place" if wanted.lesion_role == "any" else f"at a {wanted.lesion_role} lesion"
    if wanted.hours_after_dose is not None:
        yield f"within {wanted.hours_after_dose} hour{'s' if wanted.hours_after_dose > 1 else ''} after a dose"
    for variable, values in wanted.where.items():
        yield f"{variable} recorded as {' or '.join(values)}"


def _graded(grade: Grade) -> str:
    return f"{_SIGNS[grade.operator]}{grade.value}"


def _listed(names: tuple[str, ...]) -> str:
    return f"the {'list' if len(names) == 1 else 'lists'} {' or '.join(name.replace('_', ' ') for name in names)}"
