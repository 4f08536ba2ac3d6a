"""Kind `clock`: due when, warned when, ended by what; each case can be checked with a calendar."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from rules.evaluate import evaluate, next_due
from rules.model import Standing, State
from tests.rules.clock_tables import BATCH, SAE, clock, due, known, only, utc
from tests.rules.tables import frame

MINOR = {**SAE, "AESER": "N", "AESDTH": "N"}
DAYS = {"clocks": [{"name": "Authority", "limit": "7 d"}]}
FDA = {
    "events": {"serious": True, "related": True, "unexpected": True},
    "clocks": [
        {"name": "7-day", "limit": "7 d", "criteria": ["fatal", "life_threatening"]},
        {"name": "15-day", "limit": "15 d"},
    ],
}


def test_a_day_from_awareness_by_the_minute() -> None:
    """08:10 in Chicago is 13:10 UTC; 24 hours later to the minute it is due, and not a minute before."""
    late = utc("05-15 13:10")
    assert due(only(clock(), known([SAE]))) == ["Sponsor report 2026-05-15T13:10 running"]
    assert only(clock(), known([SAE], at=late - timedelta(minutes=1))).state is State.NEAR
    overdue = only(clock(), known([SAE], at=late))
    assert (overdue.state, overdue.known_at, overdue.n_overdue) == (State.CROSSED, late, 1)


def test_warned_at_each_fraction_and_judged_again_at_exactly_these_moments() -> None:
    """Half of 24 h from 13:10 is 01:10, four fifths 08:22; a walk from moment to moment meets all and ends."""
    seen, at = [], BATCH
    for _ in range(9):
        finding = only(clock(), known([SAE], at=at))
        seen.append((at.strftime("%H:%M"), finding.state, finding.details["warned"]))
        following = next_due([finding], at)
        if following is None:
            break
        at = following
    assert seen == [
        ("15:00", State.PENDING, 0),
        ("01:10", State.NEAR, 1),
        ("08:22", State.NEAR, 2),
        ("13:10", State.CROSSED, 0),
    ]


def test_between_its_moments_a_finding_never_changes() -> None:
    """A moment that the rule did not name must not change what is stored, or a replay would differ."""
    rule = clock()
    for start, end in (("05-14 15:00", "05-15 01:09"), ("05-15 01:10", "05-15 08:21"), ("05-15 13:10", "06-30 00:00")):
        assert only(rule, known([SAE], at=utc(start))).digest() == only(rule, known([SAE], at=utc(end))).digest()


@pytest.mark.parametrize(
    ("start", "aware", "expected"),
    [
        ("awareness", "2026-05-14T08:10", "2026-05-21T13:10"),  # the same time of day, a week later
        ("day_after", "2026-05-14T08:10", "2026-05-22T05:00"),  # day 0 is the 14th; the 21st is the 7th, to its end
        ("day_after", "2026-05-14T23:59", "2026-05-22T05:00"),  # however late on day 0
        ("awareness", "2026-03-05T08:10", "2026-03-12T13:10"),  # clocks go forward on 8 March: 14:10 → 13:10 UTC
        ("awareness", "2026-10-29T08:10", "2026-11-05T14:10"),  # and back on 1 November
        ("awareness", "2028-02-25T08:10", "2028-03-03T14:10"),  # a leap day counts as a day
        ("awareness", "2027-02-25T08:10", "2027-03-04T14:10"),
        ("awareness", "2026-03-01T02:30", "2026-03-08T07:30"),  # no 02:30 on 8 March: the earlier reading
        ("awareness", "2026-10-25T01:30", "2026-11-01T06:30"),  # 01:30 exists twice on 1 November: the first
    ],
)
def test_calendar_days(start: str, aware: str, expected: str) -> None:
    finding = only(clock(**DAYS, counted_from=start), known([{**SAE, "AWAREDTC": aware}]))
    assert finding.details["due_at"][:16] == expected
    assert finding.details["end_of_day"] is (start == "day_after")


def test_hours_elapse_whatever_the_clocks_do() -> None:
    """24 h over the night of 8 March end at 09:10 on the wall, not at 08:10."""
    finding = only(clock(), known([{**SAE, "AWAREDTC": "2026-03-07T08:10"}]))
    assert finding.details["due_at"][:16] == "2026-03-08T14:10"


def test_fatal_or_life_threatening_has_seven_days_all_else_fifteen() -> None:
    hospital = {**SAE, "AESLIFE": "N"}
    fatal, threat = {**SAE, "AESDTH": "Y"}, {**SAE, "AESLIFE": "Y"}
    assert due(only(clock(**FDA), known([hospital]))) == ["15-day 2026-05-29T13:10 running"]
    for worse in (fatal, threat):
        assert due(only(clock(**FDA), known([worse]))) == [
            "7-day 2026-05-21T13:10 running",
            "15-day 2026-05-29T13:10 running",
        ]


def test_a_criterion_that_nobody_recorded_counts_as_met_until_it_is() -> None:
    """AESER = Y and nothing else may be life-threatening: seven days, named; AESLIFE = N withdraws that clock."""
    unknown = only(clock(**FDA), known([SAE]))
    assert unknown.details["clock"] == "7-day"
    assert {"AESDTH", "AESLIFE"} <= set(unknown.evidence[0].missing)
    known_now = only(clock(**FDA), known([SAE], [{**SAE, "AESLIFE": "N"}]))
    assert due(known_now) == ["7-day 2026-05-21T13:10 withdrawn", "15-day 2026-05-29T13:10 running"]
    assert known_now.evidence[0].missing == ()


def test_an_upgrade_opens_a_further_clock_from_awareness_of_the_upgrade() -> None:
    """Not serious at 10:00, serious at 11:00: no clock ran before; awareness of the upgrade as it is recorded."""
    finding = only(clock(), known([MINOR], [{**SAE, "AWAREDTC": "2026-05-14T10:40"}]))
    assert due(finding) == ["Sponsor report 2026-05-15T15:40 running"]
    assert (finding.details["clocks"][0]["ground"], finding.evidence[0].missing) == ("seriousness", ())


def test_an_upgrade_whose_awareness_is_not_recorded_counts_from_its_entry_and_says_so() -> None:
    finding = only(clock(), known([MINOR], [SAE]))  # AWAREDTC is still that of the event
    assert due(finding) == ["Sponsor report 2026-05-15T16:00 running"]
    assert finding.evidence[0].missing == ("AWAREDTC",)
    entered = only(clock(), known([MINOR], [{**SAE, "ENTRYDTC": "2026-05-14T15:30:00+00:00"}]))
    assert due(entered) == ["Sponsor report 2026-05-15T15:30 running"]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("causality", {"AEREL": "NOT RELATED"}, {"AEREL": "POSSIBLE"}),
        ("causality", {"AEREL": "NOT RELATED"}, {"AEREL": ""}),
        ("expectedness", {"EXPECTED": "Y"}, {"EXPECTED": "N"}),
    ],
)
def test_a_clock_that_runs_goes_on_and_a_second_one_opens(
    kind: str, before: dict[str, str], after: dict[str, str]
) -> None:
    finding = only(clock(), known([{**SAE, **before}], [{**SAE, **after}]))
    assert due(finding) == ["Sponsor report 2026-05-15T13:10 running", "Sponsor report 2026-05-15T16:00 running"]
    assert [one["ground"] for one in finding.details["clocks"]] == ["awareness", kind]
    assert finding.details["due_at"][:16] == "2026-05-15T13:10"  # the earliest open one is shown
    without = only(clock(upgrades=["seriousness"]), known([{**SAE, **before}], [{**SAE, **after}]))
    assert len(due(without)) == 1


def test_down_and_up_again_is_no_upgrade() -> None:
    """A sponsor may not downgrade: what was related once stays so, and its return opens nothing."""
    finding = only(clock(), known([SAE], [{**SAE, "AEREL": "NOT RELATED"}], [SAE]))
    assert due(finding) == ["Sponsor report 2026-05-15T13:10 running"]


@pytest.mark.parametrize(
    ("then", "record"), [([MINOR], "downgraded"), ([], "deleted"), ([{**SAE, "AESPID": "2"}], "deleted")]
)
def test_a_downgrade_or_a_deletion_ends_no_clock(then: list[dict[str, str]], record: str) -> None:
    findings = {f.scope: f for f in evaluate([clock()], known([SAE], then, at=utc("05-15 13:10")))}
    assert (findings["P1:1"].state, findings["P1:1"].details["record"]) == (State.CROSSED, record)
    assert findings["P1:1"].evidence[0].record_key == "P1:1"


@pytest.mark.parametrize("later", ["2026-05-14T09:30", "2026-05-20T08:10", ""])
def test_a_later_awareness_moves_nothing_later(later: str) -> None:
    finding = only(clock(), known([SAE], [{**SAE, "AWAREDTC": later}]))
    assert due(finding) == ["Sponsor report 2026-05-15T13:10 running"]


def test_an_earlier_awareness_moves_it_earlier() -> None:
    finding = only(clock(), known([SAE], [{**SAE, "AWAREDTC": "2026-05-14T07:00"}]))
    assert due(finding) == ["Sponsor report 2026-05-15T12:00 running"]


def test_unknown_awareness_is_the_earlier_of_entry_and_reading_and_an_overdue_one_is_provisional() -> None:
    blind = {**SAE, "AWAREDTC": ""}
    late = utc("05-15 15:00")
    read = only(clock(), known([blind], at=late))
    assert (due(read), read.state) == (["Sponsor report 2026-05-15T15:00 overdue"], State.PROVISIONAL)
    assert read.evidence[0].missing == ("AWAREDTC",)
    entered = {**blind, "ENTRYDTC": "2026-05-14T14:00:00+00:00"}
    assert due(only(clock(), known([entered]))) == ["Sponsor report 2026-05-15T14:00 running"]
    recorded = only(clock(), known([blind], [{**blind, "AWAREDTC": "2026-05-14T09:00"}], at=late))
    assert (due(recorded), recorded.state) == (["Sponsor report 2026-05-15T14:00 overdue"], State.CROSSED)


def test_awareness_of_a_day_counts_from_its_start_and_is_certain_from_its_end() -> None:
    day = {**SAE, "AWAREDTC": "2026-05-14"}
    early, late = utc("05-15 05:00"), utc("05-16 05:00")
    assert only(clock(), known([day], at=early)).state is State.PROVISIONAL
    assert only(clock(), known([day], at=late)).state is State.CROSSED
    assert next_due([only(clock(), known([day], at=early))], early) == late


def test_missing_causality_runs_as_related_and_is_withdrawn_when_it_is_not() -> None:
    rule = clock(events={"serious": True, "related": True})
    doubt, late = {**SAE, "AEREL": ""}, utc("05-15 13:10")
    assert only(rule, known([doubt], at=late)).state is State.PROVISIONAL
    assert only(rule, known([doubt], [SAE], at=late)).state is State.CROSSED
    withdrawn = only(rule, known([doubt], [{**SAE, "AEREL": "NOT RELATED"}], at=late))
    assert (withdrawn.state, due(withdrawn)) == (State.WITHIN, ["Sponsor report 2026-05-15T13:10 withdrawn"])


@pytest.mark.parametrize(
    ("submitted", "late"),
    [("2026-05-14T12:00", False), ("2026-05-14", False), ("2026-05-15", False), ("2026-05-15T08:11", True)],
)
def test_a_recorded_submission_ends_it_and_lateness_is_said_where_it_is_certain(submitted: str, late: bool) -> None:
    read_later = {"every": timedelta(days=2), "at": utc("05-17 00:00")}
    finding = only(clock(), known([SAE], [{**SAE, "SUBMDTC": submitted}], **read_later))
    assert (finding.state, finding.details["clocks"][0]["late"]) == (State.WITHIN, late)
    assert (finding.evidence[0].standing, finding.details["done"]) == (Standing.REPORTED, True)
    assert "next_due" not in finding.details


@pytest.mark.parametrize("submitted", ["2026-05-13", "2026-08-01", "2026-05", "soon"])
def test_what_cannot_be_the_report_ends_nothing(submitted: str) -> None:
    """Before anybody knew, months ahead, no day, no date."""
    finding = only(clock(), known([{**SAE, "SUBMDTC": submitted}]))
    expected = State.WITHIN if submitted == "2026-05" else State.PENDING
    assert finding.state is expected


def test_a_report_of_before_the_upgrade_does_not_answer_it() -> None:
    sent = {**SAE, "AEREL": "NOT RELATED", "SUBMDTC": "2026-05-14T09:00"}
    upgraded = {**sent, "AEREL": "RELATED"}
    finding = only(clock(), known([sent], [upgraded]))
    assert [one.rpartition(" ")[2] for one in due(finding)] == ["submitted", "running"]
    again = only(clock(), known([sent], [upgraded], [{**upgraded, "SUBMDTC": "2026-05-14T11:30"}]))
    assert again.details["clocks"][1]["stands"] == "submitted"


def test_a_submission_that_is_taken_back_reopens_and_a_deletion_does_not() -> None:
    sent = {**SAE, "SUBMDTC": "2026-05-14T09:00"}
    assert only(clock(), known([sent], [SAE])).state is State.PENDING
    assert only(clock(), known([sent], [])).state is State.WITHIN


def test_states_of_one_event_are_one_event() -> None:
    """A second record of the event brings the seriousness: awareness is that record's own."""
    serious = {**SAE, "key": "1b", "AWAREDTC": "2026-05-14T10:00"}
    first = {**MINOR, "key": "1a"}
    for batches in ([[first, serious]], [[first], [first, serious]]):
        finding = only(clock(), known(*batches))
        assert due(finding) == ["Sponsor report 2026-05-15T15:00 running"]


