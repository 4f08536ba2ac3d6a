"""Findings are stored only when they change, rules only when they are amended, and history slows nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select

from rules.model import Finding, State
from storage import audit, findings, heads
from storage.database import Database
from storage.schema import evaluation, finding_head
from storage.schema import finding as finding_table
from tests.storage.make import NOW, STUDY, finding, minutes


def _evaluate(database: Database, found: list[Finding], **values) -> tuple[Finding, ...]:  # type: ignore[no-untyped-def]
    settings_ = {"rule_versions": {"tolerability": 1, "serious": 1}, "batch_no": 1, "data_cutoff": NOW, "at": NOW}
    with database.writing(STUDY) as conn:
        stored = findings.store_evaluation(
            conn, heads.lock_head(conn, STUDY), findings=found, code_version="1.0", **{**settings_, **values}
        )
    return stored.changed


def _count(database: Database, table) -> int:  # type: ignore[no-untyped-def]
    with database.reading() as conn:
        return conn.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_unchanged_finding_is_not_stored_again_but_the_evaluation_is(database: Database) -> None:
    first = [finding(), finding("serious", "P-014/E3")]
    assert list(_evaluate(database, first)) == first
    assert _evaluate(database, first) == ()
    second = [finding(events=5), first[1]]
    assert list(_evaluate(database, second)) == [second[0]]
    assert _evaluate(database, list(reversed(second))) == ()
    assert (_count(database, finding_table), _count(database, evaluation)) == (3, 4)


def test_a_finding_that_returns_to_an_earlier_value_is_a_change(database: Database) -> None:
    for events in (4, 5, 4):
        assert len(_evaluate(database, [finding(events=events)])) == 1
    assert _count(database, finding_table) == 3


def test_the_last_finding_of_each_scope_is_read_back_whole(database: Database) -> None:
    crossed = finding(first_crossed_on=NOW.date(), known_at=NOW, stop_at=4, at_n=7, details={"looks": [1, 2]})
    _evaluate(database, [finding(events=1), finding("serious", "x")])
    _evaluate(database, [crossed, finding("serious", "x")])
    with database.reading() as conn:
        assert findings.last_findings(conn, STUDY) == {
            ("tolerability", "study"): crossed, ("serious", "x"): finding("serious", "x"),
        }  # fmt: skip
        assert findings.last_findings(conn, STUDY, rule_id="serious").keys() == {("serious", "x")}
        assert findings.last_findings(conn, STUDY, keys=[("tolerability", "study"), ("none", "x")]).keys() == {
            ("tolerability", "study")
        }


def test_an_evaluation_says_what_was_judged_by_what(database: Database) -> None:
    _evaluate(database, [finding(), finding(scope="site-2", state=State.WITHIN)], rule_versions={"tolerability": 3})
    with database.reading() as conn:
        row = conn.execute(select(evaluation)).one()
        entry = [line for line in audit.export(conn, STUDY) if '"kind":"evaluation"' in line]
    assert row.rule_versions == {"tolerability": 3}
    assert row.states == {"tolerability": {"CROSSED": 1, "WITHIN": 1}}
    assert row.findings_digest in entry[0]


def test_a_rule_that_found_nothing_is_still_on_record(database: Database) -> None:
    _evaluate(database, [])
    with database.reading() as conn:
        assert conn.execute(select(evaluation.c.states)).scalar_one() == {"tolerability": {}, "serious": {}}


def test_the_digest_of_an_evaluation_does_not_depend_on_order(database: Database) -> None:
    both = [finding(), finding("serious", "x")]
    _evaluate(database, both)
    _evaluate(database, both[::-1])
    with database.reading() as conn:
        digests = conn.execute(select(evaluation.c.findings_digest)).scalars().all()
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("found", "says"),
    [([finding(), finding(events=9)], "two findings"), ([finding("unknown")], "no registered version")],
)
def test_a_rule_that_contradicts_itself_is_refused_whole(database: Database, found: list[Finding], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _evaluate(database, found)
    assert _count(database, evaluation) == 0


def _register(database: Database, fingerprint: str, at=NOW) -> int:  # type: ignore[no-untyped-def]
    with database.writing(STUDY) as conn:
        head = heads.lock_head(conn, STUDY)
        version, _ = findings.register_rule(
            conn, head, "tolerability", fingerprint=fingerprint, body={"stop_at": [None, fingerprint]}, now=at
        )
    return version


def test_an_amended_rule_is_a_new_version_also_when_it_is_changed_back(database: Database) -> None:
    assert [_register(database, mark, minutes(n)) for n, mark in enumerate("aabba")] == [1, 1, 2, 2, 3]
    with database.reading() as conn:
        assert findings.rules_with_history(conn, STUDY) == {"tolerability"}
        assert findings.rules_with_history(conn, "OTHER") == frozenset()
        last = findings.last_rule_versions(conn, STUDY)["tolerability"]
        second = findings.read_rule_version(conn, STUDY, "tolerability", 2)
        assert findings.read_rule_version(conn, STUDY, "tolerability", 4) is None
        audited = sum('"kind":"rule_version"' in line for line in audit.export(conn, STUDY))
    assert (last.version, last.fingerprint, last.valid_from) == (3, "a", minutes(4))
    assert second is not None
    assert (second.body, second.valid_from) == ({"stop_at": [None, "b"]}, minutes(2))
    assert audited == 3


def test_last_digests_stay_fast_however_long_the_history(database: Database) -> None:
    """5,000 scopes, then 30 polls with ten changes each: the thousandth costs what the first did."""
    scopes = [finding("serious", f"P-{number:04}/E1", details={"n": 0}) for number in range(5000)]
    _evaluate(database, scopes)
    first = _best_of_three(database)
    for poll in range(1, 31):
        scopes[:10] = [finding("serious", item.scope, details={"n": poll}) for item in scopes[:10]]
        assert len(_evaluate(database, scopes[:10])) == 10
    last = _best_of_three(database)
    assert last < 0.1, f"{last:.3f} s for 5,000 scopes"
    assert last < 3 * first + 0.02


def _best_of_three(database: Database) -> float:
    taken = []
    for _ in range(3):
        with database.reading() as conn:
            began = time.perf_counter()
            assert len(findings.last_digests(conn, STUDY)) == 5000
            taken.append(time.perf_counter() - began)
    return min(taken)


def test_any_history_leaves_a_cache_that_can_be_made_anew(database: Database) -> None:
    """Random evaluations: the cache equals both a plain model and a rebuild from the append-only tables."""

    class Machine(RuleBasedStateMachine):
        conn = None

        def __init__(self) -> None:
            super().__init__()
            self.context = database.writing(STUDY)
            self.conn = self.context.__enter__()
            self.head = heads.lock_head(self.conn, STUDY)
            self.model: dict[tuple[str, str], str] = {}
            self.stored = 0

        @rule(values=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), max_size=4))
        def evaluate(self, values: dict[str, int]) -> None:
            found = [finding(scope=scope, events=events) for scope, events in values.items()]
            expected = [item for item in found if self.model.get((item.rule, item.scope)) != item.digest()]
            result = findings.store_evaluation(
                self.conn, self.head, findings=found, rule_versions={"tolerability": 1}, batch_no=0,
                data_cutoff=NOW, at=NOW, code_version="1",
            )  # fmt: skip
            assert list(result.changed) == expected
            self.head, self.stored = result.head, self.stored + len(expected)
            self.model |= {(item.rule, item.scope): item.digest() for item in found}

        @rule()
        def rebuild(self) -> None:
            before = self.conn.execute(select(finding_head).order_by(finding_head.c.scope)).all()
            assert findings.rebuild_heads(self.conn, STUDY) == len(before)
            assert self.conn.execute(select(finding_head).order_by(finding_head.c.scope)).all() == before

        @invariant()
        def agrees(self) -> None:
            assert findings.last_digests(self.conn, STUDY) == self.model
            count = select(func.count()).select_from(finding_table)
            assert self.conn.execute(count).scalar_one() == self.stored

        def teardown(self) -> None:
            self.conn.rollback()
            self.context.__exit__(None, None, None)

    Machine.TestCase.settings = settings(max_examples=12, stateful_step_count=10, deadline=None)
    Machine.TestCase().runTest()
