"""Everything that the record of going live says, gathered and not yet worded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.checking.rules import Report
from bot.config import StudyConfig
from bot.golive.drilled import Drilled
from bot.golive.readiness import Accepted
from bot.golive.rehearsed import Rehearsed
from bot.views import Mode
from rules.model import Rule


@dataclass(frozen=True, slots=True)
class Dossier:
    """What was examined and found, when, and who approves it.

    Parameters
    ----------
    config: as it goes live.   identity: of `bot.golive.record.identity`.   report: of the whole `check`.
    accepted: warnings that the approver takes on.   drill: the last one, passed.   rehearsed: and agreeing.
    approved_by: of `bot.golive.approver`.   at: aware UTC.   code_version: of the product.
    seq, digest: head of the audit record before this entry.   mode: of the database.
    """

    config: StudyConfig
    identity: dict[str, str]
    report: Report
    accepted: tuple[Accepted, ...]
    drill: Drilled
    rehearsed: Rehearsed
    approved_by: str
    at: datetime
    code_version: str
    seq: int
    digest: str
    mode: Mode = Mode.LIVE

    def rules(self) -> tuple[Rule, ...]:
        """The rules that go live: retired ones keep their history and are judged no more."""
        return tuple(rule for rule in self.config.rules if not getattr(rule, "retired", None))
