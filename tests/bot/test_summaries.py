"""The weekly summary falls due once a week, whatever clocks and processes do, and says what was known then."""

from __future__ import annotations

import itertools
import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from bot.configuration.people import Role
from bot.contents.clocks import Stands
from bot.contents.summary import SummaryContent, SummaryFileContent
from bot.cycle import run_cycle
from bot.lookup.home import home_content
from bot.lookup.summary import asked_summary
from bot.study import Study
from bot.telling import summaries
from bot.views import stored_from_body
from rules.model import Audience
from storage import alerts, outbox, periods
from storage.alert_records import ResponseKind
from storage.heads import lock_head
from storage.schema import outbox as table
from tests.bot.test_watchfulness import DM, NO_AE, Given, configured, sae, study_of

ZONE = ZoneInfo("America/Chicago")


def queued(study: Study, kind: str = "note") -> list[tuple[str, Any]]:
    """Delivery key and content of every row about a summary, oldest first."""
    with study.database.reading() as conn:
        rows = conn.execute(table.select().where(table.c.kind == kind).order_by(table.c.outbox_id)).all()
    found = [(row.delivery_key, stored_from_body(row.content)) for row in rows]
    return [(key, item) for key, item in found if isinstance(item, SummaryContent | SummaryFileContent)]


def contents(study: Study) -> list[SummaryContent]:
    return [item for _, item in queued(study)]


def in_chicago(folder: Path, zone: str = "America/Chicago", schedule: str = "mon 08:00", **changes: Any) -> Path:
    study = {"id": "TWO", "timezone": zone, "planned_n": 9, "treatment_days": 84, "followup_days": 28}
    return configured(folder, study=study, schedule={"open_summary": schedule}, **changes)


def run_through(folder: Path, start: datetime, end: datetime, step: timedelta) -> list[SummaryContent]:
    """Cycles from start to end, a step apart."""
    at = [start]
    with study_of(in_chicago(folder), at) as study:
        study.sources = {"edc": Given("edc", {"DM": DM, "AE": NO_AE})}
        while at[0] <= end:
            run_cycle(study, at[0])
            at[0] += step
        return contents(study)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2026, 2, 26, 18, tzinfo=UTC), datetime(2026, 3, 20, 18, tzinfo=UTC)),
        (datetime(2026, 10, 22, 18, tzinfo=UTC), datetime(2026, 11, 13, 18, tzinfo=UTC)),
        (datetime(2028, 2, 24, 18, tzinfo=UTC), datetime(2028, 3, 17, 18, tzinfo=UTC)),
    ],
    ids=["clocks go forward on 8 March", "clocks go back on 1 November", "a leap day on 29 February"],
)
@pytest.mark.parametrize("step", [timedelta(hours=7), timedelta(hours=23)])
def test_each_monday_at_eight_once(tmp_path: Path, start: datetime, end: datetime, step: timedelta) -> None:
    """Would catch a summary lost or doubled by a change of clocks, an hour off after it, and one by a leap day."""
    found = [item.stamps.as_of.astimezone(ZONE) for item in run_through(tmp_path, start, end, step)]
    assert len(found) == 3
    assert {(moment.weekday(), moment.hour, moment.minute) for moment in found} == {(0, 8, 0)}
    assert {(b.date() - a.date()).days for a, b in itertools.pairwise(found)} == {7}


