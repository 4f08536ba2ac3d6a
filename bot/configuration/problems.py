"""What is wrong with a configuration, in words for the person who can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend.

    Parameters
    ----------
    file: path as the person gave it, or "environment".
    line: 1-based line; 0 = the file as a whole.
    where: keys down to the spot, with a rule or source by its id: "rules.tolerability.design.max_n".
    problem: what is wrong. Never shows a secret.
    fix: what to do, with the nearest valid word where there is one.
    """

    file: str
    line: int
    where: str
    problem: str
    fix: str = ""

    def __str__(self) -> str:
        """One line as compilers print it: `file:line: where: problem. fix.`"""
        place = f"{self.file}:{self.line}" if self.line else self.file
        parts = [place, self.where, ". ".join(p for p in (self.problem, self.fix) if p) + "."]
        return ": ".join(p for p in parts if p)

    def document(self) -> dict[str, Any]:
        """The five keys of `check --json`."""
        return asdict(self)


class ConfigError(ValueError):
    """Configurations that cannot be used: `problems` holds every problem found, by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: list[Problem] = sorted(set(problems))
        super().__init__("\n".join(str(p) for p in self.problems))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant, or None; case does not matter."""
    folded = {k.casefold(): k for k in known}
    found = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.55)
    return folded[found[0]] if found else None


def suggestion(word: str, known: Sequence[str]) -> str:
    """ "Did you mean …?" and, where the list is short enough to read, the words that are possible."""
    close = nearest(word, known)
    hint = f"Did you mean {close!r}?" if close else ""
    if len(known) <= 40:
        possible = f"Possible here: {', '.join(sorted(known))}" if known else "Nothing is possible here yet"
        return f"{hint} {possible}".strip()
    return hint or "See the documentation for what is possible here"
