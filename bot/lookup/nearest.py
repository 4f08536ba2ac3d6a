"""The word that was meant: nearest of those that exist, for rules, subjects, sites, terms, filters and commands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class NotFound(LookupError):
    """Nothing of that name. `what` is the kind of thing, `asked` the name, `near` the nearest that exist, best first.

    `of` says which names can be given at all, in words, where no name is near.
    """

    def __init__(self, what: str, asked: str, near: Iterable[str] = (), *, of: str = "") -> None:
        super().__init__(f"no {what} {asked!r}")
        self.what, self.asked, self.near, self.of = what, asked, tuple(near), of


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one kind of thing.

    Parameters
    ----------
    what: "rule", "subject" and so on.   known: the names as they are written.
    """

    what: str
    known: tuple[str, ...]

    def exact(self, asked: str) -> str:
        """The name asked for, whatever its case; the one that ends in it, where only one does.

        Raises
        ------
        NotFound: with the nearest names.
        """
        wanted = asked.strip().casefold()
        same = [name for name in self.known if name.casefold() == wanted]
        ends = [name for name in self.known if wanted and name.casefold().endswith(wanted)]
        found = same or (ends if len(ends) == 1 else [])
        if found:
            return found[0]
        raise NotFound(self.what, asked, ends[:3] or nearest(asked, self.known))


def nearest(asked: str, known: Iterable[str], number: int = 1) -> list[str]:
    """The nearest of some names, best first; empty where none is like it."""
    by_fold = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(asked.strip().casefold(), list(by_fold), n=number, cutoff=0.4)
    return [by_fold[name] for name in close]
