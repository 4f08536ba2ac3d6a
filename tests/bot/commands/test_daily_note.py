"""The daily note in a life: what it calls new, what people did, and the way to each open alert."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.access import disclose
from bot.cycle import run_cycle
from bot.study import Study
from bot.views import StatusContent, stored_from_body
from bot.wording.notes import note
from rules.model import Audience
from storage import alerts
from storage.alert_records import ResponseKind
from storage.heads import lock_head
from storage.schema import outbox as table
from tests.bot.commands.life import Life, life
from tests.bot.commands.site import SERIOUS, Site, event, subjects
from tests.bot.test_watchfulness import DM, NO_AE, Given, configured, sae, study_of

SOURCE = {
    "id": "edc", "kind": "sdtm", "path": "data/", "every": "1 s", "columns": {"AE": {"ENTRYDTC": "ENTERED"}},
}  # fmt: skip
ONE = {"id": "edc", "kind": "simulated", "every": "1 min"}
LATE = event(3, AESER="Y", AEREL="RELATED", AESTDTC="2026-04-01", ENTERED="2026-05-14T14:30:00")


@pytest.fixture
def lived(site_of: Callable[..., Site]) -> Iterator[Life]:
    with life(site_of(rules=[SERIOUS], sources=[SOURCE])) as found:
        found.put(event(1, ENTERED="2026-02-05"), dm=subjects(6))
        found.cycle()
        yield found


def notes(found: Life) -> list[dict[str, Any]]:
    messages = found.site.messages("open")
    return [m for m in messages if m["text"].startswith(("Checked:", "Could not check"))]


def test_a_line_leads_to_the_alert_s_own_message(lived: Life) -> None:
    """Would catch a link to another message, one that the lock screen reads aloud, and a note that pings people."""
    lived.put(event(1, ENTERED="2026-02-05"), LATE)
    lived.cycle(hours=1)
    (parent,) = [m for m in lived.site.messages("open") if m["text"].startswith("RELATED SERIOUS EVENT")]
    lived.cycle(hours=24)
    (note,) = notes(lived)
    (address,) = re.findall(r"<(http[^|>]+)\|view>", json.dumps(note["blocks"]))
    assert address.endswith(f"/p{parent['ts'].replace('.', '')}")
    assert "http" not in note["text"]
    assert "<@U0INVESTIGATOR>" not in note["text"]


def test_without_an_address_the_line_stands_alone(lived: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a note that waits for a link, or is lost with it."""
    assert lived.study.delivery is not None
    monkeypatch.setattr(lived.study.delivery.line.client, "chat_getPermalink", _refused)
    lived.put(event(1, ENTERED="2026-02-05"), LATE)
    lived.cycle(hours=1)
    lived.cycle(hours=24)
    (note,) = notes(lived)
    assert "Open: " in note["text"]
    assert "view" not in json.dumps(note["blocks"])


def _refused(**_: str) -> None:
    raise SlackApiError("refused", {"ok": False, "error": "message_not_found"})


def stored(study: Study) -> list[StatusContent]:
    with study.database.reading() as conn:
        rows = conn.execute(table.select().where(table.c.audience == "open").order_by(table.c.outbox_id)).all()
    found = [stored_from_body(row.content) for row in rows]
    return [one for one in found if isinstance(one, StatusContent)]


def begun(study: Study, edc: Given, at: list[datetime]) -> None:
    """Monitoring begins without an event; an hour later a serious one opens the alerts of two rules."""
    study.sources = {"edc": edc}
    run_cycle(study, at[0])
    at[0] += timedelta(hours=1)
    edc.frames = {"DM": DM, "AE": sae("2026-05-04")}
    run_cycle(study, at[0])


def answered(study: Study, at: datetime, kind: ResponseKind, **body: str) -> None:
    with study.database.writing(study.id) as conn:
        head = lock_head(conn, study.id)
        for item in alerts.open_alerts(conn, study.id):
            done = alerts.add_response(
                conn, head, alert_id=item.alert_id, kind=kind, alert_version=1, user_id="U1", team_id="T1", at=at,
                basis="b", inbox_key=f"{kind}/{item.alert_id}", body=body,
            )  # fmt: skip
            head = done.head


def test_an_alert_that_was_opened_and_resolved_in_between_is_news(tmp_path: Path) -> None:
    """Would catch "nothing new" about a crossing that somebody resolved before the note."""
    at = [datetime(2026, 5, 4, 12, tzinfo=UTC)]
    edc = Given("edc", {"DM": DM, "AE": NO_AE})
    with study_of(configured(tmp_path), at) as study:
        begun(study, edc, at)
        answered(study, at[0], ResponseKind.RESOLVED)
        at[0] = datetime(2026, 5, 5, 8, 1, tzinfo=UTC)
        run_cycle(study, at[0])
        (note,) = stored(study)
    assert (sorted(note.newly), note.changed, note.alerts) == (["few", "sae"], (), ())


def test_a_decision_is_not_called_missing_and_a_change_is_not_called_nothing(tmp_path: Path) -> None:
    """Would catch "no decision" of what was decided, and "nothing new" of an alert that lost its basis."""
    at = [datetime(2026, 5, 4, 12, tzinfo=UTC)]
    edc = Given("edc", {"DM": DM, "AE": NO_AE})
    with study_of(configured(tmp_path, sources=[ONE]), at) as study:
        begun(study, edc, at)
        answered(study, at[0], ResponseKind.DECIDED, decision="pause_enrolment", scope="all")
        for day in (5, 6):
            at[0] = datetime(2026, 5, day, 8, 1, tzinfo=UTC)
            run_cycle(study, at[0])
            edc.frames = {"DM": DM, "AE": NO_AE}
        setting = study.voice.setting
        first, second = (note(disclose(one, Audience.OPEN, setting)) for one in stored(study))
    assert "decided 19 h ago: pause enrolment, not resolved." in first.text
    assert "no decision" not in first.text
    assert second.head.endswith("Checked: 2 alerts changed · 2 alerts still open")
    assert "none newly crossed. Changed since the last note: sae and few." in second.text


def test_a_late_note_names_a_next_one_that_is_to_come(tmp_path: Path) -> None:
    """Would catch "None by 08:30? Assume DSMBot is down" about a morning that is long past."""
    at = [datetime(2026, 5, 4, 12, tzinfo=UTC)]
    with study_of(configured(tmp_path), at) as study:
        begun(study, Given("edc", {"DM": DM, "AE": NO_AE}), at)
        at[0] = datetime(2026, 5, 7, 12, tzinfo=UTC)
        run_cycle(study, at[0])
        made = stored(study)
    assert [one.due_at.day for one in made if one.due_at] == [5, 6, 7]
    assert {one.next_at for one in made} == {datetime(2026, 5, 8, 8, tzinfo=UTC)}


def test_after_a_change_of_the_hour_both_notes_of_one_day_are_said(tmp_path: Path) -> None:
    """Would catch the second note of a day dropped as the first one again."""
    at = [datetime(2026, 5, 4, 12, tzinfo=UTC)]
    edc = Given("edc", {"DM": DM, "AE": NO_AE})
    for hour in (8, 17):
        with study_of(configured(tmp_path, schedule={"daily_note": f"{hour:02}:00"}), at) as study:
            study.sources = {"edc": edc}
            run_cycle(study, at[0])
            at[0] = datetime(2026, 5, 5, hour, 1, tzinfo=UTC)
            run_cycle(study, at[0])
            made = stored(study)
    assert [one.at.hour for one in made if one.at.day == 5] == [8, 17]
