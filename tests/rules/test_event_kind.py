"""Kind `event`: one finding per qualifying event, with what a person needs to look at it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from rules.model import Standing, State, Urgency
from tests.rules.tables import judge, only, rule, snapshot

DM = "USUBJID | SITEID | RFXSTDTC | RFXENDTC\nP1 | 701 | 2026-02-10 |\nP2 | 702 | |"
AE = """
USUBJID | AEDECOD          | AESPID | AESTDTC    | AESER | AESHOSP | AEREL       | AETOXGR | known
P1      | Hypersensitivity | 1      | 2026-03-12 | N     | Y       | RELATED     | 3       | 2026-03-14
P1      | Rash             | 2      | 2026-03-12 | N     | N       | RELATED     | 1       | 2026-03-14
P2      | Fall             | 3      | 2026-03-15 | Y     | Y       | RELATED     | 3       | 2026-03-16
P2      | Sepsis           | 4      | 2026-03-20 | Y     | Y       |             | 3       | 2026-03-21
"""


def test_related_serious_events_one_finding_each_by_event_key() -> None:
    one = rule("event", id="related-serious", events={"serious": True, "related": True}, except_={"terms": "trauma"})
    findings = judge(one, snapshot(DM=DM, AE=AE))
    assert [(f.scope, f.state) for f in findings] == [("P1:1", State.CROSSED), ("P2:4", State.PROVISIONAL)]


def test_what_is_told_of_an_event() -> None:
    finding = judge(rule("event", events={"serious": True, "grade": ">=3"}), snapshot(DM=DM, AE=AE))[0]
    assert (finding.events, finding.stop_at) == (1, 1)
    assert finding.first_crossed_on == date(2026, 3, 12)
    assert finding.known_at == datetime(2026, 3, 14, tzinfo=UTC)
    assert finding.details == {"counting": "events", "entry_delay_days": 2, "crossed_study_day": 31}
    (item,) = finding.evidence
    assert (item.usubjid, item.record_key, item.domain, item.standing) == ("P1", "P1:1", "AE", Standing.COUNTED)
    assert item.facts == {
        "AEDECOD": "Hypersensitivity",
        "grade": 3,
        "serious": True,
        "death": False,
        "related": True,
        "criteria": ["AESHOSP"],
        "contradiction": True,
        "study_day": 31,
        "onset": "2026-03-12",
        "site": "701",
        "crossing": True,
    }


def test_partial_onset_is_told_as_an_interval_without_a_study_day() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC\nP1 | Rash | 2026-03"
    facts = only(rule("event"), snapshot(DM=DM, AE=ae)).evidence[0].facts
    assert facts["onset"] == "2026-03-01/2026-03-31"
    assert "study_day" not in facts


def test_day_before_first_dose_is_day_minus_one() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC\nP1 | Rash | 2026-02-09\nP1 | Fall | 2026-02-10"
    findings = judge(rule("event"), snapshot(DM=DM, AE=ae))
    assert [f.evidence[0].facts["study_day"] for f in findings] == [-1, 1]


def test_verbatim_text_is_never_told() -> None:
    ae = "USUBJID | AEDECOD | AETERM | AESTDTC\nP1 | | secret words | 2026-03-01"
    assert "secret" not in repr(only(rule("event", events={"terms": "skin"}), snapshot(DM=DM, AE=ae)))


def test_deaths_that_only_ds_records_are_events_of_rules_on_death_or_serious() -> None:
    ds = "USUBJID | DSDECOD | DSSTDTC\nP1 | DEATH | 2026-03-01"
    empty = "USUBJID | AEDECOD | AESTDTC | AESER | AEREL\nP1 | Rash | 2026-02-12 | N | NOT RELATED"
    records = snapshot(DM=DM, AE=empty, DS=ds)
    death = only(rule("event", events={"death": True}), records)
    assert (death.scope, death.state, death.evidence[0].domain) == ("P1:death", State.CROSSED, "DS")
    related = only(rule("event", events={"serious": True, "related": True}), records)
    assert (related.state, related.evidence[0].missing) == (State.PROVISIONAL, ("AEREL",))
    assert [f.scope for f in judge(rule("event"), records)] == ["P1:1"]


def test_population_and_window() -> None:
    records = snapshot(DM=DM, AE=AE, DS="USUBJID | DSDECOD\nP2 | SCREEN FAILURE")
    assert [f.scope for f in judge(rule("event", population="treated"), records)] == ["P1:1", "P1:2"]
    assert judge(rule("event", window={"after_days": 29}, population="treated"), records) == ()
    assert len(judge(rule("event", window={"after_days": 30}, population="treated"), records)) == 2


def test_an_onset_in_the_window_only_on_some_days_is_provisional() -> None:
    ae = "USUBJID | AEDECOD | AESTDTC\nP1 | Rash | 2026-02"
    finding = only(rule("event", window={"after_days": 28}), snapshot(DM=DM, AE=ae))
    assert (finding.state, finding.evidence[0].missing) == (State.PROVISIONAL, ("AESTDTC",))


def test_nothing_qualifies_gives_no_finding() -> None:
    assert judge(rule("event", events={"death": True}), snapshot(DM=DM, AE=AE)) == ()


def test_an_event_is_critical_unless_said_otherwise() -> None:
    assert rule("event").urgency is Urgency.CRITICAL


def test_stored_form_is_the_yaml() -> None:
    stored = rule("event", events={"grade": ">= 2", "terms": "skin"}, except_={"terms": ["trauma"]}).stored()
    assert stored["events"] == {"grade": ">=2", "terms": ["skin"]}
    assert stored["except"] == {"terms": ["trauma"]}
    assert stored["kind"] == "event"
    assert rule(**stored) == rule("event", events={"grade": ">=2", "terms": ["skin"]}, except_={"terms": ["trauma"]})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"events": {"serious": True, "related": True}, "except_": {"terms": "trauma"}},
            "Each related serious adverse event, except the list trauma; in all subjects.",
        ),
        (
            {"events": {"grade": "<3", "soc": ["SKIN", "EYE"], "unexpected": True}, "population": "treated"},
            "Each unexpected adverse event of grade < 3 of the system organ class SKIN or EYE; in treated subjects.",
        ),
        (
            {"events": {"where": {"AESER": ["Y"]}}, "except_": {"related": False, "grade": "=1"}},
            "Each adverse event, AESER recorded as Y, except unrelated adverse events of grade 1; in all subjects.",
        ),
        (
            {"events": {"grade": "=4", "treatment_emergent": False, "lesion_role": "control"}},
            "Each adverse event of grade 4, not treatment-emergent, at a control lesion; in all subjects.",
        ),
    ],
)  # fmt: skip
def test_described_as_a_protocol_would(keys: dict[str, Any], said: str) -> None:
    assert rule("event", **keys).describe() == said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"evnts": {}}, "evnts"),
        ({"events": {"garde": ">=2"}}, "garde"),
        ({"events": {"grade": ">=6"}}, "is not a comparison with a grade"),
        ({"events": {"grade": "severe"}}, "is not a comparison with a grade"),
        ({"events": {"related": "yes"}}, "related"),
        ({"except_": {}}, "would except every event"),
        ({"action": "stop"}, "action"),
        ({"id": "a b"}, "id"),
        ({"window": {"after_days": -1}}, "after_days"),
        ({"events": {"terms": []}}, "terms"),
        ({"events": {"where": {"AESERR": "Y"}}}, "no variable that is kept of adverse events; did you mean AESER"),
        ({"events": {"where": {"ARM": "A"}}}, "no variable that is kept of adverse events"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        rule("event", **keys)


def test_rules_are_frozen() -> None:
    with pytest.raises(ValidationError):
        rule("event").id = "other"
