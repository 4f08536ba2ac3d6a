"""What still stands between a configuration and going live: everything at once, each with what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from bot.checking.rules import Report
from bot.config import Problem
from bot.golive.rehearsed import Rehearsed


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is not yet so, and what to do about it."""

    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}. {self.fix}."


@dataclass(frozen=True, slots=True)
class Accepted:
    """A warning of `check` that somebody accepted by its code."""

    code: str
    warning: Problem = field(compare=False)


def code_of(warning: Problem) -> str:
    """Eight hex digits of a warning: the same wherever its line moves, another one when anything it says changes."""
    return hashlib.sha256(f"{warning.where}\n{warning.problem}".encode()).hexdigest()[:8]


def accepted(report: Report, codes: Collection[str]) -> tuple[Accepted, ...]:
    """The warnings whose codes were given, in the order of `check`."""
    return tuple(Accepted(code_of(one), one) for one in report.warnings if code_of(one) in codes)


def unchecked(report: Report, codes: Collection[str]) -> Iterator[Lack]:
    """Problems of `check`, warnings nobody accepted, and codes that no warning has."""
    for problem in report.problems:
        yield Lack(f"check: {problem}".rstrip("."), "Mend it")
    for warning in report.warnings:
        if code_of(warning) not in codes:
            yield Lack(f"check warns: {warning}".rstrip("."), f"Mend it, or accept it with --accept {code_of(warning)}")
    for code in sorted(set(codes) - {code_of(one) for one in report.warnings}):
        yield Lack(f"--accept {code}: check has no such warning", "Leave it out, and read what it warns of now")


def undrilled(found: Collection[str]) -> Iterator[Lack]:
    """What the last drill does not show (`bot.golive.drilled.shortcomings`)."""
    for one in found:
        yield Lack(f"Drill: {one}", "Run dsmbot drill, with everybody at their phone")


def unrehearsed(seen: Rehearsed) -> Iterator[Lack]:
    """Where the rehearsal did not show what the records call for."""
    for failed in seen.failed:
        yield Lack(f"Rehearsal: source {failed}".rstrip("."), "Make the source readable: dsmbot source test")
    for rule in seen.rules:
        if not rule.agrees:
            yield Lack(
                f"Rehearsal: rule {rule.rule} is met {rule.met} times, and {rule.told} alerts were posted", REPORT
            )
    for one in seen.messages:
        if one.expected != one.actual:
            yield Lack(
                f"Rehearsal: {one.actual} of {one.expected} {one.kind} messages in the {one.audience} channel", REPORT
            )
    if not seen.closed_complete:
        yield Lack("Rehearsal: a message for the board was not posted", REPORT)


REPORT = "Rehearse with dsmbot run --practice and see what is missing; this is a fault of the program, please report it"
