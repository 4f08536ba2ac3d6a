"""Days after first dose: is an event in its subject's window, and on which day did it happen at the earliest?"""

from __future__ import annotations

import numpy as np

from rules.columns import NAT, Bools, Days, Ints, later
from rules.derive import Facts
from rules.kinds.matching import bit


def earliest_days(facts: Facts, rows: Ints) -> Days:
    """Earliest possible day of each event, not before first dose where the rest allows; first dose where unknown."""
    days: Days = facts.remember("earliest days", lambda: _make_earliest_days(facts))
    return days[rows]


def _make_earliest_days(facts: Facts) -> Days:
    lo, hi = facts.event_column("onset_lo"), facts.event_column("onset_hi")
    first = _first_dose(facts, "lo")[facts.event_column("subject")]
    clipped = np.where(hi >= first, np.fmax(lo, first), lo)
    return np.where(np.isnat(lo), first, clipped)


def _first_dose(facts: Facts, end: str) -> Days:
    """First dose of each subject, and NaT at the last place for events without a subject."""
    return np.append(facts.subjects[f"first_dose_{end}"].to_numpy("datetime64[D]"), NAT)


def in_window(facts: Facts, rows: Ints, after_days: int) -> tuple[Bools, Ints]:
    """Is each event in its subject's window on some possible day, and what that hangs on?

    Returns
    -------
    Flags (shape as rows) and a bit mask each: 0 where every possible day is inside. An unknown onset is inside.
    """
    subject, lo, hi, assumed, at = (
        facts.event_column(n)[rows] for n in ("subject", "onset_lo", "onset_hi", "onset_assumed", "ae_row")
    )
    first_lo, first_hi = (_first_dose(facts, end)[subject] for end in ("lo", "hi"))
    possible = ~(hi < first_lo) & ~(lo > later(first_hi, after_days))
    certain = (lo >= first_hi) & (hi <= later(first_lo, after_days)) & ~assumed
    onset = np.where(at >= 0, bit("AESTDTC"), bit("DTHDTC"))
    missing = np.where((lo == hi) & ~assumed, bit("RFXSTDTC"), onset)
    return np.asarray(possible), np.where(certain, 0, missing).astype(np.int64)
