"""A part of the dosed subjects: the first so many, or those after them, where partial first doses may leave it open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.columns import Bools
from rules.derive import Facts


@dataclass(frozen=True, slots=True)
class Part:
    """Who belongs to a part; flags on `facts.subjects`, and one more for no subject, who may.

    Parameters
    ----------
    possible: may belong to it by some possible order of first doses.
    certain: belongs to it by every one.
    """

    possible: Bools
    certain: Bools


def part_of(facts: Facts, after: int | None, last: int | None) -> Part:
    """The subjects in places `after` + 1 to `last` in order of first dose; None leaves that side open.

    Who has no recorded first dose and may have been dosed may belong to any part but the whole.
    """
    table = facts.subjects
    size, dosed = len(table), table["position"].to_numpy() > 0
    low, high = (
        table[f"first_dose_{end}"].to_numpy("datetime64[D]").astype(np.int64) * (size + 1) + np.arange(size)
        for end in ("lo", "hi")
    )
    earliest = np.searchsorted(np.sort(high[dosed]), low) + 1
    latest = np.searchsorted(np.sort(low[dosed]), high, side="right")
    begin, end = after or 0, size if last is None else last
    possible = dosed & (latest > begin) & (earliest <= end)
    certain = dosed & (earliest > begin) & (latest <= end)
    return Part(np.append(possible | facts.perhaps_treated(), True), np.append(certain, False))
