"""From rules and a snapshot to findings. Pure, and never silent: a rule that cannot be judged says so."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rules.derive import Facts
from rules.errors import RulesError
from rules.model import Finding, Rule, Snapshot, State
from rules.transition import recorded, transition

__all__ = ["evaluate", "next_due", "recorded", "transition", "with_vanished"]

STUDY = "study"
"""Scope of a finding about a rule as a whole."""


def evaluate(rules: Iterable[Rule], snapshot: Snapshot) -> tuple[Finding, ...]:
    """Judge every rule on one snapshot.

    Parameters
    ----------
    rules: as configured; a retired one is passed over.
    snapshot: records as known at a batch.

    Returns
    -------
    Findings in order of the rules, each rule's by scope. A rule that lacks a domain or a column, or that fails,
    gives one NOT_EVALUABLE finding of scope "study" whose `reason` names what to mend; the others go on. A rule of kind
    `event` without any finding was judged and nothing qualified.
    """
    facts = Facts(snapshot)
    found: list[Finding] = []
    for rule in rules:
        if getattr(rule, "retired", None) is None:
            found += _judge(rule, facts)
    return tuple(found)


def _judge(rule: Rule, facts: Facts) -> Sequence[Finding]:
    try:
        lacking = facts.lacks(_needed(rule))
        if lacking:
            return [_not_evaluable(rule, f"the records have no {', no '.join(lacking)}")]
        return sorted(rule.evaluate(facts), key=lambda finding: finding.scope)
    except RulesError as error:
        return [_not_evaluable(rule, str(error))]
    except Exception as error:  # noqa: BLE001 - recorded as a finding: one broken rule must not silence the others
        return [_not_evaluable(rule, f"the rule failed: {type(error).__name__} at {_where(error)}")]


def _needed(rule: Rule) -> Mapping[str, tuple[str, ...]]:
    """What a rule needs as it is written (`needed()`), else what its kind needs."""
    needed = getattr(rule, "needed", None)
    return needed() if callable(needed) else rule.requires


def _where(error: Exception) -> str:
    """Place of an unforeseen failure, without its message, which may quote a record."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.name}, line {last.lineno}"


def _not_evaluable(rule: Rule, reason: str) -> Finding:
    return Finding(rule=rule.id, scope=STUDY, state=State.NOT_EVALUABLE, reason=reason)


def next_due(findings: Iterable[Finding], after: datetime) -> datetime | None:
    """The first moment at which a finding says that it must be judged again without new records; None = none does.

    A rule that waits for a time names the next such moment in `details["next_due"]` (ISO 8601, aware). What it says
    may change then and at no moment between.

    Parameters
    ----------
    after: the moment of this judgement (aware UTC); moments up to it are past.
    """
    named = (datetime.fromisoformat(f.details["next_due"]) for f in findings if f.details.get("next_due"))
    return min((moment for moment in named if moment > after), default=None)


def with_vanished(findings: Sequence[Finding], scopes: Iterable[tuple[str, str]]) -> tuple[Finding, ...]:
    """The findings, and one WITHIN finding for each scope that had something to say before and has nothing now.

    A deleted event, or a term that is no longer coded so, leaves no row to find; its alert must hear of it.

    Parameters
    ----------
    findings: of `evaluate`.
    scopes: (rule id, scope) of open alerts. Where the rule is NOT_EVALUABLE now, each of its scopes gets that finding:
        what cannot be judged is not "no longer met". Rules that gave no finding because they are retired or removed
        must not be passed.

    Returns
    -------
    The findings first, then the additions by rule and scope. `details["vanished"]` is true on a WITHIN addition.
    """
    have = {(f.rule, f.scope) for f in findings}
    broken = {f.rule: f for f in findings if f.state is State.NOT_EVALUABLE and f.scope == STUDY}
    missing = sorted(set(scopes) - have)
    return (*findings, *(_vanished(rule, scope, broken.get(rule)) for rule, scope in missing))


def _vanished(rule: str, scope: str, broken: Finding | None) -> Finding:
    if broken is not None:
        return Finding(rule=rule, scope=scope, state=State.NOT_EVALUABLE, reason=broken.reason)
    details: Mapping[str, Any] = {"vanished": True}
    return Finding(rule=rule, scope=scope, state=State.WITHIN, details=details)
