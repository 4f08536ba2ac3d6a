"""What can go wrong inside `rules/`, as a tree a caller can catch by meaning.

::

    RulesError                 anything raised on purpose by this package
    ├── DesignError            a statistical design that cannot exist as asked
    ├── RuleError              a rule that cannot be built from what was given
    │   └── UnknownKindError   no rule kind of that name is registered
    ├── NotSimulatedError      a rule that a simulated trial cannot be judged by
    └── SnapshotError          a snapshot that breaks its own contract

Every message names what happened, where (parameter, rule, domain, column) and what is allowed,
because the reader is the person who can mend it.
"""

from __future__ import annotations


class RulesError(Exception):
    """Base of every error that `rules/` raises on purpose."""


class DesignError(RulesError, ValueError):
    """A statistical design that cannot exist as asked.

    Parameters
    ----------
    parameter: name of the offending parameter, as written in YAML and Python.
    value: what was given.
    allowed: what is allowed, in words.
    """

    def __init__(self, parameter: str, value: object, allowed: str) -> None:
        self.parameter, self.value, self.allowed = parameter, value, allowed
        super().__init__(f"{parameter} = {value!r} is not possible: {allowed}")


class RuleError(RulesError, ValueError):
    """A rule that cannot be built from its definition."""


class UnknownKindError(RuleError):
    """No rule kind of that name is registered; `known` holds the names that are."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        self.kind, self.known = kind, known
        super().__init__(f"no rule kind is called {kind!r}; known kinds: {', '.join(known)}")


class NotSimulatedError(RulesError):
    """A rule asks for what a simulated trial does not have; the message says what, for people."""


class SnapshotError(RulesError, ValueError):
    """A snapshot without a column that its contract promises: domain and column are named."""
