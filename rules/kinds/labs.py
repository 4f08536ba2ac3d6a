"""Laboratory results of one test: inside a limit or a band, on recorded values or perhaps, and for how many days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rules.columns import NO, UNKNOWN, YES, Bools, Columns, Days, Ints, Levels, later
from rules.derive import Facts
from rules.errors import RuleError
from rules.kinds.matching import bit
from rules.kinds.words import Strict

_LIMITS = ("above", "at_least", "below", "at_most")


class Lab(Strict):
    """Which results of one laboratory test are meant: every limit that is given must hold."""

    test: str = Field(min_length=1, description="LBTESTCD of the test")
    unit: str | None = Field(None, description="LBSTRESU in which the limits are written; another unit stops the rule")
    above: float | None = Field(None, description="LBSTRESN is greater than this")
    at_least: float | None = Field(None, description="LBSTRESN is this or greater")
    below: float | None = Field(None, description="LBSTRESN is less than this")
    at_most: float | None = Field(None, description="LBSTRESN is this or less")

    @model_validator(mode="after")
    def _is_a_band(self) -> Lab:
        low = [value for value in (self.above, self.at_least) if value is not None]
        high = [value for value in (self.below, self.at_most) if value is not None]
        if not low and not high:
            raise ValueError("say at least one limit: above, at_least, below or at_most")
        if len(low) > 1 or len(high) > 1:
            raise ValueError("give one lower limit (above or at_least) and one upper limit (below or at_most) at most")
        if low and high and low[0] > high[0]:
            raise ValueError(f"no value is both over {low[0]:g} and under {high[0]:g}")
        return self

    def words(self) -> str:
        """The limits in a phrase: "GLUC of at least 40 and below 54 mg/dL"."""
        said = {"above": "above", "at_least": "of at least", "below": "below", "at_most": "of at most"}
        limits = [f"{said[name]} {getattr(self, name):g}" for name in _LIMITS if getattr(self, name) is not None]
        return f"{self.test} {' and '.join(limits)}{f' {self.unit}' if self.unit else ''}"


@dataclass(frozen=True, slots=True)
class Results:
    """Results of one test since first dose, by subject and time; arrays of shape (results,).

    Parameters
    ----------
    row: row of the LB frame.   subject: row of `facts.subjects`, -1 = none.
    level: NO, UNKNOWN or YES: the value is meant.   missing: bit mask of what a doubt hangs on.
    lo, hi: possible days, NaT where unknown.   known: microseconds since 1970 (UTC).
    """

    row: Ints
    subject: Ints
    level: Levels
    missing: Ints
    lo: Days
    hi: Days
    known: Ints

    def where(self, keep: Bools | Ints) -> Results:
        """Some of them, or all in another order."""
        return Results(*(getattr(self, name)[keep] for name in self.__slots__))


def results(facts: Facts, lab: Lab, after_days: int | None = None) -> Results:
    """The results of a test that count: done, since first dose (its day included), in the window where there is one.

    A baseline record (LBBLFL) and a result that was not obtained do not count; a result without a number or a date
    that says otherwise may be meant.

    Raises
    ------
    RuleError: the records of this test have another unit than the rule.
    """
    lb = facts.domains["LB"]
    done = lb.isin("LBTESTCD", (lab.test,)) & ~lb.isin("LBSTAT", ("NOT DONE",)) & ~lb.isin("LBBLFL", ("Y",))
    done &= ~(lb.blank("LBSTRESN") & lb.blank("LBSTRESC") & lb.blank("LBORRES"))
    _same_unit(lb, done, lab)
    row = np.flatnonzero(done)
    places = {str(name): i for i, name in enumerate(facts.subjects.index.tolist())}
    subject = lb.subject_at(places)[row]
    lo, hi = (days[row] for days in lb.days("LBDTC"))
    level, time = _fits(lb, lab)[row], _since_dose(facts, subject, lo, hi, after_days)
    missing = np.where(level == UNKNOWN, bit("LBSTRESN"), 0) | np.where(time == UNKNOWN, bit("LBDTC"), 0)
    known = lb.known().tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)[row]
    found = Results(row, subject, level, np.where(level > NO, missing, 0), lo, np.fmin(hi, facts.cutoff), known)
    keep = np.flatnonzero((time > NO) & ~(lo > facts.cutoff))
    found, texts = found.where(keep), lb.text("LBDTC").to_numpy(dtype=object)[row[keep]]
    keys = lb.text("record_key").to_numpy(dtype=object)[row[keep]]
    return found.where(np.lexsort((keys.astype(str), texts.astype(str), found.lo, found.subject)))


def _same_unit(lb: Columns, done: Bools, lab: Lab) -> None:
    if lab.unit is None:
        return
    other = done & ~lb.isin("LBSTRESU", (lab.unit, ""))
    if other.any():
        found = sorted(set(lb.text("LBSTRESU").to_numpy(dtype=object)[other].tolist()))
        raise RuleError(f"the limits of {lab.test} are in {lab.unit}, but results are in {', '.join(found)} (LBSTRESU)")


def _since_dose(facts: Facts, subject: Ints, lo: Days, hi: Days, after_days: int | None) -> Levels:
    """Is each result from first dose on, and in the window: on every possible day, on some, or on none?"""
    first = {end: np.append(facts.subjects[f"first_dose_{end}"].to_numpy("datetime64[D]"), np.datetime64("NaT", "D"))
             for end in ("lo", "hi")}  # fmt: skip
    possible, certain = ~(hi < first["lo"][subject]), lo >= first["hi"][subject]
    if after_days is not None:
        possible &= ~(lo > later(first["hi"][subject], after_days))
        certain &= hi <= later(first["lo"][subject], after_days)
    return np.where(certain, YES, np.where(possible, UNKNOWN, NO)).astype(np.int8)


def _fits(lb: Columns, lab: Lab) -> Levels:
    """Each row's value against the limits."""
    low, high = _values(lb)
    level = np.full(len(lb), YES, dtype=np.int8)
    for name in _LIMITS:
        limit = getattr(lab, name)
        if limit is None:
            continue
        yes, no = {
            "above": (low > limit, high <= limit), "at_least": (low >= limit, high < limit),
            "below": (high < limit, low >= limit), "at_most": (high <= limit, low > limit),
        }[name]  # fmt: skip
        level = np.minimum(level, np.where(yes, YES, np.where(no, NO, UNKNOWN)).astype(np.int8))
    return level


def _values(lb: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest possible value: LBSTRESN, else the bound that LBSTRESC states, else anything.

    "<5" and ">5" leave out 5 itself, "<=5" and ">=5" do not.
    """
    number = pd.to_numeric(lb.text("LBSTRESN"), errors="coerce").to_numpy(dtype=np.float64)
    said = lb.text("LBSTRESC").astype("str").str.extract(r"^\s*([<>])(=?)\s*(-?\d+(?:\.\d+)?)\s*$")
    bound = pd.to_numeric(said[2], errors="coerce").to_numpy(dtype=np.float64)
    under, over = (said[0] == "<").to_numpy(dtype=bool), (said[0] == ">").to_numpy(dtype=bool)
    itself = (said[1] == "=").to_numpy(dtype=bool)
    bound = np.where(itself, bound, np.nextafter(bound, np.where(under, -np.inf, np.inf)))
    unknown = np.isnan(number)
    low = np.where(unknown, np.where(over, bound, -np.inf), number)
    return low, np.where(unknown, np.where(under, bound, np.inf), number)
