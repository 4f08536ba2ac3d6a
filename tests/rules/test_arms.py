"""Rules by arm: each arm judged by itself, an unrecorded arm in doubt, nothing at all on a blinded snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from rules.kinds.arms import NOT_READABLE
from rules.model import Finding, Snapshot, State
from tests.rules.tables import judge, only, rule, snapshot

TABLE = {"method": "table", "null_rate": 0.2, "looks": [2, 3, 4], "stop_at": [2, 2, 3]}
DOSES = {f"P{i}": f"2026-03-0{i}" for i in range(1, 9)}
ARMS = {f"P{i}": "STS" if i % 2 else "ZNO" for i in range(1, 9)}


def records(events: list[str], arms: Mapping[str, str] | None, doses: Mapping[str, str] = DOSES) -> Snapshot:
    dm = "USUBJID | SITEID | RFXSTDTC\n" + "\n".join(f"{who} | 701 | {day}" for who, day in doses.items())
    rows = "\n".join(f"{who} | Rash | 2026-03-1{i} | RELATED" for i, who in enumerate(events))
    visits = "USUBJID | SVSTDTC\n" + "\n".join(f"{who} | 2026-05-01" for who in doses)
    return snapshot(DM=dm, AE="USUBJID | AEDECOD | AESTDTC | AEREL\n" + rows, SV=visits, arms=arms)


def by_arm(**keys: Any) -> Any:
    given = {"events": {"related": True}, "window": {"after_days": 28}, "design": TABLE, "beyond_max_n": "refuse"}
    return rule("boundary", **(given | {"per": "arm", "audience": "closed"} | keys))


def scopes(findings: tuple[Finding, ...]) -> dict[str, State]:
    return {finding.scope: finding.state for finding in findings}


def test_each_arm_is_judged_in_its_own_order_of_first_dose() -> None:
    """P1 and P3 are the first two of their arm, though the first and third of the study."""
    found = judge(by_arm(), records(["P1", "P3"], ARMS))
    assert scopes(found) == {"arm:STS": State.CROSSED, "arm:ZNO": State.WITHIN}
    sts, zno = found
    assert [(e.usubjid, e.facts["position"]) for e in sts.counted()] == [("P1", 1), ("P3", 2)]
    assert (sts.at_n, sts.events, sts.n_evaluable, sts.details["n_dosed"]) == (2, 2, 4, 4)
    assert {e.usubjid for e in zno.evidence} == {"P2", "P4", "P6", "P8"}
    pooled = only(
        rule("boundary", events={"related": True}, window={"after_days": 28}, design=TABLE), records([], ARMS)
    )
    assert pooled.scope == "study"


def test_a_blinded_snapshot_is_not_evaluable_and_says_why() -> None:
    for one in (by_arm(), rule("count", events={"related": True}, at_least=2, per="arm", audience="closed")):
        finding = only(one, records(["P1", "P3"], None))
        assert (finding.scope, finding.state, finding.reason) == ("study", State.NOT_EVALUABLE, NOT_READABLE)


def test_a_subject_without_an_arm_counts_in_each_with_a_doubt_and_names_it() -> None:
    """P3's arm is not recorded: with it STS has two of two."""
    arms = {who: arm for who, arm in ARMS.items() if who != "P3"}
    more = {"method": "table", "null_rate": 0.2, "looks": [2, 3, 4, 5, 6], "stop_at": [2, 2, 2, 2, 2]}
    sts, zno = judge(by_arm(design=more), records(["P1", "P3"], arms))
    assert (sts.state, zno.state) == (State.PROVISIONAL, State.NEAR)
    _, beyond = judge(by_arm(), records(["P1", "P3"], arms))
    assert beyond.state is State.BEYOND_DESIGN  # with P3 the other arm may hold five, and the table ends at four
    assert [(item["usubjid"], item["missing"]) for item in sts.details["hangs_on"]] == [("P3", ["ACTARMCD"])]


def test_a_subject_without_an_arm_and_without_an_event_may_have_stood_between() -> None:
    """P2 is dosed between P1 and P3 and may be of their arm, which then has two of three, and three reaches it too."""
    looks = {"method": "table", "null_rate": 0.2, "looks": [2], "stop_at": [2]}
    arms = {who: arm for who, arm in ARMS.items() if who != "P2"}
    sts, _ = judge(by_arm(design=looks), records(["P1", "P3"], arms))
    assert sts.state is State.PROVISIONAL
    assert sts.details["without_arm"] == ["P2"]
    assert [(item["usubjid"], item["missing"]) for item in sts.details["hangs_on"]] == [("P2", ["ACTARMCD"])]
    assert sts.n_evaluable == 4
    certain, _ = judge(by_arm(), records(["P1", "P3"], arms))
    assert certain.state is State.CROSSED


def test_nobody_has_an_arm_yet() -> None:
    finding = only(by_arm(), records([], {}))
    assert (finding.scope, finding.state) == ("study", State.PENDING)


def test_a_count_by_arm() -> None:
    two = rule("count", events={"related": True}, at_least=2, per="arm", audience="closed")
    assert scopes(judge(two, records(["P1", "P3", "P2"], ARMS))) == {"arm:STS": State.CROSSED, "arm:ZNO": State.NEAR}
    sts, zno = judge(two, records(["P1", "P3"], {w: a for w, a in ARMS.items() if w != "P3"}))
    assert (sts.state, sts.events, sts.details["certain"], sts.n_evaluable) == (State.PROVISIONAL, 2, 1, 3)
    assert (zno.state, zno.events) == (State.NEAR, 1)


@pytest.mark.parametrize("audience", ["open", "pharmacy", "ops"])
@pytest.mark.parametrize("kind", ["boundary", "count"])
def test_only_the_closed_audience_hears_of_arms(kind: str, audience: str) -> None:
    keys: dict[str, Any] = {"window": {"after_days": 28}, "design": TABLE} if kind == "boundary" else {"at_least": 2}
    with pytest.raises(ValidationError, match="per: arm needs audience: closed"):
        rule(kind, per="arm", audience=audience, **keys)


def test_the_first_so_many_and_arms_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="leave one of the two out"):
        rule("count", at_least=2, per="arm", audience="closed", first=6)


def test_described_by_arm() -> None:
    assert by_arm().describe().startswith("In each arm by itself, subjects with a related adverse event")
    two = rule("count", events={"related": True}, at_least=2, per="arm", audience="closed")
    assert two.describe() == "2 or more treated subjects with a related adverse event, in one arm."
