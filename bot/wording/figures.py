"""Numbers of a finding as sentences: counts, who is pending, what a crossing hangs on, when it happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from bot.views import AlertContent, Setting, scope_name
from bot.wording.kinds import concern, exposure_count, exposure_stop
from bot.wording.phrases import variable
from bot.wording.text import count, listed, safe, words
from rules.model import Evidence, Finding, Standing, State

CRITERIA: Mapping[str, str] = {
    "AESDTH": "death", "AESLIFE": "life-threatening", "AESHOSP": "hospitalised", "AESDISAB": "disability",
    "AESCONG": "congenital anomaly", "AESMIE": "important medical event",
}  # fmt: skip
"""Seriousness criteria (ICH E2A) in words."""


SINGLE = ("event", "clock")
"""Kinds whose findings are about one event: an alert is named by its subject."""


def boundary_count(finding: Finding) -> str:
    """`4 events among the first 7 dosed subjects`."""
    among = f"the first {count(finding.at_n, 'dosed subject')}" if finding.at_n else "dosed subjects"
    return f"{count(finding.events, 'event')} among {among}"


def rule_count(content: AlertContent, finding: Finding | None = None) -> str:
    """`3 subjects in site 701, acts at 2`."""
    finding = finding or content.finding
    if finding.details.get("measure"):
        return late_count(content, finding)
    unit = "subject" if finding.details.get("counting", finding.details.get("count")) == "subjects" else "event"
    acts = f", acts at {finding.stop_at}" if finding.stop_at is not None else ""
    return f"{count(finding.events, unit)}{where_scope(content)}{acts}"


_LATE: Mapping[str, str] = {
    "entry_lag": "{late} of {of} events entered more than {days} after onset",
    "unfinished_form": "{late} of {of} events without a completed form more than {days} after entry",
    "silent_event": "{late} of {of} ongoing events without evidence of assessment for more than {days}",
    "overdue_followup": "{late} of {of} subjects past their follow-up without evidence of assessment for more than "
    "{days}",
}


def late_count(content: AlertContent, finding: Finding) -> str:
    """`3 of 12 events entered more than 5 days after onset · site 701, acts at 3 and 20 %`."""
    told = finding.details
    days = count(int(told.get("limit_days", 0)), "day")
    said = _LATE[told["measure"]].format(late=finding.events, of=finding.n_evaluable, days=days)
    share = f" and {float(told['share']):.0%}".replace("%", " %") if told.get("share") else ""
    return f"{said}{where_scope(content)}, acts at {finding.stop_at}{share}"


def described(content: AlertContent, finding: Finding | None = None) -> str:
    """The count of any kind of rule, in words."""
    finding = finding or content.finding
    if content.rule.kind == "clock":
        return clock_count(finding)
    if content.rule.kind == "exposure":
        return f"{exposure_count(finding)}{exposure_stop(finding)}"
    if content.rule.kind == "manual":
        return concern(finding)
    if content.rule.kind != "boundary":
        return rule_count(content, finding)
    stops = f", the rule stops at {finding.stop_at} of {finding.at_n}" if finding.stop_at is not None else ""
    return boundary_count(finding) + stops


def clock_count(finding: Finding) -> str:
    """`1 clock overdue, 1 running`; `no clock running`."""
    if finding.n_overdue:
        return f"{count(finding.n_overdue, 'clock')} overdue, {finding.n_pending} running"
    return f"{count(finding.n_pending, 'clock')} running" if finding.n_pending else "no clock running"


def where_scope(content: AlertContent) -> str:
    """` · site 701` for a finding about a part of the study; "" for the study as a whole and for single events."""
    scope = content.finding.scope
    if scope == "study" or content.rule.kind in (*SINGLE, "manual"):
        return ""
    named = scope_name(scope)
    per = str(content.finding.details.get("per", "")) if named == scope else ""
    return f" · {safe(words(per))} {safe(scope)}" if per else f" · {safe(named)}"


def undecided(finding: Finding) -> str:
    """`2 of these 7 are still in follow-up and cannot undo the crossing. 3 later subjects pending, none overdue.`"""
    inside, later = _pending(finding)
    first = ""
    if inside:
        verb = "is" if inside == 1 else "are"
        first = f"{inside} of these {finding.at_n} {verb} still in follow-up and cannot undo the crossing. "
    pending = f"{count(later, 'later subject')} pending" if later else "No later subject pending"
    overdue = f"{finding.n_overdue} overdue" if finding.n_overdue else "none overdue"
    return f"{first}{pending}, {overdue}."


def later_subjects(finding: Finding) -> str:
    """`3 later subjects still in follow-up.`, or "" where there is none."""
    later = _pending(finding)[1]
    return f"{count(later, 'later subject')} still in follow-up." if later else ""


def _pending(finding: Finding) -> tuple[int, int]:
    """Subjects pending up to the crossing look, and after it. Where no place is known all count as later."""
    told = finding.details
    if "pending_in_look" in told:
        return int(told["pending_in_look"]), int(told.get("pending_later", 0))
    pending = [e for e in finding.evidence if e.standing is Standing.PENDING]
    inside = sum(1 for e in pending if _number(e.facts.get("position")) <= (finding.at_n or 0))
    return inside, max(finding.n_pending, len(pending)) - inside


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("inf")


def event_facts(finding: Finding, *, shown: bool = False) -> str:
    """`*Hypersensitivity*, grade 3, serious (hospitalised), related · study day 31` of the first counted event.

    `shown`: of the first event of the evidence, counted or not.
    """
    counted = finding.evidence if shown else finding.counted()
    if not counted:
        return "*No event is counted any more*"
    facts = counted[0].facts
    said = [f"*{safe(facts.get('AEDECOD') or 'Uncoded event')}*", *_qualities(facts)]
    day = facts.get("study_day")
    return ", ".join(said) + (f" · study day {safe(day)}" if day not in (None, "") else "")


def _qualities(facts: Mapping[str, Any]) -> list[str]:
    said = []
    if facts.get("grade") not in (None, ""):
        said.append(f"grade {safe(facts['grade'])}")
    if facts.get("serious"):
        criteria = facts.get("criteria") or facts.get("seriousness") or ()
        named = [CRITERIA.get(c, safe(c)) for c in ([criteria] if isinstance(criteria, str) else criteria)]
        said.append(f"serious ({listed(named)})" if named else "serious")
    if facts.get("death"):
        said.append("fatal")
    if "related" in facts:
        said.append("related" if facts["related"] else "not related")
    return said


def hangs_on(finding: Finding, *, as_treated: bool = False) -> list[str]:
    """What a provisional crossing hangs on, a clause a variable.

    `causality, missing for AE 12 and AE 15, is 'related'`; with `as_treated` as a statement of what was done:
    `Causality is missing; treated as related`.
    """
    missing: dict[str, list[Evidence]] = {}
    for item in decisive(finding):
        for name in item.missing:
            if name != "RFXSTDTC" or not item.facts.get("order_decides"):
                missing.setdefault(name, []).append(item)
    said = [_order(finding)] if any(item.facts.get("order_decides") for item in finding.evidence) else []
    if not said and not missing and finding.state is State.PROVISIONAL:
        return ["dates that are recorded in part fell on certain days"]
    for name, items in missing.items():
        known = variable(name)
        if as_treated:
            said.append(f"{known.name} is missing; treated as {known.taken_as}.")
        else:
            said.append(f"{known.name}, missing for {listed(record_names(items))}, is '{known.taken_as}'")
    return said


def _order(finding: Finding) -> str:
    """`the first dose of P-003, recorded in part, fell on certain days`, as a condition."""
    who = list(dict.fromkeys(safe(item.usubjid) for item in finding.evidence if item.facts.get("order_decides")))
    return f"the first {'dose' if len(who) == 1 else 'doses'} of {listed(who)}, recorded in part, fell on certain days"


def open_fields(finding: Finding) -> int:
    """How many fields of the source a met rule hangs on."""
    fields = {(item.record_key, name) for item in decisive(finding) for name in item.missing if name != "RFXSTDTC"}
    doses = {item.usubjid for item in decisive(finding) if "RFXSTDTC" in item.missing}
    return len(fields) + len(doses | {item.usubjid for item in finding.evidence if item.facts.get("order_decides")})


def decisive(finding: Finding) -> tuple[Evidence, ...]:
    """Counted evidence that a met rule hangs on: up to the look that crosses, with a missing fact."""
    counted = [item for item in finding.counted() if item.missing]
    return tuple(item for item in counted if item.facts.get("crossing")) or tuple(counted)


def record_names(items: Iterable[Evidence]) -> list[str]:
    """Evidence by subject and record as the source numbers it: `P-014 AE 12`."""
    return [f"{safe(item.usubjid)} {safe(item.domain or 'AE')} {safe(record_number(item))}".strip() for item in items]


def record_number(item: Evidence) -> str:
    """The record's own number: its key without the subject, which is said beside it."""
    key = item.record_key
    return key[len(item.usubjid) :].lstrip(":|/ \x1f-") if item.usubjid and key.startswith(item.usubjid) else key


def when_crossed(content: AlertContent, setting: Setting) -> list[str]:
    """`crossed on study day 31`, or the date where the study shows dates; `entered 2 days after onset`."""
    finding = content.crossing or content.finding
    if content.rule.kind == "manual":
        return []
    said = []
    day = finding.details.get("crossed_study_day")
    if not setting.study_days and finding.first_crossed_on:
        said.append(f"crossed {_date(finding.first_crossed_on)}")
    elif day is not None and content.rule.kind != "event":
        said.append(f"crossed on study day {safe(day)}")
    delay = entry_delay(finding)
    if delay is not None:
        said.append(f"entered {count(delay, 'day')} after onset" if delay else "entered on the day of onset")
    return said


def entry_delay(finding: Finding) -> int | None:
    """Whole days from the onset that crossed to its becoming known; None where either is unknown."""
    told = finding.details.get("entry_delay_days")
    if isinstance(told, int):
        return max(0, told)
    if finding.first_crossed_on is None or finding.known_at is None:
        return None
    return max(0, (finding.known_at.date() - finding.first_crossed_on).days)


def _date(day: date) -> str:
    return f"{day.day} {day:%b}"
