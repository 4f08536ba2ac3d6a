"""A reporting clock as people in the channel see it, while time passes without a record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.contents.clocks import Stands, clocks_running
from storage.findings import last_findings
from storage.heads import read_head
from storage.schema import evaluation
from tests.bot.commands.life import START, Life, life
from tests.bot.commands.site import SERIOUS, Site, event, subjects

COLUMNS = {"AE": {"AWAREDTC": "AWARE", "SUBMDTC": "SENT"}}
SOURCE = {"id": "edc", "kind": "sdtm", "path": "data/", "every": "1 s", "columns": COLUMNS, "stale_after": "90 d"}
CLOCK = {
    "id": "sponsor-report", "kind": "clock", "title": "Serious event, to the sponsor", "events": {"serious": True},
    "clocks": [{"name": "Sponsor report", "limit": "24 h"}], "warn_at": [0.5], "action": "notify",
    "urgency": "urgent", "audience": "open",
}  # fmt: skip
MINOR = event(1, AESER="N", AWARE="", SENT="")
SAE = event(2, AESER="Y", AEREL="RELATED", AESTDTC="2026-05-13", AWARE="2026-05-14T13:10Z", SENT="")


def replies(found: Life) -> list[str]:
    """Top-level texts of the thread under the clock's alert."""
    (parent,) = [m for m in found.site.workspace.messages("#site-safety") if is_parent(m)]
    return [m["text"] for m in found.site.workspace.thread("#site-safety", parent["ts"])[1:]]


def is_parent(message: dict[str, Any]) -> bool:
    top = message.get("thread_ts") in (None, message["ts"])
    return top and "Serious event, to the sponsor" in str(message["blocks"])


def started(site: Site) -> Any:
    """A study whose first records were read before anything serious happened."""
    return life(site, START)


def test_a_day_in_the_life_of_a_clock(site_of: Callable[..., Site]) -> None:
    """14:00 monitored; 15:00 read; 01:10 warned, 13:10 overdue, each within a minute though no record came."""
    site = site_of(rules=[SERIOUS, CLOCK], sources=[SOURCE])
    with started(site) as found:
        found.put(MINOR, dm=subjects(6))
        found.cycle()
        found.put(MINOR, SAE)
        found.cycle(hours=1)
        (told,) = [m["text"] for m in site.messages("open") if "RELATED SERIOUS EVENT" in m["text"]]
        assert "Sponsor report: 24 h from recorded awareness, due Fri 15 May 2026 13:10 UTC (UTC+0)." in told
        assert not [m for m in site.workspace.messages("#site-safety") if is_parent(m)]
        with found.study.database.reading() as conn:
            assert read_head(conn, found.study.id).next_due == START.replace(day=15, hour=0)  # midnight comes first
        found.cycle(hours=9)
        found.cycle(hours=1, minutes=9)
        assert not [m for m in site.workspace.messages("#site-safety") if is_parent(m)]
        found.cycle(minutes=1)
        assert found.hand[0] == START.replace(day=15, hour=1, minute=10)
        (warned,) = [m["text"] for m in site.workspace.messages("#site-safety") if is_parent(m)]
        assert warned.startswith(
            "REPORT DUE SOON · SITE-1 · subject S-002: Sponsor report: 24 h from recorded awareness"
        )
        found.cycle(hours=11, minutes=59)
        assert replies(found) == []
        found.cycle(minutes=1)
        (overdue,) = replies(found)
        assert overdue.startswith("REPORT OVERDUE · SITE-1 · sponsor-report: Sponsor report: 24 h from recorded")
        assert "overdue since Fri 15 May 2026 13:10 UTC" in overdue
        (parent,) = [m["text"] for m in site.workspace.messages("#site-safety") if is_parent(m)]
        assert parent.startswith("REPORT OVERDUE")
        assert "DSMBot submits nothing" in str(site.workspace.thread("#site-safety", _ts(found))[0]["blocks"])


