"""The weekly summary falls due once a week, whatever clocks and processes do, and says what was known then."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from bot.contents.summary import SummaryContent, SummaryFileContent
from bot.cycle import run_cycle
from bot.study import Study
from bot.telling import summaries
from bot.views import stored_from_body
from storage import outbox, periods
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


def in_chicago(folder: Path) -> Path:
    study = {"id": "TWO", "timezone": "America/Chicago", "planned_n": 9, "treatment_days": 84, "followup_days": 28}
    return configured(folder, study=study)


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
