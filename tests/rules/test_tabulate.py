"""Tables of a report: small ones that can be checked by hand, the real CDISC pilot, and the same numbers as rules.

Population and filter stand beside each figure; those of the pilot are published (any AE row 225 of the treated, skin
class 105, serious by any criterion 23, deaths 3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rules.derive import Facts
from rules.evaluate import evaluate
from rules.model import Audience
from rules.tabulate import tabulate
from rules.tabulated.events import OVERVIEW
from rules.tabulated.words import Measure, SiteRow, Tables
from tests.rules.tables import CODES, PLAN, REGISTRY, snapshot
from tests.rules.test_pilot import pilot

DM = """
USUBJID | SITEID | RFSTDTC | RFXSTDTC | SEX | AGE
S1 | 01 | 2026-04-01 | 2026-04-01 | F | 44
S2 | 01 | 2026-04-02 | 2026-04-02 | M | 71
S3 | 02 | 2026-04-10 | 2026-04-10 | F | 93
S4 | 02 |            |            | F | 50
S5 | 02 | 2026-05-30 |            | M |
"""
AE = """
USUBJID | AESPID | AEDECOD | AEBODSYS | AESTDTC | AESEV | AESER | AEREL | AEOUT
S1 | E1 | Rash     | Skin   | 2026-04-05 | MILD     | N | RELATED     | RECOVERED
S1 | E1 | Rash     | Skin   | 2026-04-09 | SEVERE   | N | RELATED     | RECOVERED
S1 | E2 | Rash     | Skin   | 2026-04-20 | MILD     | N | NOT RELATED | RECOVERED
S2 | E1 | Headache | Nerves | 2026-03-20 | MILD     | N | NOT RELATED | RECOVERED
S2 | E2 | Fall     | Injury | 2026-04-12 |          | Y |             | RECOVERED
S3 | E1 | RASH     | Skin   | 2026-04     | MODERATE | N | POSSIBLE   | RECOVERED
S4 | E1 | Nausea   | Gut    | 2026-04-03 | MILD     | N | NOT RELATED | RECOVERED
S5 | E1 | Rash     | Skin   | 2026-05-31 | MILD     | N | RELATED     | RECOVERED
"""
DS = """
USUBJID | DSDECOD | DSSTDTC
S1 | RANDOMIZED | 2026-04-01
S2 | RANDOMIZED | 2026-04-02
S3 | RANDOMIZED | 2026-04-10
S4 | SCREEN FAILURE | 2026-04-03
S5 | RANDOMIZED | 2026-05-30
S2 | WITHDRAWAL BY SUBJECT | 2026-04-22
S3 | DEATH | 2026-05-10
"""
EX = """
USUBJID | EXSTDTC | EXENDTC
S1 | 2026-04-01 | 2026-04-30
S2 | 2026-04-02 | 2026-04-15
S3 | 2026-04-10 | 2026-05-09
"""


def by_hand(**domains: str) -> Tables:
    return tabulate(Facts(snapshot(**{"DM": DM, "AE": AE, "DS": DS, "EX": EX, **domains})), ["skin", "nobody knows"])


def test_who_is_where() -> None:
    """S4 failed screening, S5 is randomised and not yet dosed, S2 withdrew, S3 died, S1 is on treatment."""
    tables = by_hand()
    assert tables.populations == {"all": 5, "randomised": 4, "treated": 3, "assessed": 0}
    assert tables.sites == (SiteRow("01", 2, 0, 2, 2), SiteRow("02", 3, 1, 2, 1))
    found = dict(tables.disposition)
    assert (found["died"], found["withdrew"], found["on treatment"]) == (1, 1, 1)
    assert sum(found.values()) == tables.populations["treated"]
    assert (tables.on_treatment.number, tables.on_treatment.median, tables.on_treatment.most) == (3, 30, 30)


def test_no_age_above_a_group_is_shown() -> None:
    """Would catch an exact age of 93, which identifies; S5 is not dosed and in no table of the dosed."""
    assert by_hand().demographics == (
        ("Sex", "Female", 2), ("Sex", "Male", 1),
        ("Age, years", "18 to 64", 1), ("Age, years", "65 to 84", 1), ("Age, years", "85 or older", 1),
    )  # fmt: skip


def test_terms_by_subjects_and_events() -> None:
    """Two states of S1's first rash are one event, RASH and Rash one term; S2's headache began before first dose."""
    rows = {(row.soc, row.term): row for row in by_hand().terms}
    rash = rows["Skin", "RASH"]
    assert (rash.recorded, rash.emergent) == (Measure(2, 3), Measure(2, 3, 1))
    assert rash.by_grade == (0, 0, 1, 1, 0, 0)  # S3 at grade 2, S1 at its worst, 3
    assert rows["Skin", ""].emergent == rash.emergent
    assert (rows["Nerves", "Headache"].recorded.subjects, rows["Nerves", "Headache"].emergent.subjects) == (1, 0)
    assert rows["Injury", "Fall"].by_grade == (1, 0, 0, 0, 0, 0)
    assert not {"Nausea"} & {term for _, term in rows}  # a screen failure is not treated


def test_unknown_is_counted_on_the_unsafe_side_and_said() -> None:
    """S2's fall lacks causality and grade, S3's rash has a partial onset, S3's death is in DS alone: no cause."""
    tables = by_hand()
    assert tables.overview["any"] == Measure(3, 5)
    assert tables.overview["treatment_emergent"] == Measure(3, 4, 1)
    assert tables.overview["related"] == Measure(3, 4, 2)
    assert tables.overview["severe"] == Measure(3, 3, 1)
    assert tables.overview["death"].subjects == 1
    assert tables.interest == {"skin": Measure(2, 3, 1)}
    assert tables.undosed == Measure(1, 1)  # S5 may have been dosed
    assert (tables.quality.records, tables.quality.without_causality, tables.quality.without_grade) == (8, 1, 1)