def test_a_report_ends_it_and_later_records_do_not_bring_it_back(site_of: Callable[..., Site]) -> None:
    site = site_of(rules=[CLOCK], sources=[SOURCE])
    with started(site) as found:
        found.put(MINOR, dm=subjects(6))
        found.cycle()
        found.put(MINOR, SAE)
        found.cycle(hours=1)
        assert [row.stands for row in rows(found)] == [Stands.RUNNING]
        found.cycle(hours=10, minutes=10)
        assert [row.stands for row in rows(found)] == [Stands.WARNED]
        found.put(MINOR, {**SAE, "SENT": "2026-05-15T01:00Z"})
        found.cycle(minutes=20)
        (said,) = replies(found)
        assert said.startswith("REPORT SUBMITTED · SITE-1 · sponsor-report:")
        assert "submitted Fri 15 May 2026 01:00 UTC (UTC+0), in time." in said
        assert rows(found) == ()
        found.cycle(days=3)
        assert len(replies(found)) == 1


def test_awareness_moved_later_and_a_deleted_record_do_not_silence_it(site_of: Callable[..., Site]) -> None:
    site = site_of(rules=[CLOCK], sources=[SOURCE])
    with started(site) as found:
        found.put(MINOR, dm=subjects(6))
        found.cycle()
        found.put(MINOR, SAE)
        found.cycle(hours=1)
        found.put(MINOR, {**SAE, "AWARE": "2026-05-16T08:00Z"})
        found.cycle(hours=1)
        assert [row.due_at.isoformat() for row in rows(found)] == ["2026-05-15T13:10:00+00:00"]
        found.put(MINOR, event(3, AESER="N", AWARE="", SENT=""))
        found.cycle(hours=1)
        assert [row.record for row in rows(found)] == ["deleted"]
        found.cycle(hours=24)
        (parent,) = [m["text"] for m in site.workspace.messages("#site-safety") if is_parent(m)]
        assert "The event's record was deleted since." in parent
        assert parent.startswith("REPORT OVERDUE")


def test_a_replay_says_what_was_said_and_nothing_is_judged_for_nothing(site_of: Callable[..., Site]) -> None:
    """Catches: a time in a finding that is not the evaluation's own, and evaluations while nothing can change."""
    site = site_of(rules=[CLOCK], sources=[SOURCE])
    with started(site) as found:
        found.put(MINOR, dm=subjects(6))
        found.cycle()
        found.put(MINOR, SAE)
        for minutes in (60, 600, 10, 60, 660, 60, 30):
            found.cycle(minutes=minutes)
        with found.study.database.reading() as conn:
            times = conn.execute(select(evaluation.c.at).order_by(evaluation.c.evaluation_id)).scalars().all()
        assert [at - START for at in times] == [
            timedelta(0), timedelta(hours=1), timedelta(hours=11), timedelta(hours=11, minutes=10),
            timedelta(hours=23, minutes=10),
        ]  # fmt: skip
    done = site.run("replay", "--as-run", "--json")
    assert (done.code, done.json["differences"]) == (0, [])


def test_what_was_overdue_before_monitoring_began_is_told_once_with_everything_else(
    site_of: Callable[..., Site],
) -> None:
    site = site_of(rules=[CLOCK], sources=[SOURCE])
    old = {**SAE, "AWARE": "2026-03-01T08:00Z"}
    with started(site) as found:
        found.put(MINOR, old, dm=subjects(6))
        found.cycle()
        assert not [m for m in site.workspace.messages("#site-safety") if is_parent(m)]
        (state,) = [m["text"] for m in site.messages("open") if m["text"].startswith("MONITORING BEGAN")]
        assert "Already met by events recorded before, not alerted one by one: sponsor-report" in state


def rows(found: Life) -> tuple[Any, ...]:
    """The clocks that run, as App Home would list them."""
    with found.study.database.reading() as conn:
        return clocks_running(last_findings(conn, found.study.id, rule_id="sponsor-report").values())


def _ts(found: Life) -> str:
    (parent,) = [m for m in found.site.workspace.messages("#site-safety") if is_parent(m)]
    return str(parent["ts"])
