"""Lines that notes and summaries share: where a rule stands, how current a source is. Knows no wording."""

from __future__ import annotations

from datetime import datetime

from pydantic.dataclasses import dataclass as stored_dataclass

from rules.model import State


@stored_dataclass(frozen=True, slots=True)
class RuleLine:
    """Where one rule stands, for a note: numbers of its most advanced scope.

    `clocks` is how many reporting clocks of it run, None for a rule of another kind; `due_at` when the first is due.
    """

    rule_id: str
    title: str
    state: State
    events: int = 0
    n_evaluable: int = 0
    stop_at: int | None = None
    at_n: int | None = None
    needs: int | None = None
    reason: str = ""
    clocks: int | None = None
    due_at: datetime | None = None


@stored_dataclass(frozen=True, slots=True)
class SourceLine:
    """How current one record source is. `reason` is why it is not, in words for whoever mends it."""

    source_id: str
    last_complete_at: datetime | None
    current: bool
    reason: str = ""
