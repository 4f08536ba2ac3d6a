"""The options of `dsmbot design` as arguments of the statistics: what was typed, read once and strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.commands.guard import BadInput
from rules.errors import DesignError
from rules.statistics import METHODS, Boundary, calibrate, checks
from rules.statistics.exposure import EXPOSURE_METHODS, ExposureBoundary, calibrate_exposure

NOTHING = ("-", "null", "none", "")
"""How a table says that no count stops at a look."""

OPTIONS = {
    "null_rate": "--null-rate",
    "alpha": "--alpha",
    "looks": "--looks",
    "max_n": "--max-n",
    "window": "--window",
    "max_exposure": "--max-exposure",
    "rates": "--rates",
}
"""Parameter of the statistics → the option that gives it; every other parameter is a `--param`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed after `dsmbot design`; None where an option was left out."""

    method: str
    null_rate: float
    alpha: float | None = None
    max_n: int | None = None
    looks: str | None = None
    param: tuple[str, ...] = ()
    window: float | None = None
    max_exposure: str | None = None
    rates: str | None = None

    def boundary(self) -> Boundary | ExposureBoundary:
        """The boundary that is asked for.

        Raises
        ------
        BadInput: a sentence that names the option and what it may be.
        """
        known = (*METHODS, *EXPOSURE_METHODS)
        try:
            method = checks.known_word("method", self.method, known, f"one of {', '.join(known)}")
            return self._on_exposure(method) if method in EXPOSURE_METHODS else self._on_subjects(method)
        except DesignError as error:
            raise BadInput(said(error)) from error

    def _on_subjects(self, method: str) -> Boundary:
        for option, value in (("--window", self.window), ("--max-exposure", self.max_exposure)):
            if value is not None:
                exposure = f"exposure_{method}" if f"exposure_{method}" in EXPOSURE_METHODS else "exposure_pocock"
                raise BadInput(f"{option} belongs to designs on exposure such as {exposure}; {method} counts subjects.")
        given = _parameters(method, METHODS[method].parameters(), self.param)
        return calibrate(method, null_rate=self.null_rate, alpha=self.alpha, looks=self._looks(), **given)

    def _on_exposure(self, method: str) -> ExposureBoundary:
        if self.looks is not None:
            raise BadInput(f"{method} looks at every event: leave --looks out and say --max-n.")
        for option, value in (("--max-n", self.max_n), ("--window", self.window)):
            if value is None:
                raise BadInput(f"{option} is missing: {method} needs the planned subjects and the window of each.")
        given = _parameters(method, EXPOSURE_METHODS[method].parameters(), self.param)
        return calibrate_exposure(
            method,
            null_rate=self.null_rate,
            alpha=self.alpha,  # type: ignore[arg-type]  # None is refused there, by name
            max_n=self.max_n,  # type: ignore[arg-type]
            window=self.window,  # type: ignore[arg-type]
            max_exposure="maximum" if self.max_exposure is None else self.max_exposure,
            **given,
        )

    def _looks(self) -> Sequence[int]:
        if self.looks is None:
            if self.max_n is None:
                raise BadInput("Say --max-n 50 for a look after each of 1 to 50 subjects, or --looks 10,20,50.")
            allowed = f"a whole number of subjects from 1 to {checks.MAX_SUBJECTS}"
            if not 1 <= self.max_n <= checks.MAX_SUBJECTS:
                raise DesignError("max_n", self.max_n, allowed)
            return range(1, self.max_n + 1)
        looks = [_whole("--looks", text) for text in _split(self.looks)]
        if self.max_n is not None and looks and looks[-1] != self.max_n:
            raise BadInput(f"--looks ends at {looks[-1]} and --max-n is {self.max_n}: the last look is the largest n.")
        return looks

    def true_rates(self, default: Iterable[float]) -> list[float]:
        """The rates at which characteristics are wanted. Raises BadInput."""
        if self.rates is None:
            return list(default)
        return [_number("--rates", text) for text in _split(self.rates)]


def said(error: DesignError) -> str:
    """A design error in the words of the command line."""
    option = OPTIONS.get(error.parameter, f"--param {error.parameter}")
    if error.parameter == "method":
        return f"No design is called {error.value!r}: {error.allowed}."
    if error.value is None:
        return f"{option} is missing: {error.allowed.removeprefix('it must be given: ')}."
    value = ",".join(map(str, error.value)) if isinstance(error.value, (tuple, list)) else error.value
    joined = f"{option}={value}" if option.startswith("--param ") else f"{option} {value}"
    return f"{joined} is not possible: {error.allowed}."


def _parameters(method: str, names: tuple[str, ...], typed: tuple[str, ...]) -> dict[str, Any]:
    """Names and values of `--param`, by name or in contract order."""
    tokens = [token for text in typed for token in _split(text)]
    if names == ("stop_at",):
        return {"stop_at": tuple(_count(token) for token in _unnamed(tokens))} if tokens else {}
    takes = f"{method} takes {', '.join(names) or 'no parameters'}"
    given: dict[str, Any] = {}
    for token in tokens:
        name, equals, text = token.partition("=")
        if not equals:
            waiting = [known for known in names if known not in given]
            if not waiting:
                raise BadInput(f"--param {token} is one too many: {takes}.")
            name, text = waiting[0], token
        if name in given:
            raise BadInput(f"--param {name} is given twice.")
        given[name] = _number(f"--param {name}", text)
    for name in given:
        try:
            checks.known_word(name, name, names, takes)
        except DesignError as error:
            raise BadInput(f"--param has no {name!r}: {error.allowed}.") from error
    return given


def _unnamed(tokens: list[str]) -> list[str]:
    return [token.removeprefix("stop_at=") for token in tokens]


def _count(text: str) -> int | None:
    return None if text.lower() in NOTHING else _whole("--param stop_at", text)


def _split(text: str) -> list[str]:
    return [token.strip() for token in text.strip().strip("[]").split(",")]


def _whole(option: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise BadInput(f"{option}: {text!r} is not a whole number. Write for example {option} 10,20,30.")
    return int(text)


def _number(option: str, text: str) -> float:
    """A number as typed; a whole one stays whole, because some parameters are counts."""
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"{option}: {text!r} is not a number. Write it as 0.2.") from None
