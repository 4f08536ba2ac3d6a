"""Kind `composite`: doubt is named and provisional, another unit stops the rule, row order changes nothing.

When each form is met is in tests/docs/test_published_rules.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from rules.model import State
from tests.rules.tables import judge, only, rule, snapshot

DM = "USUBJID | RFXSTDTC\nP1 | 2026-02-01\nP2 | 2026-02-02"
AE = "USUBJID | AEDECOD | key | AESTDTC | AEENDTC | AEOUT | AEDTC\n"
RASH = {"name": "rash", "events": {"terms": "skin"}, "at_least_days": 3}
LB = "USUBJID | LBTESTCD | key | LBDTC | LBSTRESN | LBSTRESC | LBSTRESU\n"
LOW = {"name": "low", "lab": {"test": "K", "unit": "mmol/L", "below": 3}}


def composite(*signs: Any, **keys: Any) -> Any:
    return rule("composite", signs=list(signs), **keys)


def test_an_event_without_an_end_is_a_doubt_unless_its_outcome_says_that_it_was_still_there() -> None:
    open_ = only(composite(RASH), snapshot(DM=DM, AE=AE + "P1 | Rash | 1 | 2026-02-10 | | | "))
    assert (open_.state, open_.counted()[0].missing) == (State.PROVISIONAL, ("AEENDTC",))
    seen = AE + "P1 | Rash | 1 | 2026-02-10 | | NOT RECOVERED/NOT RESOLVED | 2026-02-12"
    assert only(composite(RASH), snapshot(DM=DM, AE=seen)).state is State.CROSSED
    early = seen.replace("2026-02-12", "2026-02-11")
    assert only(composite(RASH), snapshot(DM=DM, AE=early)).state is State.PROVISIONAL


def test_a_result_in_another_unit_is_never_compared() -> None:
    found = only(composite(LOW), snapshot(DM=DM, LB=LB + "P1 | K | 1 | 2026-02-10 | 2.5 | 2.5 | mg/dL"))
    assert found.state is State.NOT_EVALUABLE
    assert found.reason == "the limits of K are in mmol/L, but results are in mg/dL (LBSTRESU)"


def test_a_bound_is_read_and_a_result_without_a_number_is_a_doubt() -> None:
    bound, unread = (LB + f"P1 | K | 1 | 2026-02-10 | | {said} | mmol/L" for said in ("<2", "haemolysed"))
    assert only(composite(LOW), snapshot(DM=DM, LB=bound)).state is State.CROSSED
    doubt = only(composite(LOW), snapshot(DM=DM, LB=unread))
    assert (doubt.state, doubt.counted()[0].missing) == (State.PROVISIONAL, ("LBSTRESN",))


@pytest.mark.parametrize(
    ("said", "limit", "state"),
    [
        ("<3", {"below": 3}, State.CROSSED),
        ("<=3", {"below": 3}, State.PROVISIONAL),
        ("<=3", {"at_most": 3}, State.CROSSED),
        (">3", {"at_most": 3}, State.WITHIN),
        (">=3", {"at_most": 3}, State.PROVISIONAL),
        (">3", {"above": 3}, State.CROSSED),
        ("<3", {"at_least": 3}, State.WITHIN),
    ],
)
def test_a_bound_leaves_its_own_number_out_unless_it_says_equal(said: str, limit: dict[str, int], state: State) -> None:
    """A laboratory writes "<500" for what a protocol calls below 500: no doubt is left. Catches: "<" read as "<="."""
    sign = {"name": "k", "lab": {"test": "K", "unit": "mmol/L"} | limit}
    found = judge(composite(sign, near=0), snapshot(DM=DM, LB=LB + f"P1 | K | 1 | 2026-02-10 | | {said} | mmol/L"))
    assert [one.state for one in found] == [state]


def test_signs_far_apart_are_no_syndrome_within_days() -> None:
    records = snapshot(
        DM=DM, AE=AE + "P1 | Rash | 1 | 2026-02-10 | 2026-02-13 | | ",
        LB=LB + "P1 | K | 1 | 2026-02-18 | 2 | 2 | mmol/L",
    )  # fmt: skip
    for within, state in ((7, State.WITHIN), (8, State.CROSSED)):
        one = composite(RASH, LOW, any_of=[{"at_least": 2, "within_days": within}])
        assert only(one, records).state is state


def test_row_order_changes_nothing_and_each_subject_has_a_finding_of_its_own() -> None:
    rows = [f"{who} | Rash | {key} | 2026-02-1{key} | 2026-02-15 | | " for who in ("P1", "P2") for key in (1, 2)]
    one, other = (
        judge(composite(RASH, per="subject"), snapshot(DM=DM, AE=AE + "\n".join(r))) for r in (rows, rows[::-1])
    )
    assert [f.digest() for f in one] == [f.digest() for f in other]
    assert [f.scope for f in one] == ["P1", "P2"]
