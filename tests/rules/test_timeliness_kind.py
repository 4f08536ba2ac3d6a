"""Kind `timeliness`: what is late, at which site, and how much of it must be; small tables, days counted by hand."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rules.evaluate import evaluate
from rules.kinds.timeliness import TimelinessRule
from rules.model import Finding, Snapshot, State
from rules.registry import Registry
from tests.rules.tables import CODES, PLAN, snapshot

REGISTRY = Registry({"timeliness": TimelinessRule})
DM = """
USUBJID | SITEID | RFXSTDTC
P1      | 701    | 2026-03-01
P2      | 701    | 2026-03-01
P3      | 702    | 2026-05-20
P4      | 702    | 2026-03-01
"""
AE = """
USUBJID | AEDECOD | AESPID | AESTDTC    | AESER | AEENDTC    | AEOUT | FORMSTAT   | known
P1      | Rash    | 1      | 2026-05-01 | Y     |            |       | COMPLETE   | 2026-05-08
P1      | Fall    | 2      | 2026-05-01 | Y     |            |       | INCOMPLETE | 2026-05-09
P2      | Rash    | 3      | 2026-05    | N     | 2026-05-20 |       |            | 2026-05-20
P3      | Sepsis  | 4      | 2026-05-25 | Y     |            | FATAL | COMPLETE   | 2026-05-26
"""


def timely(**keys: Any) -> TimelinessRule:
    rule = REGISTRY.build({"id": "t", "kind": "timeliness", "action": "notify", **keys}, CODES, PLAN)
    assert isinstance(rule, TimelinessRule)
    return rule


def judge(rule: TimelinessRule, records: Snapshot) -> tuple[Finding, ...]:
    return evaluate([rule], records)


def told(finding: Finding) -> tuple[str, State, int, int, list[str]]:
    late = [item.event_key or item.usubjid for item in finding.evidence]
    return finding.scope, finding.state, finding.events, finding.n_evaluable, late


def test_entry_lag_by_site_counts_days_from_onset_to_entry() -> None:
    """Seven days are in time, eight are late; "May" may be nineteen days late and hangs on its day."""
    found = judge(timely(measure="entry_lag", days=7, per="site"), snapshot(DM=DM, AE=AE))
    assert [told(f) for f in found] == [("701", State.CROSSED, 2, 3, ["P1:2", "P2:3"])]
    assert [(e.facts["late_days"], e.missing) for e in found[0].evidence] == [(8, ()), (19, ("AESTDTC",))]


@pytest.mark.parametrize(
    ("keys", "state"),
    [
        ({"at_least": 1}, State.CROSSED),
        ({"at_least": 2}, State.PROVISIONAL),  # the second hangs on the day in May
        ({"at_least": 3}, State.WITHIN),
        ({"share": 0.25}, State.CROSSED),  # 1 of 4 for certain
        ({"share": 0.26}, State.PROVISIONAL),  # 2 of 4
        ({"share": 0.51}, State.WITHIN),
        ({"of_at_least": 4}, State.CROSSED),
        ({"of_at_least": 5}, State.PENDING),  # four events say nothing yet
    ],
)
def test_number_share_and_fewest_judged(keys: dict[str, Any], state: State) -> None:
    (finding,) = judge(timely(measure="entry_lag", days=7, **keys), snapshot(DM=DM, AE=AE))
    assert (finding.scope, finding.state) == ("study", state)


def test_a_serious_event_without_a_completed_form() -> None:
    """Entered 9 May, judged 1 June: 23 days; a form that is complete is done, however late."""
    rule = timely(measure="unfinished_form", events={"serious": True}, days=14)
    (finding,) = judge(rule, snapshot(DM=DM, AE=AE))
    assert told(finding) == ("study", State.CROSSED, 1, 3, ["P1:2"])
    assert finding.evidence[0].facts["late_days"] == 23
    (later,) = judge(timely(measure="unfinished_form", events={"serious": True}, days=23), snapshot(DM=DM, AE=AE))
    assert later.state is State.WITHIN


def test_an_ongoing_serious_event_that_nobody_follows_up() -> None:
    """P1 was last seen on 10 May; P3's event ended in death; a visit makes the silence shorter."""
    rule = timely(measure="silent_event", events={"serious": True}, days=14)
    visit = "USUBJID | SVSTDTC\nP1 | {}"
    (silent,) = judge(rule, snapshot(DM=DM, AE=AE, SV=visit.format("2026-05-10")))
    assert told(silent) == ("study", State.CROSSED, 2, 2, ["P1:1", "P1:2"])
    assert [item.facts["late_days"] for item in silent.evidence] == [22, 22]
    (seen,) = judge(rule, snapshot(DM=DM, AE=AE, SV=visit.format("2026-05-18")))
    assert seen.state is State.WITHIN


def test_follow_up_that_is_overdue() -> None:
    """Day 28 after 1 March is 29 March. P1 was seen after it, P2 not, P3 is still in follow-up, P4 left before."""
    records = snapshot(
        DM=DM,
        AE=AE,
        SV="USUBJID | SVSTDTC\nP1 | 2026-03-29\nP2 | 2026-03-20",
        DS="USUBJID | DSDECOD | DSSTDTC\nP4 | WITHDRAWAL BY SUBJECT | 2026-03-10",
    )
    rule = timely(measure="overdue_followup", window={"after_days": 28}, days=0, per="site")
    assert [told(f) for f in judge(rule, records)] == [("701", State.CROSSED, 1, 2, ["P2"])]
    (study,) = judge(timely(measure="overdue_followup", window={"after_days": 28}, days=64, at_least=1), records)
    assert study.state is State.WITHIN  # 29 March to 1 June are 64 days


def test_what_it_needs_is_named_where_it_is_missing() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC\nP1 | Rash | 2026-05-01"
    (finding,) = judge(timely(measure="unfinished_form", days=1), snapshot(DM=DM, AE=ae))
    assert (finding.state, finding.reason) == (State.NOT_EVALUABLE, "the records have no AE.FORMSTAT")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"measure": "entry_lag", "days": 5, "window": {"after_days": 3}}, "window belongs to measure"),
        ({"measure": "overdue_followup", "days": 5}, "window belongs to measure"),
        ({"measure": "entry_lag", "days": 5, "share": 1.5}, "less than or equal to 1"),
        ({"measure": "entry", "days": 5}, "Input should be 'entry_lag'"),
        ({"measure": "entry_lag"}, "Field required"),
    ],
)
def test_what_cannot_work_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        timely(**keys)


def test_it_describes_itself_and_can_be_built_again() -> None:
    rule = timely(
        measure="entry_lag", events={"serious": True}, days=5, at_least=3, share=0.2, of_at_least=5, per="site"
    )
    assert rule.describe() == (
        "3 or more serious adverse events entered more than 5 days after onset at one site, and at least 20% of those "
        "judged, once 5 are judged."
    )
    assert REGISTRY.rebuild(rule.stored(), CODES, PLAN) == rule
