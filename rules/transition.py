"""Why people are spoken to: a previous alert and a new finding give a reason. Pure; no clock is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rules.model import AlertStatus, Evidence, Finding, Reason, State, Transition, finding_from_body

MET = frozenset({State.CROSSED, State.PROVISIONAL})
"""States in which a rule is met, for certain or on missing facts."""

_LAST_JUDGED = "last_judged"
_COMPARED = ("events", "at_n", "stop_at", "n_evaluable", "n_pending", "n_overdue", "reason")


def transition(status: AlertStatus | None, finding: Finding, rule_version: int) -> Transition:
    """The reason to speak; the first line that fits decides.

    ===============================  ==========================================  ========================
    alert so far                     finding now                                 reason
    ===============================  ==========================================  ========================
    none                             met                                         FIRST_CROSSING, opens
    none                             a warning passed                            REMINDER_DUE, opens
    none                             NOT_EVALUABLE                               NOT_EVALUABLE
    none                             anything else                               NONE
    resolved by a person             met by a new event, a worse one,            FIRST_CROSSING, opens
                                     confirmed, or after not being met           episode n + 1
    resolved                         anything else                               NONE
    open, of another rule version    anything                                    RULE_CHANGED
    open, evaluable                  NOT_EVALUABLE                               NOT_EVALUABLE
    open, NOT_EVALUABLE              NOT_EVALUABLE                               NONE
    open, not met                    a further warning passed                    REMINDER_DUE, broadcast
    open, warned                     warned, what it rests on changed            BASIS_CHANGED
    open, warned or met              not met, its duty done                      NO_LONGER_MET
    open, met                        not met, was CROSSED in this episode        BASIS_CHANGED
    open, warned or met              not met, never CROSSED                      NO_LONGER_MET
    open, not met                    not met                                     NONE
    open, warned, never CROSSED      met                                         WORSENED, broadcast
    open, not met                    met                                         MET_AGAIN, broadcast
    open, NOT_EVALUABLE              judged as before, when it last was          RESTORED
    open, NOT_EVALUABLE              judged otherwise                            the line that fits what it last was
    PROVISIONAL                      CROSSED                                     CONFIRMED, broadcast
    met                              a new event, and met by the latest look     MET_AGAIN, broadcast
    met                              a new event, met by an earlier look only    WORSENED
    CROSSED                          PROVISIONAL                                 BASIS_CHANGED
    met                              an event became serious or fatal, or its    WORSENED, broadcast
                                     grade rose
    met                              an event no longer counted or less grave,   BASIS_CHANGED
                                     another look, other facts missing
    met                              nothing of this changed                     NONE
    ===============================  ==========================================  ========================

    Met = CROSSED or PROVISIONAL. "Event" = a counted item of evidence, by event_key (else by subject). NOT_EVALUABLE
    without an alert opens none: the caller tells operations, once per change of the finding. What a NOT_EVALUABLE alert
    last was is kept by `recorded`; where it is not known, met gives MET_AGAIN and not met as after being met. A rule
    that runs against time counts its warnings in `details["warned"]` (0 = none), says in `details["basis"]` what it
    rests on, and in `details["done"]` that its duty was done.

    Parameters
    ----------
    status: the scope's latest alert, None where it never had one.
    finding: what the rule says now.
    rule_version: version of the rule that said it.
    """
    if status is None:
        return _without_alert(finding, 1)
    if status.resolved:
        return _after_resolution(status, finding)
    before, now = status.finding, finding
    if rule_version != status.rule_version:
        versions = {"rule_version": status.rule_version}, {"rule_version": rule_version}
        return _said(Reason.RULE_CHANGED, status, now, now.state in MET and before.state not in MET, *versions)
    if now.state is State.NOT_EVALUABLE:
        return _said(Reason.NONE if before.state is now.state else Reason.NOT_EVALUABLE, status, now)
    reason, broadcast = _judged(status, _last_judged(before), now)
    if reason is Reason.NONE and before.state is State.NOT_EVALUABLE:
        reason = Reason.RESTORED
    return _said(reason, status, now, broadcast)


def _judged(status: AlertStatus, before: Finding, now: Finding) -> tuple[Reason, bool]:
    """Reason and broadcast of an open alert that can be judged now; `before` is what it was when it last could be."""
    if now.state not in MET:
        return _not_met(status, before, now)
    if before.state not in MET:
        return (Reason.WORSENED if _warned(before) and not status.ever_crossed else Reason.MET_AGAIN), True
    return _while_met(before, now)


def _not_met(status: AlertStatus, before: Finding, now: Finding) -> tuple[Reason, bool]:
    """Reason and broadcast where the rule is not met: a duty may be warned of, or have been done."""
    if before.state not in MET and _warned(now) > _warned(before):
        return Reason.REMINDER_DUE, True
    if before.state not in MET and _warned(now) and _warned(before):
        return (Reason.NONE if _basis(before) == _basis(now) else Reason.BASIS_CHANGED), False
    if before.state not in MET and not _warned(before) and before.state is not State.NOT_EVALUABLE:
        return Reason.NONE, False
    fallen = status.ever_crossed and not now.details.get("done")
    return (Reason.BASIS_CHANGED if fallen else Reason.NO_LONGER_MET), False


def _warned(finding: Finding) -> int:
    """Warnings that have passed of a duty that is not overdue."""
    return int(finding.details.get("warned") or 0)


def _last_judged(finding: Finding) -> Finding:
    """What a NOT_EVALUABLE finding of an alert was when it last could be judged; any other is its own."""
    held = finding.details.get(_LAST_JUDGED) if finding.state is State.NOT_EVALUABLE else None
    return finding if held is None else finding_from_body(held)


def _without_alert(finding: Finding, episode: int) -> Transition:
    if finding.state in MET:
        return Transition(Reason.FIRST_CROSSING, episode, opens=True, broadcast=False, after=_told(finding))
    if finding.state is State.NOT_EVALUABLE:
        return Transition(Reason.NOT_EVALUABLE, episode, after=_told(finding))
    if _warned(finding):
        return Transition(Reason.REMINDER_DUE, episode, opens=True, after=_told(finding))
    return Transition(Reason.NONE, episode)


def _after_resolution(status: AlertStatus, finding: Finding) -> Transition:
    """A resolved episode stays closed on the facts that people resolved it on; the rule re-arms at the next event."""
    before = _last_judged(status.finding)
    spoke = before.state in MET or bool(_warned(before))
    rearmed = not spoke or _new_events(before, finding) or _graver(before, finding)
    confirmed = before.state is State.PROVISIONAL and finding.state is State.CROSSED
    if (finding.state in MET or _warned(finding)) and (rearmed or confirmed):
        return replace(_without_alert(finding, status.episode + 1), before=_told(before))
    return Transition(Reason.NONE, status.episode)


def _while_met(before: Finding, now: Finding) -> tuple[Reason, bool]:
    """Reason and broadcast where the rule was met and is met."""
    if before.state is State.PROVISIONAL and now.state is State.CROSSED:
        return Reason.CONFIRMED, True
    if _new_events(before, now):
        again = bool(now.details.get("met_now", True))
        return (Reason.MET_AGAIN if again else Reason.WORSENED), again or _graver(before, now)
    if before.state is State.CROSSED and now.state is State.PROVISIONAL:
        return Reason.BASIS_CHANGED, False
    if _graver(before, now):
        return Reason.WORSENED, True
    if _basis(before) != _basis(now):
        return Reason.BASIS_CHANGED, False
    return Reason.NONE, False


def _counted(finding: Finding) -> dict[str, Evidence]:
    return {item.event_key or item.usubjid: item for item in finding.counted()}


def _subjects(finding: Finding) -> set[str]:
    return {item.usubjid for item in finding.counted()}


def _new_events(before: Finding, now: Finding) -> bool:
    """A counted event that was not counted; where subjects are counted, one of a subject that was not."""
    if now.details.get("counting") == "subjects":
        return bool(_subjects(now) - _subjects(before)) or now.events > before.events
    return bool(_counted(now).keys() - _counted(before).keys()) or now.events > before.events


def _graver(before: Finding, now: Finding) -> bool:
    """An event that was counted became serious or fatal, or its recorded grade rose."""
    old = _counted(before)
    return any(_gravity(item) > _gravity(old[key]) for key, item in _counted(now).items() if key in old)


class _Gravity(tuple[int, ...]):
    """How grave an event is, in several respects: greater when some respect is."""

    def __gt__(self, other: object) -> bool:
        assert isinstance(other, tuple)
        return any(mine > theirs for mine, theirs in zip(self, other, strict=True))


def _gravity(item: Evidence) -> _Gravity:
    facts = item.facts
    return _Gravity((int(bool(facts.get("death"))), int(bool(facts.get("serious"))), int(facts.get("grade") or 0)))


def _basis(finding: Finding) -> Any:
    """What a crossing rests on: the state, the look, and each counted event with its gravity and its doubts."""
    items = {key: (tuple(_gravity(item)), item.missing) for key, item in _counted(finding).items()}
    return finding.state, finding.at_n, finding.stop_at, finding.events, items, finding.details.get("basis")


def _said(
    reason: Reason,
    status: AlertStatus,
    finding: Finding,
    broadcast: bool = False,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> Transition:
    if reason is Reason.NONE:
        return Transition(Reason.NONE, status.episode)
    told_before, told_after = _told(status.finding) | dict(before or {}), _told(finding) | dict(after or {})
    return Transition(reason, status.episode, broadcast=broadcast, before=told_before, after=told_after)


def _told(finding: Finding) -> dict[str, Any]:
    """JSON values that show a change in words."""
    crossed, known = finding.first_crossed_on, finding.known_at
    worst = max((int(item.facts.get("grade") or 0) for item in finding.counted()), default=0)
    return {
        "state": finding.state.value,
        **{name: getattr(finding, name) for name in _COMPARED},
        "grade": worst or None,
        "first_crossed_on": crossed.isoformat() if crossed else None,
        "known_at": known.isoformat() if known else None,
        "counted": sorted(_counted(finding)),
    }


def recorded(status: AlertStatus | None, finding: Finding) -> Finding:
    """The finding as an alert version keeps it: the first crossing of the episode stays on it, whatever comes later.

    `details["first_crossing"]` holds first_crossed_on, known_at, events, at_n and stop_at of the first CROSSED version
    of the episode. While the rule is not met, `first_crossed_on` and `known_at` are that crossing's, too. A
    NOT_EVALUABLE finding also keeps, in `details["last_judged"]`, what the alert was when it last could be judged: the
    body of that finding with the counted evidence only.

    Parameters
    ----------
    status: the alert so far; None or resolved where a new episode opens.
    finding: of `evaluate`, which is stored unchanged elsewhere.
    """
    if status is not None and finding.state is State.NOT_EVALUABLE:
        finding = _with_last_judged(finding, _last_judged(status.finding))
    held = None if status is None or status.resolved else status.finding.details.get("first_crossing")
    if held is None and status is not None and not status.resolved and status.finding.state is State.CROSSED:
        held = _crossing(status.finding)
    if held is None:
        held = _crossing(finding) if finding.state is State.CROSSED else None
    if held is None:
        return finding
    kept = replace(finding, details={**finding.details, "first_crossing": held})
    if finding.state in MET or status is None:
        return kept
    return replace(kept, first_crossed_on=status.finding.first_crossed_on, known_at=status.finding.known_at)


def _with_last_judged(finding: Finding, before: Finding) -> Finding:
    if before.state is State.NOT_EVALUABLE:
        return finding
    details = {
        name: before.details[name] for name in ("counting", "met_now", "warned", "basis") if name in before.details
    }
    held = replace(before, evidence=before.counted(), details=details)
    return replace(finding, details={**finding.details, _LAST_JUDGED: held.body()})


def _crossing(finding: Finding) -> dict[str, Any]:
    told = _told(finding)
    return {name: told[name] for name in ("first_crossed_on", "known_at", "events", "at_n", "stop_at")}
