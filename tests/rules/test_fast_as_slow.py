"""What is computed by whole columns, against the slow and obvious way, on small tables of every kind of gap."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rules.derive import Facts
from rules.kinds.matching import worst_grade
from rules.kinds.stages import History
from rules.listing import ListedEvent, listed_events
from tests.rules.clock_tables import BATCH, known
from tests.rules.tables import rows_frame, snapshot

DM = "USUBJID | SITEID | RFXSTDTC\nP1 | 701 | 2026-02-10\nP2 | 702 | 2026-02\nP3 | 701 |"
DAYS = ["2026-02-08", "2026-02-10", "2026-02-12", "2026-03-01", "2026-03", "", "2026-02-12"]


def _table(random: np.random.Generator) -> list[dict[str, str]]:
    """Some records, several of them states of one event, with gaps in each column."""
    choices = {
        "USUBJID": ["P1", "P2", "P3", "P4"], "AESPID": ["1", "2", "3"], "AEDECOD": ["Rash", "Fall", ""],
        "AESTDTC": DAYS, "AEENDTC": DAYS, "AETOXGR": ["1", "3", "5", ""], "AEREL": ["RELATED", "NOT RELATED", ""],
        "AESER": ["Y", "N", ""], "AEOUT": ["FATAL", "RECOVERED", ""], "known": ["2026-03-02", "2026-04-05"],
    }  # fmt: skip
    size = int(random.integers(0, 12))
    return [{name: str(random.choice(words)) for name, words in choices.items()} for _ in range(size)]


def slow_events(facts: Facts) -> list[ListedEvent]:
    """One event after the other, one row after the other."""
    rows: dict[int, list[int]] = {}
    for row in range(len(facts.events)):
        if facts.events["ae_row"].iloc[row] >= 0:
            rows.setdefault(int(facts.events["event"].iloc[row]), []).append(row)
    found = [_slow_event(facts, facts.events, mine) for mine in rows.values()]
    return sorted(found, key=lambda e: (e.usubjid, e.day is None, e.day or 0, e.record_key))


def _slow_event(facts: Facts, table: pd.DataFrame, rows: list[int]) -> ListedEvent:
    def order(row: int) -> tuple[bool, Any, str]:
        onset = table["onset_lo"].iloc[row]
        return pd.isna(onset), onset if not pd.isna(onset) else 0, table["record_key"].iloc[row]

    rows = sorted(rows, key=order)
    first = table.iloc[rows[0]]
    worst = {name: int(max(table[name].iloc[row] for row in rows)) for name in
             ("serious", "related", "death", "treatment_emergent")}  # fmt: skip
    terms = [table["AEDECOD"].iloc[row] for row in rows if table["AEDECOD"].iloc[row]]
    ends = facts.domains["AE"].days("AEENDTC")
    last = [(ends.lo[at], ends.hi[at]) for at in table["ae_row"].iloc[rows]]
    end = None if any(np.isnat(lo) or lo != hi for lo, hi in last) else max(lo for lo, _ in last)
    subject = int(first["subject"])
    exact = first["onset_lo"] if first["onset_lo"] == first["onset_hi"] else None
    return ListedEvent(
        first["USUBJID"], str(facts.subjects["site"].iloc[subject]), first["record_key"], first["event_key"],
        terms[-1] if terms else "", int(max(worst_grade(facts)[row] for row in rows)), worst["serious"],
        worst["related"], worst["death"], worst["treatment_emergent"], _slow_day(facts, subject, exact),
        _slow_day(facts, subject, end), max(table["known_at"].iloc[row] for row in rows).date(),
    )  # type: ignore[arg-type]  # fmt: skip


def _slow_day(facts: Facts, subject: int, day: Any) -> int | None:
    who = facts.subjects.iloc[subject]
    if day is None or pd.isna(who["first_dose_lo"]) or who["first_dose_partial"]:
        return None
    days = (pd.Timestamp(day).date() - pd.Timestamp(who["first_dose_lo"]).date()).days
    return days + 1 if days >= 0 else days


@pytest.mark.parametrize("seed", range(40))
def test_listed_events(seed: int) -> None:
    """Would catch a column that is read of another event's rows, and a gap that is taken for a value."""
    rows = _table(np.random.default_rng(seed))
    names = list(rows[0]) if rows else ["USUBJID", "AEDECOD", "AESTDTC"]
    facts = Facts(snapshot(DM=DM, AE=rows_frame("AE", rows, names)))
    found = listed_events(facts)
    assert list(found) == slow_events(facts)
    for event in found:
        plain = (event.grade, event.serious, event.day or 0, event.end or 0)
        assert all(type(value) is int for value in plain)
        assert (type(event.usubjid), type(event.term), type(event.site)) == (str, str, str)
        assert type(event.known_on) is date


def _batches(random: np.random.Generator) -> list[list[dict[str, str]]]:
    """The whole of AE batch after batch: records come, change, are entered anew and go."""
    told: dict[tuple[str, str], dict[str, str]] = {}
    batches = []
    for number in range(int(random.integers(1, 7))):
        for subject, spid, key in [("P1", "1", "1"), ("P1", "1", "2"), ("P1", "2", "3"), ("P2", "1", "4")]:
            fate = random.integers(0, 4)
            if fate == 0:
                told.pop((subject, key), None)
            elif fate == 1:
                told[subject, key] = {
                    "USUBJID": subject, "AESPID": spid, "key": key, "AESER": str(random.choice(["Y", "N"])),
                    "ENTRYDTC": str(random.choice(["", (BATCH + timedelta(minutes=number)).isoformat()])),
                }  # fmt: skip
        batches.append(list(told.values()))
    return batches


def slow_states(batches: list[list[dict[str, str]]], event: str) -> list[tuple[int, list[tuple[str, str]]]]:
    """Number of each batch that changed an event, and its records then, by comparing one batch with the next."""
    found: list[tuple[int, list[tuple[str, str]]]] = []
    before: list[dict[str, str]] = []
    for number, rows in enumerate(batches, start=1):
        mine = [row for row in rows if f"{row['USUBJID']}:{row['AESPID']}" == event]
        if sorted(map(str, mine)) != sorted(map(str, before)):
            found.append((number, sorted((f"{row['USUBJID']}:{row['key']}", row["AESER"]) for row in mine)))
        before = mine
    return found


@pytest.mark.parametrize("seed", range(40))
def test_the_states_of_an_event(seed: int) -> None:
    """Would catch a state that is lost, made up, told of another event, or of another moment."""
    batches = _batches(np.random.default_rng(seed))
    facts = Facts(known(*batches))
    history = History(facts)
    for event in sorted({f"{row['USUBJID']}:{row['AESPID']}" for rows in batches for row in rows}):
        told = []
        for state in history.states(event):
            number = int((state.read_at - BATCH) / timedelta(hours=1)) + 1
            keys = [history.event_of(state.facts, str(k)) for k in state.facts.event_column("record_key")[state.rows]]
            ae = state.facts.domains["AE"].frame["AESER"].iloc[state.facts.event_column("ae_row")[state.rows]]
            told.append((number, sorted(zip(keys, ae.tolist(), strict=True))))
            assert set(state.fresh) <= set(state.rows)
        assert told == slow_states(batches, event)