def test_a_death_that_only_dm_records_starts_a_clock() -> None:
    snapshot = known([MINOR])
    dm = frame("DM", "USUBJID | DTHFL\nP1 | Y", entered="2026-05-14T15:00")
    findings = evaluate([clock(events={"death": True})], replace(snapshot, frames={**snapshot.frames, "DM": dm}))
    assert [(f.scope, f.details["due_at"][:16]) for f in findings] == [("P1:death", "2026-05-15T15:00")]


def test_without_the_column_that_records_the_report_nobody_is_left_unwatched_in_silence() -> None:
    snapshot = known([SAE])
    frames = {"AE": snapshot.frames["AE"].drop(columns="SUBMDTC")}
    finding = only(clock(), replace(snapshot, frames=frames))
    assert (finding.state, finding.reason) == (State.NOT_EVALUABLE, "the records have no AE.SUBMDTC")
    assert only(clock(submission="none"), replace(snapshot, frames=frames)).state is State.PENDING


def test_the_order_of_rows_means_nothing() -> None:
    snapshot = known([MINOR, {**SAE, "AESPID": "2"}], [SAE, {**SAE, "AESPID": "2", "AEREL": "NOT RELATED"}])
    turned = {name: frame.iloc[::-1].reset_index(drop=True) for name, frame in snapshot.frames.items()}
    old = {name: frame.iloc[::-1].reset_index(drop=True) for name, frame in snapshot.earlier.items()}
    assert evaluate([clock()], snapshot) == evaluate([clock()], replace(snapshot, frames=turned, earlier=old))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"clocks": [{"name": "A", "limit": "soon"}]}, "'soon' is no time limit"),
        ({"clocks": []}, "at least 1 item"),
        ({"clocks": [{"name": "A", "limit": "0 h"}]}, "greater than or equal to 1"),
        ({"clocks": [{"name": "A", "limit": "1 h"}, {"name": "A", "limit": "2 h"}]}, "two clocks have one name"),
        ({"warn_at": [0.8, 0.5]}, "in rising order"),
        ({"warn_at": [1.5]}, "between 0 and 1"),
        ({"clocks": [{"name": "A", "limit": "1 h", "events": {"serious": False}}]}, "serious is said by the rule's"),
        ({"upgrades": ["grade"]}, "Input should be 'seriousness'"),
    ],
)
def test_a_clock_that_cannot_work_is_refused(keys: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        clock(**keys)


def test_it_describes_itself_as_a_protocol_would() -> None:
    assert clock(**FDA, counted_from="day_after", upgrades=[]).describe() == (
        "Each unexpected related serious adverse event. 7-day (fatal or life threatening): 7 d from the day after "
        "awareness; 15-day: 15 d from the day after awareness."
    )


def test_stored_it_can_be_built_again() -> None:
    rule = clock(**FDA, counted_from="day_after", warn_at=[0.25])
    assert type(rule).model_validate_json(json.dumps(rule.stored())) == rule
