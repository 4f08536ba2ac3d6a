"""Kind `count`: distinct subjects or events, per scope, certain or not."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from rules.kinds import evidence
from rules.model import Standing, State
from tests.rules.tables import judge, only, rule, snapshot

DM = """
USUBJID | SITEID | RFXSTDTC
P1      | 701    | 2026-02-01
P2      | 701    | 2026-02-05
P3      | 702    | 2026-02-10
P4      | 702    |
"""
AE = """
USUBJID | AEDECOD | AESPID | AESTDTC    | AEREL       | AETOXGR | known
P1      | Rash    | 1      | 2026-02-10 | RELATED     | 3       | 2026-02-20
P1      | Fall    | 2      | 2026-02-12 | RELATED     | 3       | 2026-02-21
P2      | Rash    | 1      | 2026-03-01 | RELATED     | 3       | 2026-03-02
P2      | Rash    | 1      | 2026-03-05 | RELATED     | 4       | 2026-03-06
P3      | Fall    | 1      | 2026-03-03 | NOT RELATED | 3       | 2026-03-04
P4      | Rash    | 1      | 2026-03-04 | RELATED     | 3       | 2026-03-05
"""
DS = "USUBJID | DSDECOD | DSSTDTC\nP4 | SCREEN FAILURE | 2026-02-12"
RECORDS = {"DM": DM, "AE": AE, "DS": DS}


@pytest.mark.parametrize("per", ["term", "soc"])
def test_a_term_in_other_letters_is_the_same_term(per: str) -> None:
    """Two sites code "Rash" and " RASH": one scope, named as it was first known, in any order of rows. Catches: two
    subjects with the same event who each stand alone, so that a rule on two of them never acts."""
    head, *rows = ("USUBJID | AEDECOD | AEBODSYS | AESTDTC | known", *(
        f"{who} | {term} | {term} | 2026-02-20 | {known}"
        for who, term, known in (("P2", "RASH", "2026-03-05"), ("P1", "Rash", "2026-03-04"))
    ))  # fmt: skip
    for order in (rows, rows[::-1]):
        found = only(
            rule("count", events={}, at_least=2, per=per, near=0), snapshot(DM=DM, AE="\n".join([head, *order]))
        )
        assert (found.scope, found.state, found.events) == ("Rash", State.CROSSED, 2)


def test_two_subjects_with_the_same_term() -> None:
    """Archetype 6: two participants with the same related event of grade 3. P1's fall and P3's are not both related."""
    one = rule("count", events={"related": True, "grade": ">=3"}, at_least=2, per="term", near=0)
    finding = only(one, snapshot(**RECORDS))
    assert (finding.scope, finding.state, finding.events, finding.stop_at) == ("Rash", State.CROSSED, 2, 2)
    assert [(e.usubjid, e.event_key) for e in finding.counted()] == [("P1", "P1:1"), ("P2", "P2:1")]


def test_crossing_date_is_the_onset_that_completed_the_count_known_when_entered() -> None:
    finding = only(rule("count", events={"related": True}, at_least=2), snapshot(**RECORDS))
    assert finding.first_crossed_on == date(2026, 3, 1)
    assert finding.known_at == datetime(2026, 3, 2, tzinfo=UTC)
    assert finding.details["entry_delay_days"] == 1
    assert finding.details["crossed_study_day"] == 25


def test_subjects_count_once_events_by_event_key() -> None:
    subjects = only(rule("count", events={"grade": ">=3"}, at_least=9), snapshot(**RECORDS))
    events = only(rule("count", events={"grade": ">=3"}, at_least=9, count="events"), snapshot(**RECORDS))
    assert (subjects.events, events.events) == (3, 4)
    assert subjects.details["counting"] == "subjects"
    assert subjects.details["population_n"] == 3


@pytest.mark.parametrize(
    ("per", "count", "scopes"),
    [
        ("site", "subjects", {"701": 2}),
        ("subject", "events", {"P1": 2}),
        ("term", "subjects", {"Rash": 2, "Fall": 2}),
        ("study", "subjects", {"study": 3}),
    ],
)
def test_scopes(per: str, count: str, scopes: dict[str, int]) -> None:
    findings = judge(rule("count", at_least=2, per=per, count=count, near=0), snapshot(**RECORDS))
    assert {f.scope: f.events for f in findings} == scopes


def test_who_does_not_count_is_shown_with_the_reason() -> None:
    one = rule("count", events={"grade": ">=3"}, except_={"terms": "trauma"}, at_least=5, window={"after_days": 20})
    finding = only(one, snapshot(**RECORDS))
    assert {(e.event_key, e.standing) for e in finding.evidence} == {
        ("P1:1", Standing.COUNTED),
        ("P1:2", Standing.EXCEPTED),
        ("P2:1", Standing.OUTSIDE_WINDOW),
        ("P3:1", Standing.EXCEPTED),
        ("P4:1", Standing.NOT_DOSED),
    }


def test_first_dosed_subjects_only() -> None:
    finding = only(rule("count", events={"terms": "skin"}, at_least=1, first=1), snapshot(**RECORDS))
    assert (finding.events, finding.n_evaluable) == (1, 1)
    assert [e.usubjid for e in finding.evidence if e.standing is Standing.NOT_MATCHED] == ["P2"]


@pytest.mark.parametrize("more", [{}, {"first": 1}])
def test_an_event_before_any_dosing_record_counts_as_a_doubt(more: dict[str, int]) -> None:
    """Doses are entered late: only a screen failure is known not to have been dosed."""
    one = rule("count", events={"terms": "skin"}, at_least=2 if more else 3, **more)
    finding = only(one, snapshot(DM=DM, AE=AE))
    assert finding.state is State.PROVISIONAL
    assert {e.usubjid: e.missing for e in finding.counted()}["P4"] == ("RFXSTDTC",)
    assert only(one, snapshot(**RECORDS)).state is State.NEAR
    assert finding.details["population_n"] == 3
    event = rule("event", events={"terms": "skin"}, population="treated")
    assert {f.evidence[0].usubjid: f.state for f in judge(event, snapshot(DM=DM, AE=AE))}["P4"] is State.PROVISIONAL
    assert "P4" not in {f.evidence[0].usubjid for f in judge(event, snapshot(**RECORDS))}


def test_an_event_without_a_subject_is_of_an_unknown_subject_and_counts_as_a_doubt() -> None:
    ae = AE + " | Rash | 7 | 2026-03-04 | RELATED | 3 | 2026-03-05\n"
    records = snapshot(DM=DM, AE=ae, DS=DS)
    found = {f.scope: f for f in judge(rule("count", at_least=1, per="subject"), records)}
    assert set(found) == {"P1", "P2", "P3", "unknown"}
    assert (found["unknown"].state, found["unknown"].counted()[0].missing) == (State.PROVISIONAL, ("USUBJID",))
    assert {f.scope for f in judge(rule("count", at_least=1, per="site"), records)} == {"701", "702", "unknown"}


def test_population_all_counts_the_undosed_too() -> None:
    assert only(rule("count", at_least=9, population="all"), snapshot(**RECORDS)).events == 4


@pytest.mark.parametrize(
    ("at_least", "near", "state"),
    [
        (1, 1, State.CROSSED),
        (3, 1, State.CROSSED),
        (4, 1, State.NEAR),
        (4, 0, State.WITHIN),
        (5, 1, State.WITHIN),
        (5, 2, State.NEAR),
    ],
)
def test_states_by_distance(at_least: int, near: int, state: State) -> None:
    assert only(rule("count", at_least=at_least, near=near), snapshot(**RECORDS)).state is state


def test_nothing_at_all_is_within_and_not_near() -> None:
    assert only(rule("count", events={"grade": "=1"}, at_least=1), snapshot(**RECORDS)).state is State.WITHIN


def test_nobody_dosed_is_too_early_in_words() -> None:
    finding = only(rule("count", at_least=1), snapshot(DM="USUBJID | RFXSTDTC\nP1 |", AE=AE.splitlines()[1]))
    assert (finding.state, finding.reason) == (State.PENDING, "no subject has been dosed yet")


def test_a_count_that_needs_a_missing_fact_is_provisional_until_others_suffice() -> None:
    extra = "P3 | Rash | 5 | 2026-03-03 | | 3 | 2026-03-04\n"
    one = rule("count", events={"related": True}, at_least=3)
    finding = only(one, snapshot(DM=DM, AE=AE + extra, DS=DS))
    assert (finding.state, finding.events, finding.details["certain"]) == (State.PROVISIONAL, 3, 2)
    assert [e.missing for e in finding.counted()] == [(), (), ("AEREL",)]
    enough = rule("count", events={"related": True}, at_least=2)
    assert only(enough, snapshot(DM=DM, AE=AE + extra, DS=DS)).state is State.CROSSED


def test_a_subject_counts_by_a_certain_event_before_a_doubtful_one() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC | AEREL\nP1 | Rash | 2026-02-02 |\nP1 | Rash | 2026-02-20 | RELATED"
    finding = only(rule("count", events={"related": True}, at_least=1), snapshot(DM=DM, AE=ae))
    assert finding.state is State.CROSSED
    assert [e.record_key for e in finding.counted()] == ["P1:2"]


def test_uncoded_events_have_their_own_scope_and_are_doubtful() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC\nP1 | | 2026-02-02\nP2 | | 2026-02-20"
    finding = only(rule("count", at_least=2, per="term"), snapshot(DM=DM, AE=ae))
    assert (finding.scope, finding.state) == ("uncoded", State.PROVISIONAL)
    assert finding.counted()[0].missing == ("AEDECOD",)


def test_window_standings() -> None:
    sv = "USUBJID | SVSTDTC\nP1 | 2026-03-01\nP2 | 2026-03-05"
    one = rule("count", events={"terms": "trauma"}, at_least=9, window={"after_days": 28})
    finding = only(one, snapshot(SV=sv, **RECORDS))
    assert (finding.events, finding.n_evaluable, finding.n_pending, finding.n_overdue) == (2, 2, 0, 0)
    none = rule("count", events={"grade": "=1"}, at_least=9, window={"after_days": 28})
    assert only(none, snapshot(SV=sv, **RECORDS)).n_overdue == 1
    early = snapshot(SV=sv, cutoff=datetime(2026, 3, 10, tzinfo=UTC), **RECORDS)
    assert only(none, early).n_pending == 1


def test_long_evidence_is_cut_and_says_so_but_what_counts_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "LIMIT", 0)
    finding = only(rule("count", at_least=1), snapshot(**RECORDS))
    assert [e.standing for e in finding.evidence] == [Standing.COUNTED] * 3
    assert (finding.details["evidence_total"], finding.events) == (4, 3)
    monkeypatch.setattr(evidence, "LIMIT", 1)
    assert "evidence_total" not in only(rule("count", at_least=1), snapshot(**RECORDS)).details


def test_described_as_a_protocol_would() -> None:
    said = rule("count", at_least=2, per="term", events={"grade": ">=3"}, first=6, window={"after_days": 7}).describe()
    assert said == (
        "2 or more treated subjects with an adverse event of grade ≥ 3, within 7 days of first dose, all with "
        "the same coded term, among the first 6 dosed."
    )
    events = rule("count", at_least=3, per="site", count="events", population="all", events={"death": True})
    assert events.describe() == "3 or more fatal adverse events, at one site; in all subjects."


def test_laboratory_population_needs_laboratory_records() -> None:
    finding = only(rule("count", at_least=1, population="assessed"), snapshot(**RECORDS))
    assert (finding.state, finding.reason) == (State.NOT_EVALUABLE, "the records have no LB")
