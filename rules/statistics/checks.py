"""What a design may be given: each check returns the clean value or says which parameter to mend, and how."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from difflib import get_close_matches
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rules.errors import DesignError

MAX_SUBJECTS = 10_000
"""The largest last look that is calibrated: beyond it a typing error is likelier than a trial."""

PRIOR_SIZES = (1e-9, MAX_SUBJECTS)
"""Priors outside are worth no subject at all or more than any trial, and their posteriors differ by rounding alone."""


_NOISE = 1e-12
"""Relative rounding of a computed probability: .2 is printed as .2 though the sum behind it is .20000000000000004."""


def number(parameter: str, value: object, allowed: str) -> float:
    """A finite real number; text, truth values and NaN raise `DesignError` with `allowed` as the remedy."""
    if isinstance(value, bool) or not isinstance(value, (Real, Decimal)):
        raise DesignError(parameter, value, allowed)
    try:
        converted = float(value)
    except (OverflowError, ValueError):  # a whole number beyond every float, a signalling NaN
        raise DesignError(parameter, value, allowed) from None
    if not math.isfinite(converted):
        raise DesignError(parameter, value, allowed)
    return converted


def probability(parameter: str, value: object) -> float:
    """A number strictly between 0 and 1."""
    allowed = "a number above 0 and below 1"
    checked = number(parameter, value, allowed)
    if not 0 < checked < 1:
        raise DesignError(parameter, value, allowed)
    return checked


def above_null(parameter: str, value: float, null_rate: float) -> None:
    """A rate to be detected must lie above the null rate."""
    if value <= null_rate:
        raise DesignError(parameter, value, f"a number above the null rate {null_rate:g} and below 1")


def rate(parameter: str, value: object) -> float:
    """A true event rate at which a design is judged: a number from 0 to 1, both included."""
    allowed = "numbers from 0 to 1"
    checked = number(parameter, value, allowed)
    if not 0 <= checked <= 1:
        raise DesignError(parameter, value, allowed)
    return checked


def prior(parameter: str, value: object) -> float:
    """A parameter of a beta prior, in subjects: positive, and of a size at which posteriors can be told apart."""
    allowed = f"a number above 0, from {PRIOR_SIZES[0]:g} to {PRIOR_SIZES[1]:,} (it counts like subjects already seen)"
    checked = number(parameter, value, allowed)
    if not PRIOR_SIZES[0] <= checked <= PRIOR_SIZES[1]:
        raise DesignError(parameter, value, allowed)
    return checked


def whole(parameter: str, value: object, allowed: str) -> int:
    """A whole number, also as numpy writes it; truth values are refused."""
    if isinstance(value, bool):
        raise DesignError(parameter, value, allowed)
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise DesignError(parameter, value, allowed) from None


def seed(value: object) -> int:
    """A seed of random numbers: a whole number of at least 0."""
    allowed = "a whole number of at least 0"
    checked = whole("seed", value, allowed)
    if checked < 0:
        raise DesignError("seed", value, allowed)
    return checked


def several(parameter: str, values: object, allowed: str) -> list[Any]:
    """The values of a sequence, whatever they are; a single value or a text is refused."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise DesignError(parameter, values, allowed)
    return list(values)


def array(parameter: str, values: object, allowed: str) -> NDArray[Any]:
    """The values as one array, of whatever kind; those that differ in length are refused."""
    try:
        return np.asarray(values)
    except ValueError:
        raise DesignError(parameter, values, allowed) from None


def increasing_looks(value: object) -> tuple[int, ...]:
    """The looks as whole numbers of subjects, at least one, strictly increasing, the last ≤ `MAX_SUBJECTS`."""
    allowed = f"strictly increasing whole numbers of subjects from 1 to {MAX_SUBJECTS}, for example 5, 10, 15"
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise DesignError("looks", value, allowed)
    if isinstance(value, Sequence) and len(value) > MAX_SUBJECTS:
        raise DesignError("looks", f"{len(value)} looks", allowed)
    looks = tuple(whole("looks", look, allowed) for look in value)
    rising = all(earlier < later for earlier, later in pairwise(looks))
    if not looks or looks[0] < 1 or looks[-1] > MAX_SUBJECTS or not rising:
        raise DesignError("looks", _shortened(looks), allowed)
    return looks


def known_word(parameter: str, value: object, known: Sequence[str], says: str) -> str:
    """`value` when it is one of `known`; else `DesignError` that names the nearest one."""
    if isinstance(value, str) and value in known:
        return value
    near = get_close_matches(str(value).strip().lower().replace("-", "_"), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise DesignError(parameter, value, f"{hint}{says}")


def at_least(value: float) -> str:
    """A probability in six digits, rounded up: who asks for what is printed does not ask for too little."""
    return _six_digits(value * (1 - _NOISE), ROUND_CEILING)


def at_most(value: float) -> str:
    """A probability in six digits, rounded down."""
    return _six_digits(value * (1 + _NOISE), ROUND_FLOOR)


def _six_digits(value: float, rounding: str) -> str:
    return f"{float(Context(prec=6, rounding=rounding).create_decimal_from_float(float(value))):g}"


def _shortened(looks: Sequence[Any]) -> object:
    return tuple(looks) if len(looks) <= 12 else f"{looks[0]}, {looks[1]}, … {looks[-1]} ({len(looks)} looks)"
