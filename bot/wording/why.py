"""The answer to "Why?": the rule, who is counted, who is not and why, from stored facts alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.contents.prognosis import prognosis
from bot.views import ClosedView, OpenView, WhyContent
from bot.wording import outlook
from bot.wording.figures import CRITERIA, described, entry_delay, record_number, undecided
from bot.wording.kinds import exposure_design
from bot.wording.phrases import ARMS_INVENTED, MARK_SENTENCE, STATE, variable
from bot.wording.said import Said
from bot.wording.text import SENTENCE, count, listed, mention, safe
from bot.wording.times import moment
from rules.model import Audience, Evidence, Finding, Standing, State

SHOWN = 40
"""Evidence lines shown of each group; the rest is counted."""

NOT_SHOWN = (Standing.NOT_MATCHED,)
"""Standings that are only counted: an event that has nothing to do with the rule explains nothing."""


def why(view: OpenView | ClosedView) -> Said:
    """Why an alert says what it says. Raises TypeError for another kind of content.

    The evidence is that of the alert's latest version; the crossing that stays recorded is told beside it.
    """
    content = view.content
    if not isinstance(content, WhyContent):
        raise TypeError(f"no explanation but {type(content).__name__}")
    alert = content.alert
    now = f"*{described(alert)}: {STATE[alert.finding.state]}.*"
    if alert.rule.kind == "boundary":
        now += f" {undecided(alert.finding)}"
    first = described(alert, alert.crossing) if alert.crossing else ""
    crossed = f"First crossing, still recorded: {first}." if first and first != described(alert) else ""
    reason = safe(alert.finding.reason, SENTENCE)
    stands = prognosis(content.definition, alert.finding)
    where = outlook.standing(stands) if stands else []
    lines = [*_rule(content), now, reason, crossed, *where, *_evidence(alert.finding.evidence)]
    return Said(
        text=f"Why? {safe(alert.rule.id)}",
        head="Why this alert?",
        lines=tuple(filter(None, lines)),
        meta=_stored(content, view),
    )


def _rule(content: WhyContent) -> list[str]:
    rule = content.alert.rule
    sentence = safe(rule.sentence or rule.title, SENTENCE)
    design = _design(content.alert.finding, content.definition)
    return [f"*Rule {safe(rule.id)}, version {rule.version}*", sentence, *design]


def _design(finding: Finding, definition: Mapping[str, Any]) -> list[str]:
    if "exposure_boundary" in definition:
        return exposure_design(finding, definition)
    design, boundary = definition.get("design"), definition.get("boundary")
    if not isinstance(design, Mapping) or not isinstance(boundary, Mapping):
        return []
    rate, alarm = _percent(design.get("null_rate")), _percent(boundary.get("attained_alpha"))
    honest = "if outcomes are recorded once and correctly"
    return [
        f"Design {safe(design.get('method', ''))}, null rate {rate}; false alarm {alarm} by design, {honest}.",
        f"Stops at {stopping_points(boundary.get('table') or ())}.",
        _next_look(finding.details.get("next")),
        _other_readings(finding.details),
    ]


def stopping_points(table: Sequence[Sequence[int | None]]) -> str:
    """A boundary's runs [first look, last look, count] in words: `2 of 2–3, 3 of 4–6`; no count, no words."""
    runs = [(first, last, stop) for first, last, stop in table if stop is not None]
    said = [f"{stop} of {first}–{last}" if last != first else f"{stop} of {first}" for first, last, stop in runs]
    return listed(said, limit=30) if said else "no count"


def _next_look(following: Any) -> str:
    if not isinstance(following, Mapping) or following.get("stop_at") is None:
        return ""
    return f"At the next look, {following['look']} subjects, it stops at {following['stop_at']}."


def _other_readings(details: Mapping[str, Any]) -> str:
    """The result if doubtful or missing facts were decided either way."""
    said = []
    resolved, left = details.get("if_resolved"), details.get("if_left_counted")
    if isinstance(resolved, Mapping):
        said.append(f"If the missing facts turn out favourable: {_reading(resolved['against'])}; if not: ")
        said[-1] += f"{_reading(resolved['for'])}."
    if isinstance(left, Mapping):
        said.append(f"With subjects who left counted as no event: {_reading(left['as_no_event'])}; as event: ")
        said[-1] += f"{_reading(left['as_event'])}."
    return " ".join(said)