def test_listings_hold_everybody_and_coded_facts_alone() -> None:
    """Would catch a serious event of an undosed subject left out, and any date or verbatim text in a listing."""
    verbatim = "\n".join(
        f"{line} | {'AETERM' if number == 0 else 'PLANTED WORDS'}"
        for number, line in enumerate(AE.strip().splitlines())
    )
    tables = by_hand(AE=verbatim)
    assert [(item.usubjid, item.term) for item in tables.serious] == [("S2", "Fall"), ("S3", "Death")]
    assert [(item.usubjid, item.death) for item in tables.deaths] == [("S3", True)]
    assert tables.listed == len(tables.listing) == 7
    (fall,) = [item for item in tables.listing if item.term == "Fall"]
    assert (fall.related, fall.serious, fall.study_day, fall.grade) == ("not recorded", "yes", 11, 0)
    assert "PLANTED" not in repr(tables)
    assert "2026-" not in repr(replace(tables, dosed=()))  # months of first doses, which no reader is shown as dates
    assert tables.dosed
    assert all(len(month) == len("2026-04") for month, _ in tables.dosed)


def test_arms_change_no_table() -> None:
    """Would catch a table that asks for an arm."""
    blinded = snapshot(DM=DM, AE=AE, DS=DS, EX=EX)
    arms = replace(blinded, arms={"S1": "A", "S2": "B", "S3": "A"})
    assert tabulate(Facts(blinded)) == tabulate(Facts(arms))


def test_an_empty_study_has_empty_tables() -> None:
    empty = tabulate(Facts(snapshot()))
    assert empty.populations["treated"] == 0
    assert empty.absent == ("DM", "AE", "EX", "DS", "SV")
    assert (empty.terms, empty.listing, empty.person_days) == ((), (), 0)


@pytest.fixture(scope="module")
def published() -> Tables:
    return tabulate(Facts(pilot("new")))


def test_the_pilot_agrees_with_what_others_published(published: Tables) -> None:
    assert published.populations == {"all": 306, "randomised": 254, "treated": 254, "assessed": 0}
    assert sum(row.screen_failures for row in published.sites) == 52
    assert len(published.sites) == 17
    seen = published.overview
    assert (seen["any"].subjects, seen["any"].events, seen["serious"].subjects, seen["death"].subjects) == (
        225,
        883,
        23,
        3,
    )
    (skin,) = [row for row in published.terms if row.soc.startswith("SKIN") and not row.term]
    assert skin.recorded.subjects == 105
    assert sum(row.recorded.events for row in published.terms if not row.term) >= 883
    assert sum(number for _, number in published.disposition) == 254
    assert published.quality.without_causality == 4


@pytest.mark.parametrize("name", OVERVIEW)
@pytest.mark.parametrize("version", ["old", "new"])
def test_a_rule_that_asks_the_same_finds_the_same(version: str, name: str) -> None:
    """Would catch a summary that disagrees with an alert; every subject with an event of the pilot was dosed."""
    wanted = OVERVIEW[name].written()
    for count in ("subjects", "events"):
        definition: dict[str, Any] = {
            "id": "r", "kind": "count", "at_least": 1, "action": "notify", "population": "treated", "events": wanted,
            "count": count, "audience": Audience.OPEN.value,
        }  # fmt: skip
        (finding,) = evaluate([REGISTRY.build(definition, CODES, PLAN)], pilot(version))
        measure = tabulate(Facts(pilot(version))).overview[name]
        assert finding.events == getattr(measure, count)
        assert finding.details["population_n"] == 254
