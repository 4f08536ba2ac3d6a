"""What of a finding may leave for Slack: by name, however deep it lies, with dates and subjects as the study says.

May not know who asks: `bot.access` decides that, and uses this.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.contents.clocks import ClockRow
from bot.contents.summary import AlertStanding, DecisionTaken, SummaryContent
from bot.views import Setting
from rules.model import Audience, Evidence, Finding
from rules.sdtm import is_arm_revealing
from rules.tabulated.words import Listed

RESTRICTED = frozenset({Audience.CLOSED, Audience.PHARMACY})
"""Audiences whose content fails closed: an unknown fact about a person or channel refuses."""

FACTS = frozenset({
    "AEDECOD", "grade", "serious", "criteria", "related", "death", "contradiction", "study_day", "position", "site",
    "crossing", "onset", "aware_at", "due_at", "order_decides", "late_days",
    "sign", "raised_by",
})  # fmt: skip
"""Coded facts about evidence that may leave for Slack; everything else stays, verbatim text above all."""

DETAILS = frozenset({
    "counting", "per", "certain", "population", "population_n", "design", "table", "window_days", "n_dosed",
    "n_sequence", "events_total", "events_certain", "pending_in_look", "overdue_in_look", "pending_later",
    "overdue_later", "left", "if_left_counted", "hangs_on", "if_resolved", "next", "needs_evaluable", "needs",
    "beyond_design", "met_now", "first_crossed_at_n", "entry_delay_days", "crossed_study_day",
    "earliest_possible_date", "first_dose_partial", "first_crossing", "evidence_total", "evidence_shown",
    "course",
    "clocks", "clock", "limit", "aware_at", "due_at", "end_of_day", "warned", "record", "done",
    "measure", "limit_days", "share",
    "mark", "exposure_days", "exposure_at_crossing", "stops_up_to", "if_followed",
})  # fmt: skip
"""Details of findings that may leave for Slack, whatever a plug-in rule adds."""

_NOT_OF_SUBJECTS = frozenset({"aware_at", "due_at", "known_at", "submitted_at"})
"""Times of people and records, not of subjects: shown where days of events are not."""

_DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?([T ].*)?(/.*)?")


def clear_finding(finding: Finding, audience: Audience, setting: Setting) -> Finding:
    """The finding with nothing in it that this audience, or Slack at all, may not have."""
    clearing = _Clearing(audience, setting, frozenset(item.usubjid for item in finding.evidence if item.usubjid))
    return replace(
        finding,
        scope=clearing.text(finding.scope),
        evidence=tuple(_clear_evidence(item, clearing) for item in finding.evidence),
        details=clearing.mapping(finding.details, DETAILS),
        first_crossed_on=None if setting.study_days else finding.first_crossed_on,
    )


def clear_summary(content: SummaryContent, setting: Setting) -> SummaryContent:
    """The summary with months of first dose as months of the study, where the study shows no calendar dates, and with
    every subject by alias, where it shows aliases; it holds no date of an event."""
    tables = content.tables
    if setting.study_days:
        months = tuple((f"month {place}", number) for place, (_, number) in enumerate(tables.dosed, start=1))
        content = replace(content, tables=replace(tables, dosed=months))
    return _with_aliases(content, setting) if setting.alias_salt else content


def _with_aliases(content: SummaryContent, setting: Setting) -> SummaryContent:
    tables = content.tables

    def hidden(rows: tuple[Listed, ...]) -> tuple[Listed, ...]:
        return tuple(replace(item, usubjid=alias(item.usubjid, setting)) for item in rows)

    def scope(item: AlertStanding | DecisionTaken) -> str:
        return _Clearing(content.audience, setting, frozenset(item.subjects)).text(item.scope)

    def clock(row: ClockRow) -> ClockRow:
        key = _Clearing(content.audience, setting, frozenset({row.usubjid})).text(row.event_key)
        return replace(row, usubjid=alias(row.usubjid, setting), event_key=key)

    alerts = tuple(replace(item, scope=scope(item), subjects=()) for item in content.alerts)
    decisions = tuple(
        replace(item, scope=scope(item), subject=alias(item.subject, setting), subjects=())
        for item in content.decisions
    )
    clocks = content.clocks and replace(content.clocks, open=tuple(map(clock, content.clocks.open)))
    serious, deaths, listing = map(hidden, (tables.serious, tables.deaths, tables.listing))
    shown = replace(tables, serious=serious, deaths=deaths, listing=listing)
    return replace(content, tables=shown, alerts=alerts, decisions=decisions, clocks=clocks)


def _clear_evidence(item: Evidence, clearing: _Clearing) -> Evidence:
    return replace(
        item,
        usubjid=alias(item.usubjid, clearing.setting),
        record_key=clearing.text(item.record_key),
        event_key=clearing.text(item.event_key),
        facts=clearing.mapping(item.facts, FACTS),
    )


@dataclass(frozen=True, slots=True)
class _Clearing:
    """How values of one finding are cleared: dates dropped, subjects by alias, names that tell an arm refused."""

    audience: Audience
    setting: Setting
    subjects: frozenset[str]

    def mapping(self, values: Mapping[str, Any], allowed: frozenset[str] | None) -> dict[str, Any]:
        """The values whose names are allowed (None: all), each cleared."""
        kept = {name: value for name, value in values.items() if allowed is None or name in allowed}
        if self.audience not in RESTRICTED:
            kept = {name: value for name, value in kept.items() if not is_arm_revealing(name)}
        return {
            name: value if name in _NOT_OF_SUBJECTS else self.value(value)
            for name, value in kept.items()
            if name in _NOT_OF_SUBJECTS or not self._is_day(value)
        }

    def value(self, value: Any) -> Any:
        """One value, however deep."""
        if isinstance(value, Mapping):
            return self.mapping(value, None)
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value if not self._is_day(item)]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """Text with every subject by alias, where the study shows aliases."""
        if self.setting.alias_salt:
            for subject in sorted(self.subjects, key=len, reverse=True):
                text = text.replace(subject, alias(subject, self.setting))
        return text

    def _is_day(self, value: Any) -> bool:
        return self.setting.study_days and isinstance(value, str) and bool(_DATE.fullmatch(value))


def alias(usubjid: str, setting: Setting) -> str:
    """The subject as people see it: as recorded, or `P-` and six characters that only this database can make."""
    if not setting.alias_salt or not usubjid:
        return usubjid
    return f"P-{hashlib.sha256(f'{setting.alias_salt}|{usubjid}'.encode()).hexdigest()[:6].upper()}"
