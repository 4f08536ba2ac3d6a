"""The open summary of a moment that somebody asks for, in Slack or on the command line; never of one that cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.contents.summary import SummaryContent
from bot.lookup.summary_facts import summary_content
from bot.study import Study
from bot.telling.summaries import began, last_before
from storage.errors import UnknownStudy

WEEK = timedelta(days=7)
"""What is new is told since the last summary; where there was none, since so long before."""


class NoSummary(LookupError):
    """There is no summary of that moment. The text is the sentence for the person who asked."""


def asked_summary(study: Study, asked: str) -> SummaryContent:
    """The open summary as of a moment.

    Parameters
    ----------
    asked: a day (its end in the study's time zone) or a moment (of that zone unless it says another), ISO 8601;
        "" = now. Today means now.

    Raises
    ------
    NoSummary: no moment, one in the future or before the first evaluation, or nothing was ever evaluated.
    """
    now, zone = study.clock.study(), ZoneInfo(study.config.plan.timezone)
    start = _began(study)
    moment = min(_moment(asked, zone, now), now) if _is_today(asked, zone, now) else _moment(asked, zone, now)
    if moment > now:
        raise NoSummary(f"{asked} is in the future.")
    if moment < start:
        first = start.astimezone(zone)
        raise NoSummary(f"{asked} is before the study: monitoring began on {first:%Y-%m-%d at %H:%M}.")
    with study.database.reading() as conn:
        since = last_before(conn, study.id, moment) or max(start, moment - WEEK)
    content = summary_content(study, moment, report_of=now, since=since)
    assert content is not None, "there is an evaluation by then"
    return content


def _began(study: Study) -> datetime:
    try:
        with study.database.reading() as conn:
            start = began(conn, study.id)
    except UnknownStudy:
        start = None
    if start is None:
        raise NoSummary("Nothing was ever evaluated here, so that there is nothing to sum up.")
    return start


def _is_today(asked: str, zone: ZoneInfo, now: datetime) -> bool:
    return asked == now.astimezone(zone).date().isoformat()


def _moment(asked: str, zone: ZoneInfo, now: datetime) -> datetime:
    if not asked:
        return now
    try:
        if len(asked) == len("2026-05-14"):
            return datetime.combine(date.fromisoformat(asked), time.max, tzinfo=zone).astimezone(UTC)
        given = datetime.fromisoformat(asked)
    except ValueError as error:
        raise NoSummary(f"{asked} is not a moment. Write it as 2026-05-14 or 2026-05-14T08:00.") from error
    return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)
