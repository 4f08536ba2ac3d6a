"""A simulated trial written as SDTM records, as they are known at the end of one day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd

from rules.model import Derivation, Snapshot, StudyPlan
from rules.statistics.scenario import EventType, OnsetDays
from rules.statistics.trials import NEVER, Trials

PLAN = StudyPlan("T", "UTC", planned_n=12, treatment_days=30, followup_days=10)
CODES = Derivation(
    related=frozenset({"RELATED"}),
    unrelated=frozenset({"NOT RELATED"}),
    terms={"skin": frozenset({"Skin 0", "Skin 1", "Skin 2"}), "trauma": frozenset({"Trauma 0"})},
    contact_domains=("SV",),
    followup_days=10,
)
DAY_0 = date(2026, 1, 1)
DM, AE = ("USUBJID", "RFXSTDTC", "RFSTDTC"), (
    "USUBJID", "AESPID", "AEDECOD", "AESTDTC", "AETOXGR", "AEREL", "AESER", "AESDTH", "LESROLE", "known"
)  # fmt: skip

TYPES = (
    EventType("rash", (0.3, 0.2), OnsetDays("uniform", 40), 2, True, False, False, None, None, "treated", ("skin",), 3),
    EventType(
        "burn", (0.1, 0.2), OnsetDays("front_loaded", 20), 3, True, False, lesion_role="treated", terms=("skin",)
    ),
    EventType("itch", (0.2, 0.1), OnsetDays("uniform", 30), 2, True, False, lesion_role="control", terms=("skin",)),
    EventType("fall", (0.1, 0.1), OnsetDays("uniform", 40), 3, True, True, lesion_role="systemic", terms=("trauma",)),
    EventType("fever", (0.1, 0.1), OnsetDays("exponential", 40, 5.0), 4, True, True, lesion_role="systemic"),
    EventType("death", (0.05, 0.02), OnsetDays("uniform", 40), 5, False, True, True, lesion_role="systemic"),
)
"""What the rules under test tell apart: lists, grade, causality, seriousness, lesion, death; two arms."""


def day(number: int) -> str:
    """A calendar day of a trial as text."""
    return (DAY_0 + timedelta(days=number)).isoformat()


def snapshot(trials: Trials, trial: int, at: int) -> Snapshot:
    """What was known of one trial at the end of a calendar day; nobody is seen but by a visit on that very day."""
    people: list[dict[str, str]] = []
    events: list[dict[str, str]] = []
    visits: list[dict[str, str]] = []
    gone: list[dict[str, str]] = []
    for subject, entered in enumerate(trials.entry[trial].tolist()):
        if entered > at:
            continue
        name = f"S-{subject:03d}"
        left = int(trials.left[trial, subject])
        people.append({"USUBJID": name, "RFXSTDTC": day(entered), "RFSTDTC": day(entered)})
        visits.append({"USUBJID": name, "SVSTDTC": day(min(at, left))})
        if left <= at:
            gone.append({"USUBJID": name, "DSDECOD": "WITHDRAWAL BY SUBJECT", "DSSTDTC": day(left)})
        for kind, one in enumerate(trials.types):
            known = int(trials.known[trial, subject, kind])
            if known <= at:
                onset = entered + int(trials.onset[trial, subject, kind])
                number = int(trials.term[trial, subject, kind])
                events.append(_event(name, kind, one, number, onset) | {"known": day(known)})
    frames = {
        "DM": _frame(people, DM),
        "AE": _frame(events, AE),
        "SV": _frame(visits, ("USUBJID", "SVSTDTC")),
        "DS": _frame(gone, ("USUBJID", "DSDECOD", "DSSTDTC")),
    }
    evening = datetime.combine(DAY_0 + timedelta(days=at), datetime.min.time(), tzinfo=UTC) + timedelta(hours=20)
    arms = {f"S-{i:03d}": trials.arms[arm] for i, arm in enumerate(trials.arm[trial].tolist())}
    return Snapshot(PLAN, CODES, frames, batch_no=1, known_at=evening, data_cutoff=evening, arms=arms)


def _frame(rows: list[dict[str, str]], names: tuple[str, ...]) -> pd.DataFrame:
    """As `tests.rules.tables.rows_frame`, in one go: hundreds of these are written."""
    columns = {name: [row[name] for row in rows] for name in names if name != "known"}
    keys = [f"{row['USUBJID']}:{row.get('AESPID', '1')}" for row in rows]
    table = pd.DataFrame(columns | {"record_key": keys, "event_key": keys, "source_id": "edc"}, dtype="str")
    table["batch_no"] = 1
    table["known_at"] = (
        pd.DatetimeIndex([row.get("known", "2026-01-01") for row in rows]).tz_localize("UTC").as_unit("us")
    )
    return table


def _event(name: str, kind: int, one: EventType, number: int, onset: int) -> dict[str, str]:
    return {
        "USUBJID": name,
        "AESPID": str(kind),
        "AEDECOD": f"{one.terms[0].capitalize()} {number}" if one.terms else one.name,
        "AESTDTC": day(onset),
        "AETOXGR": str(one.grade),
        "AEREL": "RELATED" if one.related else "NOT RELATED",
        "AESER": "Y" if one.serious else "N",
        "AESDTH": "Y" if one.death else "N",
        "LESROLE": (one.lesion_role or "").upper(),
    }


def changes(trials: Trials, trial: int) -> list[int]:
    """Every calendar day on which something of one trial becomes known."""
    found = {*trials.entry[trial].tolist(), *trials.left[trial].tolist(), *trials.known[trial].ravel().tolist()}
    return sorted(found - {NEVER})