def _reading(reading: Mapping[str, Any]) -> str:
    at = f" at {reading['at_n']}" if reading.get("at_n") else ""
    return f"{STATE[State(reading['state'])]}, {count(int(reading.get('events') or 0), 'event')}{at}"


def _percent(rate: Any) -> str:
    return f"{rate * 100:.3g} %" if isinstance(rate, int | float) else "not stated"


def _evidence(evidence: Sequence[Evidence]) -> list[str]:
    counted = [item for item in evidence if item.standing is Standing.COUNTED]
    said = [f"*Counted: {len(counted)}*", *_shown(counted)]
    for standing in Standing:
        items = [item for item in evidence if item.standing is standing]
        if standing is Standing.COUNTED or not items:
            continue
        said.append(f"*Not counted, {standing.value}: {len(items)}*")
        said += _shown(items) if standing not in NOT_SHOWN else []
    return said


def _shown(items: Sequence[Evidence]) -> list[str]:
    more = [f"Showing {SHOWN} of {len(items):,}."] if len(items) > SHOWN else []
    return [f"• {_item(item)}" for item in items[:SHOWN]] + more


def _item(item: Evidence) -> str:
    facts = item.facts
    where = f"no. {facts['position']}" if facts.get("position") else ""
    record = f"{safe(item.domain)} {safe(record_number(item))}" if item.record_key else ""
    missing = [f"{variable(name).name} missing, taken as {variable(name).taken_as}" for name in item.missing]
    return ", ".join(filter(None, [f"{safe(item.usubjid)}", where, record, *_facts(facts), *missing]))


def _facts(facts: Mapping[str, Any]) -> Iterable[str]:
    if facts.get("sign"):
        yield safe(facts["sign"])
    if facts.get("AEDECOD"):
        yield safe(facts["AEDECOD"])
    if facts.get("raised_by"):
        yield f"raised by {mention(str(facts['raised_by']))}"
    if facts.get("grade") not in (None, ""):
        yield f"grade {safe(facts['grade'])}"
    if facts.get("serious"):
        criteria = facts.get("criteria") or ()
        named = [CRITERIA.get(c, safe(c)) for c in ([criteria] if isinstance(criteria, str) else criteria)]
        yield f"serious ({listed(named)})" if named else "serious"
    if "related" in facts:
        yield "related" if facts["related"] else "not related"
    if facts.get("study_day") not in (None, ""):
        yield f"study day {safe(facts['study_day'])}"


def _revisions(revised: Mapping[str, int], content: WhyContent) -> Iterable[str]:
    """`P-014 AE 12 (3)`: which counted record was revised, and how many revisions of it are stored."""
    for item in content.alert.finding.counted():
        if item.record_key in revised:
            yield f"{safe(item.usubjid)} {safe(item.domain)} {safe(record_number(item))} ({revised[item.record_key]})"


def _stored(content: WhyContent, view: OpenView | ClosedView) -> tuple[str, ...]:
    alert, zone = content.alert, view.setting.timezone
    delay = entry_delay(alert.crossing or alert.finding)
    known = (alert.crossing or alert.finding).known_at
    revised = {key: n for key, n in content.revisions.items() if n > 1}
    said = [
        f"Data as of {moment(alert.data_as_of, zone)}, batch {content.batch_no:,}.",
        f"Knowable from the records since {moment(known, zone)}." if known else "",
        f"Entered {count(delay, 'day')} after onset." if delay is not None else "",
        f"Counted records with more than one revision: {listed(_revisions(revised, content))}."
        if revised
        else "No counted record was revised.",
        f"Alert version {alert.version}, episode {alert.episode}. DSMBot {safe(content.code_version)}.",
        MARK_SENTENCE[view.setting.mode],
    ]
    if view.audience is Audience.CLOSED and MARK_SENTENCE[view.setting.mode]:
        said.append(ARMS_INVENTED)
    return tuple(filter(None, said))
