"""What must hold for any study: order of rows is nothing, unknown is never safer, and a slow replay agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.evaluate import evaluate
from rules.model import Finding, Snapshot, Standing, State
from tests.rules.tables import rows_frame, rule, snapshot

CUTOFF = datetime(2026, 4, 20, tzinfo=UTC)
START = date(2026, 3, 1)
STOPS = {3: 2, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4}
DESIGN = {"method": "table", "null_rate": 0.3, "looks": list(STOPS), "stop_at": list(STOPS.values())}
BOUNDARY = rule(
    "boundary", id="b", events={"related": True, "grade": ">=2"}, window={"after_days": 14}, design=DESIGN, near=0
)
RULES = [
    BOUNDARY,
    rule("event", id="e", events={"related": True, "treatment_emergent": True}, except_={"terms": "trauma"}),
    rule("count", id="c", events={"grade": ">=2", "treatment_emergent": True}, at_least=2),
    rule("count", id="t", events={"related": True}, at_least=2, per="term", count="events"),
]

offsets = st.integers(-10, 40)
days = offsets.map(lambda n: (START + timedelta(days=n)).isoformat())
partial = st.one_of(days, st.just(""), st.sampled_from(["2026-03", "2026", "2026-02", "2026-02-30", "x"]))


def event_rows(dates: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(
        {
            "USUBJID": st.sampled_from([f"P{i}" for i in range(9)]),
            "AESPID": st.sampled_from(["1", "2", "3"]),
            "AEDECOD": st.sampled_from(["Rash", "Fall", ""]),
            "AESTDTC": dates,
            "AEREL": st.sampled_from(["RELATED", "NOT RELATED", ""]),
            "AETOXGR": st.sampled_from(["1", "2", "3", ""]),
            "known": st.just("2026-04-01"),
        }
    )


def studies(dates: st.SearchStrategy[str]) -> st.SearchStrategy[Snapshot]:
    """Up to nine subjects with doses, visits, withdrawals and events."""
    doses = st.lists(st.one_of(st.integers(0, 20), st.none()), min_size=9, max_size=9)
    pairs = st.lists(st.tuples(st.integers(0, 8), offsets), max_size=10)
    return st.builds(_study, doses, pairs, pairs, st.lists(event_rows(dates), max_size=12))


def _study(
    doses: list[int | None], visits: list[tuple[int, int]], left: list[tuple[int, int]], events: list[dict[str, str]]
) -> Snapshot:
    def on(offset: int | None) -> str:
        return "" if offset is None else (START + timedelta(days=offset)).isoformat()

    dm = [{"USUBJID": f"P{i}", "RFXSTDTC": on(dose)} for i, dose in enumerate(doses)]
    sv = [{"USUBJID": f"P{i}", "SVSTDTC": on(n)} for i, n in visits]
    ds = [{"USUBJID": f"P{i}", "DSDECOD": "WITHDRAWAL BY SUBJECT", "DSSTDTC": on(n)} for i, n in left[:2]]
    names = ["USUBJID", "AESPID", "AEDECOD", "AESTDTC", "AEREL", "AETOXGR", "known"]
    return snapshot(
        cutoff=CUTOFF,
        DM=rows_frame("DM", dm, ["USUBJID", "RFXSTDTC"]),
        SV=rows_frame("SV", sv, ["USUBJID", "SVSTDTC"]),
        DS=rows_frame("DS", ds, ["USUBJID", "DSDECOD", "DSSTDTC"]),
        AE=rows_frame("AE", events, names),
    )


@settings(max_examples=30, deadline=None)
@given(studies(partial), st.randoms())
def test_row_order_is_nothing(study: Snapshot, random: Any) -> None:
    def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
        order = list(range(len(frame)))
        random.shuffle(order)
        return frame.iloc[order]

    other = replace(study, frames={name: shuffled(frame) for name, frame in study.frames.items()})
    assert [f.body() for f in evaluate(RULES, study)] == [f.body() for f in evaluate(RULES, other)]


@settings(max_examples=30, deadline=None)
@given(studies(partial), st.sampled_from(["AEREL", "AETOXGR", "AESTDTC"]), st.integers(0, 11))
def test_forgetting_a_fact_never_lowers_a_count(study: Snapshot, variable: str, at: int) -> None:
    """Except through treatment-emergence by worsening, where the forgotten grade may have been the baseline."""
    events = study.frames["AE"]
    if not len(events):
        return
    less = events.copy()
    less.loc[at % len(events), variable] = ""
    forgetful = replace(study, frames={**study.frames, "AE": less})
    for before, after in zip(_studywide(study), _studywide(forgetful), strict=True):
        assert _total(after) >= _total(before), (before.rule, variable)
        if before.state is State.CROSSED and before.rule == "b":
            assert after.state in (State.CROSSED, State.PROVISIONAL)


def _studywide(study: Snapshot) -> list[Finding]:
    return [f for f in evaluate(RULES, study) if f.scope == "study"]


def _total(finding: Finding) -> int:
    return int(finding.details.get("events_total", finding.events))


@settings(max_examples=80, deadline=None)
@given(studies(days))
def test_a_slow_replay_by_hand_agrees(study: Snapshot) -> None:
    """Complete dates: every subject is walked through one by one, with the words of the definition and no arrays."""
    (finding,) = evaluate([BOUNDARY], study)
    places, closed, pending, overdue = _by_hand(study)
    crossings = [k for k, stop in STOPS.items() if k <= len(places) and sum(yes for yes, _ in places[:k]) >= stop]
    certain = [k for k, stop in STOPS.items() if k <= len(places) and sum(sure for _, sure in places[:k]) >= stop]
    assert (finding.n_evaluable, finding.n_pending, finding.n_overdue) == (closed, pending, overdue)
    if certain:
        assert (finding.state, finding.at_n) == (State.CROSSED, certain[0])
    elif crossings:
        assert (finding.state, finding.at_n) == (State.PROVISIONAL, crossings[0])
    else:
        beyond = len(places) > max(STOPS)
        quiet = State.PENDING if closed < min(STOPS) else State.WITHIN
        assert finding.state is (State.BEYOND_DESIGN if beyond else quiet)


def _by_hand(study: Snapshot) -> tuple[list[tuple[bool, bool]], int, int, int]:
    """(has event, certainly) of each dosed subject in order, without those who left; then closed, pending, overdue."""
    places, closed, pending, overdue = [], 0, 0, 0
    doses = {r.USUBJID: r.RFXSTDTC for r in study.frames["DM"].itertuples() if r.RFXSTDTC}
    for name, text in sorted(doses.items(), key=lambda item: (item[1], item[0])):
        dose = date.fromisoformat(text)
        end = dose + timedelta(days=14)
        through = max(_evidence(study, name), default=date.min)
        has, sure = _event(study, name, dose, end)
        left = min((d for d in _withdrawals(study, name)), default=None)
        is_closed = through >= end
        closed += is_closed
        if not is_closed and not has:
            if left is not None and left < end and through <= left:
                continue
            pending += CUTOFF.date() <= end
            overdue += CUTOFF.date() > end
        places.append((has, sure))
    return places, closed, pending, overdue


def _withdrawals(study: Snapshot, name: str) -> list[date]:
    found = [date.fromisoformat(r.DSSTDTC) for r in study.frames["DS"].itertuples() if name == r.USUBJID]
    return [d for d in found if d <= CUTOFF.date()]


def _evidence(study: Snapshot, name: str) -> list[date]:
    visits = [date.fromisoformat(r.SVSTDTC) for r in study.frames["SV"].itertuples() if name == r.USUBJID]
    return [d for d in [*visits, *_withdrawals(study, name)] if d <= CUTOFF.date()]


def _event(study: Snapshot, name: str, dose: date, end: date) -> tuple[bool, bool]:
    """Related by the worse of its states, grade ≥ 2 by a state whose onset is in the window."""
    rows = [r for r in study.frames["AE"].itertuples() if name == r.USUBJID]
    has = sure = False
    for event in {r.AESPID for r in rows}:
        states = [r for r in rows if event == r.AESPID]
        causes = {r.AEREL for r in states}
        for r in states:
            if not dose <= date.fromisoformat(r.AESTDTC) <= end or causes == {"NOT RELATED"} or r.AETOXGR == "1":
                continue
            has = True
            sure = sure or ("RELATED" in causes and r.AETOXGR != "")
    return has, sure


@settings(max_examples=30, deadline=None)
@given(studies(partial))
def test_every_dosed_subject_has_one_standing(study: Snapshot) -> None:
    (finding,) = evaluate([BOUNDARY], study)
    places = [e for e in finding.evidence if "position" in e.facts or e.standing is Standing.LEFT]
    assert len(places) == finding.details["n_dosed"]
    assert len({e.usubjid for e in places}) == len(places)
    positions = [e.facts["position"] for e in places if e.standing is not Standing.LEFT]
    assert positions == list(np.arange(1, len(positions) + 1))
    assert finding.details["n_sequence"] == len(positions)
