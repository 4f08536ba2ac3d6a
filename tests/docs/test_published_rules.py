"""The published rules of docs/rules.md, read from the page and run on tables that a clinician can check by hand.

Each table grows by one record at a time. A rule is met with the record that its text names, CROSSED at once, and not
one record before, not even provisionally. Catches: a threshold off by one, an exception that swallows too much, a
duration or a window off by a day, places in the order of first dose off by one, a rule that is met by half of itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
import yaml

from rules.evaluate import evaluate
from rules.model import Derivation, Rule, Snapshot, State, StudyPlan
from tests.docs.pages import ROOT
from tests.rules.tables import REGISTRY, rows_frame

PLAN = StudyPlan("T", "UTC", planned_n=20, treatment_days=84, followup_days=28)
CUTOFF = datetime(2026, 6, 1, 12, tzinfo=UTC)
PAGE = (ROOT / "docs/rules.md").read_text(encoding="utf-8")
SECTIONS = {int(n): text for n, text in re.findall(r"^### (\d+)\. (.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)}
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "DM": ("USUBJID", "RFXSTDTC"),
    "AE": (
        "USUBJID", "AEDECOD", "AETOXGR", "AEREL", "AESER", "AEOUT", "EXPECTED", "AESTDTC", "AEENDTC", "AEDTC",
        "AEBODSYS",
    ),
    "EX": ("USUBJID", "EXSTDTC", "EXENDTC"),
    "LB": ("USUBJID", "LBTESTCD", "LBDTC", "LBSTRESN", "LBSTRESC", "LBSTRESU"),
    "CONCERN": ("USUBJID", "RULEID", "AEDECOD", "RAISEDBY"),
}  # fmt: skip
SUBJECTS = [f"P{number:02}" for number in range(1, 13)]
"""Twelve subjects, dosed on the first twelve days of February: P01 is the first, P12 the last."""

Step = tuple[str, dict[str, str], bool]


def ae(subject: str, term: str, met: bool = False, /, **values: str) -> Step:
    """An event on 20 February, mild, unrelated, not serious, expected and over in two days unless said otherwise."""
    mild = {"AETOXGR": "1", "AEREL": "NOT RELATED", "AESER": "N", "EXPECTED": "EXPECTED", "AESTDTC": "2026-02-20"}
    row = mild | {"USUBJID": subject, "AEDECOD": term, "AEENDTC": "2026-02-21"} | values
    return "AE", row, met


def lab(subject: str, test: str, value: str, day: str, met: bool = False, unit: str = "/uL") -> Step:
    row = {"USUBJID": subject, "LBTESTCD": test, "LBDTC": day, "LBSTRESN": value, "LBSTRESU": unit}
    return "LB", row, met


def dose(subject: str, at: str) -> Step:
    return "EX", {"USUBJID": subject, "EXSTDTC": at, "EXENDTC": at}, False


def concern(rule: str, met: bool) -> Step:
    return "CONCERN", {"USUBJID": "P01", "RULEID": rule, "RAISEDBY": "U1"}, met


REL = {"AEREL": "RELATED"}
SER = {"AESER": "Y"}
G2, G3, G4 = ({"AETOXGR": grade} for grade in "234")
NEW = {"EXPECTED": "UNEXPECTED"}
HALF_DAY = {"AESTDTC": "2026-02-20T08:00", "AEENDTC": "2026-02-20T20:00"}
SHORT = {"AESTDTC": "2026-02-20T08:00", "AEENDTC": "2026-02-20T19:59"}

TABLES: Mapping[int, list[list[Step]]] = {
    1: [[ae("P01", "Rash", **G2), ae("P02", "Rash", **SER), ae("P01", "Rash", True, **G3)]],
    2: [[ae("P01", "Rash", **G4), ae("P02", "Rash", True, **SER)]],
    3: [
        [
            *(ae(who, "Nausea", **REL, **G3) for who in ("P01", "P02", "P06")),  # of the first cohort
            ae("P07", "Nausea", **REL, **G2),
            ae("P07", "Vomiting", **REL, **G3),  # the same subject
            ae("P08", "Nausea", **G3),  # not related
            ae("P09", "Nausea", **REL),  # mild
            ae("P10", "Nausea", **REL, **G3),
            ae("P12", "Nausea", True, **REL, **G2),
        ]
    ],
    4: [[ae("P01", "Rash", **SER), ae("P01", "Rash", **REL, **G4), ae("P02", "Rash", True, **SER, **REL)]],
    5: [[ae("P01", "Neutropenia", **SER, **REL), ae("P02", "Sepsis", **SER), ae("P03", "Sepsis", True, **SER, **REL)]],
    6: [
        [  # the same term; local reactions of grade 3 do not count
            ae("P01", "Nausea", **REL, **NEW, **G3),
            ae("P02", "Nausea", **REL, **G3),  # expected
            ae("P03", "Nausea", **NEW, **G3),  # not related
            ae("P04", "Vomiting", **REL, **NEW, **G3),  # another term
            ae("P05", "Injection site pain", **REL, **NEW, **G3),
            ae("P06", "Injection site pain", **REL, **NEW, **G3),
            ae("P07", "Nausea", True, **REL, **NEW, **G3),
        ],
        [  # similar terms
            ae("P01", "Rash", **REL, **NEW, **G3),
            ae("P02", "Dermatitis", True, **REL, **NEW, **G3),
        ],
        [  # a local reaction of grade 4 is not excepted
            ae("P01", "Injection site pain", **REL, **NEW, **G4),
            ae("P02", "Injection site pain", True, **REL, **NEW, **G4),
        ],
    ],
    7: [
        [  # in the band from 10 to 15 February is six days; from 10 to 14 five, which is not more than five
            lab("P01", "NEUT", "700", "2026-02-10"),
            lab("P01", "NEUT", "500", "2026-02-15"),
            lab("P02", "NEUT", "749", "2026-02-10"),
            lab("P02", "NEUT", "600", "2026-02-14"),
            lab("P03", "NEUT", "700", "2026-02-10"),
            lab("P03", "NEUT", "750", "2026-02-12"),  # out of the band in between
            lab("P03", "NEUT", "700", "2026-02-15"),
            lab("P02", "NEUT", "740", "2026-02-15", True),
        ],
        [
            lab("P01", "NEUT", "499", "2026-02-10"),
            lab("P01", "NEUT", "400", "2026-02-11"),  # the same subject
            lab("P02", "NEUT", "100", "2026-01-20"),  # before first dose
            lab("P03", "NEUT", "500", "2026-02-11"),
            lab("P04", "NEUT", "499", "2026-02-11", True),
        ],
    ],
    8: [
        [
            lab("P01", "VIREMIA", "10", "2026-02-19", unit="PFU/mL"),
            ae("P01", "Pyrexia"),
            ae("P01", "Headache", **G2, **HALF_DAY),
            ae("P01", "Myalgia", **G2, **SHORT),  # a minute too short
            ae("P01", "Myalgia", **HALF_DAY),  # too mild
            ae("P01", "Photophobia", **G2, **HALF_DAY),  # one subject has it now
            ae("P02", "Pyrexia"),
            ae("P02", "Headache", **G2, **HALF_DAY),
            ae("P02", "Myalgia", **G3, **HALF_DAY),  # all but the infection
            ae("P03", "Headache", **G2, **HALF_DAY),
            ae("P03", "Myalgia", **G2, **HALF_DAY),
            lab("P03", "VIREMIA", "10", "2026-02-19", unit="PFU/mL"),  # all but the fever
            lab("P02", "VIREMIA", "10", "2026-02-22", True, unit="PFU/mL"),
        ]
    ],
    9: [
        [
            lab("P01", "VIREMIA", "999999", "2026-02-19", unit="PFU/mL"),
            lab("P07", "VIREMIA", "2000000", "2026-02-19", unit="PFU/mL"),  # the seventh
            lab("P06", "VIREMIA", "1000000", "2026-02-19", True, unit="PFU/mL"),
        ]
    ],
    10: [[ae("P01", "Rash", **SER, **REL, **G4), concern("another-rule", False), concern("discretion", True)]],
    11: [[ae("P01", "Sepsis", **SER, **G4), ae("P02", "Sepsis", True, **SER, AEOUT="FATAL")]],
    12: [[ae("P01", "Fall", **SER, **G3), ae("P02", "Rash", **G4), ae("P03", "Pneumonia", True, **SER)]],
    13: [[ae("P01", "Urticaria", **G3, **REL), ae("P02", "Bronchospasm", True)]],
    14: [
        [ae("P04", "Rash", **G3, **REL), ae("P03", "Rash", **G2), ae("P03", "Fatigue", True, **G3)],
        [
            ae("P04", "Rash", **G3, **REL),
            ae("P04", "Fatigue", **G3, **REL),  # the same subject
            ae("P05", "Rash", **G3),  # not related
            ae("P06", "Rash", **G2, **REL),  # not severe
            ae("P12", "Fatigue", True, **G3, **REL),
        ],
        [ae("P04", "Rash", **G3), ae("P05", "Rash", **G3), ae("P06", "Fatigue", True, **G3)],
    ],
    15: [
        [ae("P01", "Rash", **SER), ae("P01", "Rash", True, **SER, **REL)],
        [
            dose("P01", "2026-02-20T08:00"),
            dose("P02", "2026-02-20T08:00"),
            ae("P01", "Bronchospasm", AESTDTC="2026-02-20T12:01"),  # a minute too late
            ae("P01", "Bronchospasm", AESTDTC="2026-02-20T07:59"),  # before the dose
            ae("P02", "Rash", AESTDTC="2026-02-20T09:00"),
            ae("P02", "Bronchospasm", True, AESTDTC="2026-02-20T12:00"),
        ],
    ],
    16: [
        [
            ae("P01", "Nausea", **G3, **REL),
            ae("P07", "Nausea", **G3, **REL),  # the seventh
            ae("P02", "Nausea", **G3, **REL, AESTDTC="2026-02-24"),  # day 22 after first dose
            ae("P03", "Nausea", **G2, **REL),
            ae("P04", "Nausea", **G3),
            ae("P06", "Nausea", True, **G3, **REL, AESTDTC="2026-02-27"),  # day 21
        ]
    ],
    17: [
        [ae("P01", "Urticaria"), ae("P02", "Vomiting"), ae("P03", "Wheezing", True)],
        [ae("P01", "Urticaria"), ae("P01", "Pruritus"), ae("P01", "Vomiting", True)],
    ],
    19: [
        [
            ae("P01", "Nausea", **G3, **REL),
            ae("P05", "Nausea", **G3, **REL),
            ae("P07", "Nausea", **G3, **REL),
            ae("P09", "Nausea", **G3, **REL),  # 4 of 9
            ae("P06", "Nausea", True, **G3, **REL),  # 5 of 9
        ],
        [ae("P02", "Nausea", **G3, **REL), ae("P01", "Nausea", **G3, **REL), ae("P03", "Nausea", True, **G3, **REL)],
    ],
    20: [
        [
            ae("P01", "Nausea", **G2, **REL),
            ae("P05", "Nausea", **G2, **REL),
            ae("P06", "Nausea", **G2),  # not related
            ae("P06", "Nausea", **REL),  # mild
            ae("P07", "Nausea", **G2, **REL),  # 3 of 7
            ae("P06", "Vomiting", True, **G3, **REL),  # 4 of 7
        ],
        [ae("P02", "Nausea", **G2, **REL), ae("P03", "Nausea", **G2, **REL), ae("P01", "Nausea", True, **G2, **REL)],
    ],
}


def published(number: int) -> tuple[list[Rule], Derivation]:
    """The rules of one section of the page, and the code lists that they need."""
    (text,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[number], re.DOTALL)
    shown: dict[str, Any] = yaml.safe_load(text)
    terms = {name: frozenset(members) for name, members in shown.get("terms", {}).items()}
    codes = Derivation(related=frozenset({"RELATED"}), unrelated=frozenset({"NOT RELATED"}), terms=terms)
    return [REGISTRY.build(one, codes, PLAN) for one in shown["rules"]], codes


def snapshot(codes: Derivation, steps: list[Step]) -> Snapshot:
    people = [{"USUBJID": who, "RFXSTDTC": f"2026-02-{day:02}"} for day, who in enumerate(SUBJECTS, start=1)]
    rows: dict[str, list[dict[str, str]]] = {"DM": people, "AE": [], "EX": [], "LB": [], "CONCERN": []}
    for domain, values, _ in steps:
        rows[domain].append(values)
    frames: dict[str, pd.DataFrame] = {
        name: rows_frame(name, [dict.fromkeys(COLUMNS[name], "") | row for row in every], list(COLUMNS[name]))
        for name, every in rows.items()
    }
    return Snapshot(PLAN, codes, frames, batch_no=1, known_at=CUTOFF, data_cutoff=CUTOFF)


@pytest.mark.parametrize(
    ("number", "steps"), [(n, steps) for n, tables in TABLES.items() for steps in tables], ids=lambda v: str(v)[:12]
)
def test_a_published_rule_is_met_exactly_when_its_text_says(number: int, steps: list[Step]) -> None:
    rules, codes = published(number)
    for length in range(len(steps) + 1):
        found = evaluate(rules, snapshot(codes, steps[:length]))
        states = {finding.state for finding in found}
        assert State.NOT_EVALUABLE not in states, [finding.reason for finding in found]
        expected = length > 0 and steps[length - 1][2]
        assert (State.CROSSED in states) is expected, (length, steps[length - 1])
        assert State.PROVISIONAL not in states, (length, steps[length - 1])


def test_every_rule_of_the_page_has_a_table_and_an_ending() -> None:
    """Nineteen of twenty: the eighteenth compares arms."""
    assert sorted(SECTIONS) == sorted(TABLES) == [*range(1, 18), 19, 20]
    assert all(steps[-1][2] and not any(met for *_, met in steps[:-1]) for t in TABLES.values() for steps in t)


def test_every_entry_of_a_section_is_needed() -> None:
    """Each rule of a section is the one that acts in some table."""
    for number, tables in TABLES.items():
        rules, codes = published(number)
        acting = {f.rule for t in tables for f in evaluate(rules, snapshot(codes, t)) if f.state is State.CROSSED}
        assert acting == {rule.id for rule in rules}, number
