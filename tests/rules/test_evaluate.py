"""Evaluation is never silent and never depends on order."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from rules.derive import Facts
from rules.errors import RuleError, UnknownKindError
from rules.evaluate import evaluate, with_vanished
from rules.kinds.event import EventRule
from rules.model import Action, Audience, Finding, Rule, State, Urgency, finding_from_body
from rules.registry import Registry
from tests.rules.tables import CODES, KINDS, PLAN, REGISTRY, rule, snapshot

DM = "USUBJID | RFXSTDTC\nP1 | 2026-02-10\nP2 | 2026-02-12"
AE = "USUBJID | AEDECOD | AESTDTC | AESER\nP2 | Rash | 2026-02-20 | Y\nP1 | Fall | 2026-02-21 | Y"


def broken(error: Exception, **keys: Any) -> Rule:
    def fail(facts: Facts) -> Sequence[Finding]:
        raise error

    given = {
        "kind": "x", "id": "broken", "title": "", "action": Action.NOTIFY, "audience": Audience.OPEN, "requires": {},
        "urgency": Urgency.ROUTINE, "evaluate": fail, "describe": str, "stored": dict,
    }  # fmt: skip
    return SimpleNamespace(**(given | keys))  # type: ignore[return-value]


def test_a_rule_that_fails_says_so_and_the_others_go_on() -> None:
    findings = evaluate([broken(ZeroDivisionError("P-014 has a rash")), rule("event")], snapshot(DM=DM, AE=AE))
    assert [(f.rule, f.state) for f in findings] == [
        ("broken", State.NOT_EVALUABLE), ("r", State.CROSSED), ("r", State.CROSSED),
    ]  # fmt: skip
    assert findings[0].reason.startswith("the rule failed: ZeroDivisionError at fail, line ")
    assert "rash" not in findings[0].reason


def test_an_error_on_purpose_keeps_its_own_words() -> None:
    (finding,) = evaluate([broken(RuleError("no such list"))], snapshot())
    assert (finding.scope, finding.reason) == ("study", "no such list")


@pytest.mark.parametrize(
    ("domains", "reason"),
    [
        ({"DM": DM}, "the records have no AE"),
        ({"AE": AE}, "the records have no first doses (DM.RFXSTDTC or EX.EXSTDTC)"),
        ({"AE": "USUBJID | AEDECOD\nP1 | Rash", "DM": DM}, "the records have no AE.AESTDTC"),
    ],
)
def test_missing_domains_and_columns_are_named(domains: dict[str, str], reason: str) -> None:
    one = rule("event", events={"treatment_emergent": True})
    (finding,) = evaluate([one], snapshot(**domains))
    assert (finding.state, finding.reason) == (State.NOT_EVALUABLE, reason)


def test_an_empty_file_is_not_a_missing_one() -> None:
    assert evaluate([rule("event", events={"related": True})], snapshot(DM=DM, AE="USUBJID | AEDECOD | AESTDTC")) == ()


def test_what_a_plug_in_requires_is_asked_for() -> None:
    (finding,) = evaluate([broken(KeyError(), requires={"LB": ("LBTESTCD",)})], snapshot(AE=AE))
    assert finding.reason == "the records have no LB"


def test_findings_come_in_order_of_rules_then_scopes() -> None:
    rules = [rule("event", id="z"), rule("event", id="a")]
    assert [(f.rule, f.scope) for f in evaluate(rules, snapshot(DM=DM, AE=AE))] == [
        ("z", "P1:2"), ("z", "P2:1"), ("a", "P1:2"), ("a", "P2:1"),
    ]  # fmt: skip


def test_retired_rules_are_passed_over() -> None:
    one = rule("event", retired={"on": "2026-01-01", "reason": "amendment 2"})
    assert evaluate([one], snapshot(DM=DM, AE=AE)) == ()


def test_vanished_scopes_are_heard_of() -> None:
    findings = evaluate([rule("event", id="a")], snapshot(DM=DM, AE=AE))
    full = with_vanished(findings, [("a", "P1:2"), ("a", "P9:9")])
    assert full[:2] == findings
    assert (full[2].scope, full[2].state, full[2].details) == ("P9:9", State.WITHIN, {"vanished": True})
    assert len(full) == 3


def test_what_cannot_be_judged_has_not_vanished() -> None:
    findings = evaluate([rule("event", id="a")], snapshot(DM=DM))
    (whole, scope) = with_vanished(findings, [("a", "P1:2")])
    assert (whole.scope, scope.scope) == ("study", "P1:2")
    assert scope.state is State.NOT_EVALUABLE
    assert scope.reason == "the records have no AE"


def test_findings_survive_storage() -> None:
    for finding in evaluate([rule("event"), rule("count", at_least=1)], snapshot(DM=DM, AE=AE)):
        assert finding_from_body(finding.body()).digest() == finding.digest()


def test_permuted_or_absent_arms_change_no_blinded_rule() -> None:
    rules = [rule("event"), rule("count", at_least=1, per="site")]
    judged = [
        [f.digest() for f in evaluate(rules, snapshot(DM=DM, AE=AE, arms=arms))]
        for arms in (None, {"P1": "A", "P2": "B"}, {"P1": "B", "P2": "A"})
    ]
    assert judged[0] == judged[1] == judged[2]


def test_registry_names_what_it_knows() -> None:
    with pytest.raises(UnknownKindError, match="called 'boundry'; known kinds: boundary, composite"):
        REGISTRY.build({"kind": "boundry"}, CODES, PLAN)
    with pytest.raises(RuleError, match="has no kind"):
        REGISTRY.build({"id": "a"}, CODES, PLAN)


def test_registry_refuses_what_is_no_rule() -> None:
    with pytest.raises(RuleError, match="must be a pydantic model"):
        Registry({"x": dict})


def test_registry_lets_a_kind_check_itself_against_the_study() -> None:
    class Checked(EventRule):
        def check(self, derivation: object, plan: Any) -> None:
            raise RuleError(f"not in a study of {plan.planned_n}")

    with pytest.raises(RuleError, match="not in a study of 20"):
        Registry({"event": Checked}).build({"kind": "event", "id": "a", "action": "notify"}, CODES, PLAN)


def test_schema_describes_every_key_of_every_kind() -> None:
    schema = REGISTRY.schema()
    assert [s["properties"]["kind"]["const"] for s in schema["oneOf"]] == sorted(KINDS)
    for block in [*schema["oneOf"], *schema["$defs"].values()]:
        for name, key in block.get("properties", {}).items():
            assert key.get("description"), f"{block.get('title')}.{name} is not described"


def test_rules_fit_the_protocol() -> None:
    for one in (rule("event"), rule("count", at_least=1)):
        assert isinstance(one, Rule)