@pytest.mark.parametrize(
    ("zone", "schedule", "start", "days"),
    [
        ("Australia/Sydney", "mon 08:00", "2026-03-27", [(2026, 3, 30), (2026, 4, 6), (2026, 4, 13)]),
        ("Australia/Sydney", "mon 08:00", "2026-09-25", [(2026, 9, 28), (2026, 10, 5), (2026, 10, 12)]),
        ("Australia/Lord_Howe", "sun 04:00", "2026-09-25", [(2026, 9, 27), (2026, 10, 4), (2026, 10, 11)]),
        ("Asia/Kolkata", "mon 08:00", "2026-03-20", [(2026, 3, 23), (2026, 3, 30), (2026, 4, 6)]),
        ("America/Chicago", "sun 04:00", "2026-03-06", [(2026, 3, 8), (2026, 3, 15), (2026, 3, 22)]),
        ("America/Chicago", "sun 04:00", "2026-10-30", [(2026, 11, 1), (2026, 11, 8), (2026, 11, 15)]),
        ("America/Chicago", "tue 08:00", "2028-02-25", [(2028, 2, 29), (2028, 3, 7), (2028, 3, 14)]),
    ],
    ids=["south-back", "south-forward", "half an hour", "no change", "that morning", "the other", "leap day due"],
)
def test_the_wall_clock_of_the_study_decides_and_no_restart_doubles(
    tmp_path: Path, zone: str, schedule: str, start: str, days: list[tuple[int, int, int]]
) -> None:
    """Would catch a change of clocks taken the wrong way round or at its very day, a zone that never changes, and a
    summary doubled by a process that begins anew at every look."""
    at = [datetime.fromisoformat(f"{start}T12:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)]
    path = in_chicago(tmp_path, zone, schedule)
    for _ in range(11):
        with study_of(path, at) as study:
            study.sources = {"edc": Given("edc", {"DM": DM, "AE": NO_AE})}
            run_cycle(study, at[0])
            made = contents(study)
        at[0] += timedelta(hours=47)
    found = [item.stamps.as_of.astimezone(ZoneInfo(zone)) for item in made]
    assert [(moment.year, moment.month, moment.day) for moment in found] == days
    assert {f"{moment:%a %H:%M}".lower() for moment in found} == {schedule}


def test_a_crash_between_queueing_and_finishing_leaves_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a summary that is queued in one transaction and finished in another."""
    at = [datetime(2026, 5, 10, 12, tzinfo=UTC)]
    path = in_chicago(tmp_path)
    finish = periods.finish
    for number in range(3):
        with study_of(path, at) as study:
            study.sources = {"edc": Given("edc", {"DM": DM, "AE": NO_AE})}
            monkeypatch.setattr(periods, "finish", _dies if number == 1 else finish)
            with pytest.raises(SystemExit) if number == 1 else nullcontext():
                run_cycle(study, at[0])
            made = len(contents(study)), len(queued(study, "file"))
        assert made == ((1, 2) if number == 2 else (0, 0))
        at[0] = datetime(2026, 5, 11, 13, 5, tzinfo=UTC)


def _dies(*_: Any, **__: Any) -> bool:
    raise SystemExit


def test_a_changed_schedule_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """Would catch a Monday made up again under the new day, and the first new day skipped."""
    at = [datetime(2026, 5, 10, 12, tzinfo=UTC)]
    for schedule, until in (("mon 08:00", 13), ("thu 09:00", 23), ("mon 08:00", 27)):
        with study_of(in_chicago(tmp_path, schedule=schedule), at) as study:
            study.sources = {"edc": Given("edc", {"DM": DM, "AE": NO_AE})}
            while at[0].day < until:
                run_cycle(study, at[0])
                at[0] += timedelta(hours=23)
            made = [f"{item.stamps.as_of.astimezone(ZONE):%a %d %H:%M}" for item in contents(study)]
    assert made == ["Mon 11 08:00", "Thu 14 09:00", "Thu 21 09:00", "Mon 25 08:00"]


CLOCK = {
    "id": "report", "kind": "clock", "title": "To the sponsor", "events": {"serious": True}, "warn_at": [0.5],
    "clocks": [{"name": "Sponsor report", "limit": "24 h"}], "action": "notify", "audience": "open",
}  # fmt: skip


def test_clocks_and_decisions_are_those_of_every_other_page(tmp_path: Path) -> None:
    """Would catch a clock that is judged anew for the summary, and a decision told as of another moment."""
    at = [datetime(2026, 5, 10, 12, tzinfo=UTC)]
    ae = sae("2026-05-09").assign(AWAREDTC="2026-05-09T08:00", SUBMDTC="")
    before = ae.head(0)
    with study_of(in_chicago(tmp_path, rules=[CLOCK], sources=[{"id": "edc", "kind": "simulated"}]), at) as study:
        edc = Given("edc", {"DM": DM, "AE": before})
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
        at[0] += timedelta(hours=3)
        edc.frames = {"DM": DM, "AE": ae}
        run_cycle(study, at[0])
        decided(study, at[0] + timedelta(minutes=1), "hold_dosing")
        at[0] = datetime(2026, 5, 11, 13, 5, tzinfo=UTC)
        run_cycle(study, at[0])
        decided(study, at[0] + timedelta(minutes=1), "resume")
        at[0] += timedelta(minutes=5)
        run_cycle(study, at[0])
        (made,) = contents(study)
        with study.database.reading() as conn:
            home = home_content(conn, study, Audience.OPEN, at[0], [Role.INVESTIGATOR])
        later = asked_summary(study, "")
    assert made.clocks is not None
    assert made.clocks.open == home.clocks
    assert [row.stands for row in home.clocks] == [Stands.OVERDUE]
    assert [(one.kind, one.in_force, one.roles) for one in made.decisions] == [
        ("hold_dosing", True, ("investigator",)),
    ]
    assert [(one.kind, one.in_force) for one in later.decisions] == [("hold_dosing", False), ("resume", True)]
    assert made.changes.opened == ("report",)


def decided(study: Study, at: datetime, decision: str) -> None:
    with study.database.writing(study.id) as conn:
        (item,) = alerts.open_alerts(conn, study.id)
        alerts.add_response(
            conn, lock_head(conn, study.id), alert_id=item.alert_id, kind=ResponseKind.DECIDED, alert_version=1,
            user_id="U0INVESTIGATOR", team_id="T1", at=at, basis="b", inbox_key=decision,
            body={"decision": decision, "scope": "all"},
        )  # fmt: skip


def test_lists_of_special_interest_are_counted_though_no_rule_names_them(tmp_path: Path) -> None:
    """Would catch a list that a study marks and its report leaves out."""
    at = [datetime(2026, 5, 10, 12, tzinfo=UTC)]
    terms = {"septic": {"terms": ["Sepsis"], "special_interest": True}, "other": ["Fall"]}
    with study_of(in_chicago(tmp_path, terms=terms), at) as study:
        study.sources = {"edc": Given("edc", {"DM": DM, "AE": sae("2026-05-09")})}
        run_cycle(study, at[0])
        made = asked_summary(study, "")
    assert {name: (m.subjects, m.events) for name, m in made.tables.interest.items()} == {"septic": (1, 1)}
    assert made.tables.dosed == (("2026-04", 2), ("2026-05", 0))


def test_a_week_of_downtime_is_made_up_once_each_and_says_so(tmp_path: Path) -> None:
    """Would catch a missed week dropped, merged, posted twice after a restart, or filled with later knowledge."""
    at = [datetime(2026, 5, 5, 12, tzinfo=UTC)]
    edc = Given("edc", {"DM": DM, "AE": NO_AE})
    with study_of(in_chicago(tmp_path), at) as study:
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
    at[0] = datetime(2026, 5, 20, 12, tzinfo=UTC)  # two Mondays later
    edc.frames = {"DM": DM, "AE": sae("2026-05-12")}
    for _ in range(2):
        with study_of(in_chicago(tmp_path), at) as study:
            study.sources = {"edc": edc}
            run_cycle(study, at[0])
            run_cycle(study, at[0])
            made = contents(study)
            files = queued(study, "file")
    assert [item.stamps.as_of.day for item in made] == [11, 18]
    assert all(item.stamps.due_at == item.stamps.as_of for item in made)
    assert [item.tables.overview["any"].events for item in made] == [0, 0]  # the event became known on the 20th
    assert [item.changes.since for item in made] == [None, made[0].stamps.as_of]
    assert len(files) == len({key for key, _ in files}) == 4
    assert {file.form for _, file in files} == {"pdf", "xlsx"}
    assert len({file.name for _, file in files}) == 4


def test_what_was_frozen_does_not_change(tmp_path: Path) -> None:
    """Would catch a file that is made from later records than its message."""
    at = [datetime(2026, 5, 10, 12, tzinfo=UTC)]
    with study_of(in_chicago(tmp_path), at) as study:
        edc = Given("edc", {"DM": DM, "AE": NO_AE})
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
        at[0] = datetime(2026, 5, 11, 13, 5, tzinfo=UTC)
        edc.frames = {"DM": DM, "AE": sae("2026-05-10")}
        run_cycle(study, at[0])
        before = [json.dumps(item.content, sort_keys=True) for item in _rows(study)]
        at[0] += timedelta(hours=3)
        edc.frames = {"DM": DM, "AE": NO_AE}
        run_cycle(study, at[0])
        assert before
        assert [json.dumps(item.content, sort_keys=True) for item in _rows(study)] == before


def _rows(study: Study) -> list[outbox.Item]:
    with study.database.reading() as conn:
        found = [outbox.find(conn, key) for kind in ("note", "file") for key, _ in queued(study, kind)]
    return [item for item in found if item is not None]


def test_the_rules_and_alerts_are_those_that_people_were_told(tmp_path: Path) -> None:
    """Would catch a summary that counts for itself what an alert has already said."""
    at = [datetime(2026, 5, 10, 12, tzinfo=UTC)]
    with study_of(in_chicago(tmp_path), at) as study:
        edc = Given("edc", {"DM": DM, "AE": NO_AE})
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
        at[0] += timedelta(hours=3)
        edc.frames = {"DM": DM, "AE": sae("2026-05-09")}
        run_cycle(study, at[0])
        at[0] = datetime(2026, 5, 11, 13, 5, tzinfo=UTC)
        run_cycle(study, at[0])
        (made,) = contents(study)
    assert {rule.line.rule_id: (rule.line.state.value, rule.line.events, rule.met) for rule in made.rules} == {
        "sae": ("CROSSED", 1, 1), "few": ("CROSSED", 1, 1),
    }  # fmt: skip
    assert sorted(alert.rule_id for alert in made.alerts) == ["few", "sae"]
    assert set(made.changes.opened) == {"sae", "few"}
    assert made.tables.overview["serious"].events == 1
    assert [item.usubjid for item in made.tables.serious] == ["S1"]


def test_a_summary_that_fails_holds_up_nothing_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Would catch a report that stops the rules from being judged, and one that is given up silently."""
    at = [datetime(2026, 5, 10, 12, tzinfo=UTC)]
    with study_of(in_chicago(tmp_path), at) as study:
        edc = Given("edc", {"DM": DM, "AE": NO_AE})
        study.sources = {"edc": edc}
        run_cycle(study, at[0])
        at[0] = datetime(2026, 5, 11, 13, 5, tzinfo=UTC)
        monkeypatch.setattr(summaries, "summary_content", lambda *_, **__: 1 / 0)
        for _ in range(3):
            run_cycle(study, at[0])
        told = [key for key in _ops(study) if "summary" in key]
        assert (contents(study), len(told)) == ([], 1)
        monkeypatch.undo()
        run_cycle(study, at[0])
        assert len(contents(study)) == 1
        with study.database.reading() as conn:
            assert periods.unfinished(conn, study.id, kinds=[summaries.KIND]) == []


def _ops(study: Study) -> list[str]:
    with study.database.reading() as conn:
        rows = conn.execute(table.select().where(table.c.audience == "ops")).all()
    return [str(row.content.get("kind")) for row in rows]


def test_nothing_is_due_before_monitoring_began(tmp_path: Path) -> None:
    at = [datetime(2026, 5, 11, 13, 5, tzinfo=UTC)]  # five past eight on a Monday
    with study_of(in_chicago(tmp_path), at) as study:
        study.sources = {"edc": Given("edc", {"DM": DM, "AE": pd.DataFrame(NO_AE)})}
        run_cycle(study, at[0])
        run_cycle(study, at[0])
        assert contents(study) == []
