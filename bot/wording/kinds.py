"""What only one kind of rule says: person-time, the signs of a composite, a concern that a person raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.wording.phrases import STATE
from bot.wording.text import count, listed, mention, safe
from rules.model import Finding, State

KEPT = "What the person wrote is kept in the study's database and is not shown here."

SUBJECTS_SHOWN = 5
"""Subjects of a composite whose signs are said in the alert; the rest is counted, and in "Why?"."""


def exposure_count(finding: Finding) -> str:
    """`4 events in 312 days at risk`."""
    return f"{count(finding.events, 'event')} in {days_at_risk(finding.details.get('exposure_days'))}"


def exposure_stop(finding: Finding) -> str:
    """`; event 3 came at 150 days at risk, and the rule stops there up to 193`, or which event would stop now."""
    at, up_to, following = (finding.details.get(n) for n in ("exposure_at_crossing", "stops_up_to", "next"))
    if at is not None:
        return f"; event {finding.stop_at} came at {days_at_risk(at)}, and the rule stops there up to {_days(up_to)}"
    if isinstance(following, Mapping):
        return f"; event {following['event']} would stop now, up to {days_at_risk(following['up_to'])}"
    return ""


def exposure_followed(finding: Finding) -> str:
    """What the rule would say if follow-up that is not recorded yet had taken place; "" where it says the same."""
    told = finding.details.get("if_followed")
    if not isinstance(told, Mapping) or told.get("state") == finding.state.value:
        return ""
    said = (
        f"{STATE[State(told['state'])]}, {count(int(told['events']), 'event')} in {_days(told['exposure_days'])} days"
    )
    return f"Follow-up that is not recorded counts as none. If everybody was followed to today: {said}."


def exposure_mark(finding: Finding) -> str:
    """What the false alarm of this rule is not; "" where it counts first events only."""
    mark = finding.details.get("mark")
    return f"{safe(mark)}: events of one subject hang together." if mark else ""


def exposure_design(finding: Finding, definition: Mapping[str, Any]) -> list[str]:
    """The design behind an exposure rule as stored: its false alarm and its first steps."""
    design, boundary = definition.get("design") or {}, definition["exposure_boundary"]
    rate, alarm = (f"{float(v) * 100:.3g} %" for v in (design.get("null_rate", 0), boundary["attained_alpha"]))
    steps = [f"event {int(event)} up to {_days(up_to)}" for event, up_to in boundary["table"]]
    shown = f"{'; '.join(steps[:8])}{f' (showing 8 of {len(steps)})' if len(steps) > 8 else ''}"
    return [
        f"Design {safe(design.get('method', ''))}, null rate {rate}; {alarm}: {safe(boundary.get('words', ''))}.",
        f"Stops at {shown} days at risk of all subjects together.",
        exposure_followed(finding),
    ]


def signs_of(finding: Finding) -> str:
    """`P-003: wheeze and hives; P-007: vomiting.`"""
    by_subject: dict[str, list[str]] = {}
    for item in finding.counted():
        if item.facts.get("sign"):
            by_subject.setdefault(safe(item.usubjid), []).append(safe(item.facts["sign"]))
    said = [f"{who}: {listed(signs)}" for who, signs in list(by_subject.items())[:SUBJECTS_SHOWN]]
    more = f" (showing {SUBJECTS_SHOWN} of {len(by_subject)})" if len(by_subject) > SUBJECTS_SHOWN else ""
    return f"{'; '.join(said)}{more}." if said else ""


def concern(finding: Finding) -> str:
    """`<@U1> raised a concern about subject P-003: Urticaria`."""
    counted = finding.counted()
    if not counted:
        return "No concern stands"
    facts = counted[0].facts
    about = f"subject {safe(counted[0].usubjid)}" if counted[0].usubjid else "the study as a whole"
    term = f": {safe(facts['AEDECOD'])}" if facts.get("AEDECOD") else ""
    return f"{mention(str(facts.get('raised_by', '')))} raised a concern about {about}{term}"


def days_at_risk(days: Any) -> str:
    """`312 days at risk`; a number that is not known is said so."""
    return f"{_days(days)} days at risk"


def _days(days: Any) -> str:
    return f"{float(days):,.0f}" if isinstance(days, int | float) else "an unknown number of"
