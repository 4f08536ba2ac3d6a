"""The weekly open summary: what fell due is frozen, queued with its files and finished in one transaction, once.

A summary says what was known when it was due, whenever it is made: a week that was missed is posted with the numbers
of that week, labelled late.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, Connection, func, select

from bot.contents.summary import Form, SummaryContent, SummaryFileContent
from bot.lookup.summary_facts import summary_content
from bot.study import Study
from bot.telling.outgoing import Notice, key, queue
from bot.views import OpsContent, OpsKind
from rules.model import Audience
from storage import periods
from storage.errors import DatabaseUnavailable, StaleWriter
from storage.schema import evaluation, period

log = structlog.get_logger(__name__)

KIND = "open_summary"
PRIORITY = 9
"""Behind everything: a report can wait."""

LATE = timedelta(minutes=30)
"""A summary that is made later than this after it was due says so."""

FORMS: tuple[Form, ...] = ("pdf", "xlsx")


def open_summaries(study: Study, now: datetime) -> int:
    """Freeze and queue every open summary that fell due, missed ones too, each once. Returns how many.

    A summary that cannot be made holds up nothing: ops is told, and it is tried again in the next cycle.
    """
    if study.unblinded or Audience.OPEN not in study.audiences:
        return 0
    made = 0
    for one in _due(study, now):
        try:
            made += _summary(study, one, now)
        except (DatabaseUnavailable, StaleWriter):
            raise
        except Exception as error:  # the rules must be judged and told whatever becomes of a report
            log.exception("a summary cannot be made", study=study.id)
            _tell(study, one, now, f"The program failed ({type(error).__name__})")
            break
    return made


def _due(study: Study, now: datetime) -> list[periods.Period]:
    """Periods that wait, oldest first; a look that writes nothing where none does."""
    schedule, zone = str(study.config.schedule.open_summary), study.config.plan.timezone
    with study.database.reading() as conn:
        start = began(conn, study.id)
        if start is None:
            return []
        last = conn.execute(select(func.max(period.c.due_at)).where(_mine(study.id))).scalar_one()
        waiting = periods.unfinished(conn, study.id, kinds=[KIND])
    if not waiting and not periods.due_instants(schedule, zone, last or start, now):
        return []
    with study.database.writing(study.id) as conn:
        return periods.due(conn, study.id, KIND, schedule, tz=zone, now=now, since=start)


def _summary(study: Study, one: periods.Period, now: datetime) -> bool:
    with study.database.reading() as conn:
        since = last_before(conn, study.id, one.due_at)
    late = one.due_at if now - one.due_at > LATE else None
    content = summary_content(study, one.due_at, report_of=now, since=since, due_at=late)
    with study.database.writing(study.id) as conn:
        number = _queue(conn, study, one, content) if content else None
        return periods.finish(conn, one, at=now, outbox_id=number)


def _queue(conn: Connection, study: Study, one: periods.Period, content: SummaryContent) -> int:
    """The message, and its files as replies to it; the same period queues nothing twice."""
    day = one.due_at.astimezone(ZoneInfo(study.config.plan.timezone)).date()
    head = key(conn, study.id, KIND, one.due_at.isoformat())
    number = queue(conn, study, Notice(head, content, Audience.OPEN, priority=PRIORITY))
    for form in FORMS:
        mine = key(conn, study.id, "summary_file", one.due_at.isoformat(), form)
        file = SummaryFileContent(head, form, file_name(study.id, f"{day:%Y-%m-%d}", mine, form))
        queue(conn, study, Notice(mine, file, Audience.OPEN, kind="file", priority=PRIORITY, thread_key=head))
    return number


def file_name(study_id: str, day: str, delivery_key: str, form: str) -> str:
    """`STS-CALC_open_summary_2026-05-18_9f3a51c0.pdf`: found again in a thread by this name alone."""
    known = "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in study_id)
    return f"{known}_open_summary_{day}_{delivery_key[-8:]}.{form}"


def last_before(conn: Connection, study_id: str, moment: datetime) -> datetime | None:
    """When the open summary before a moment was due; None where there was none."""
    c = period.c
    last: datetime | None = conn.execute(
        select(func.max(c.due_at)).where(_mine(study_id), c.due_at < moment)
    ).scalar_one()
    return last


def _mine(study_id: str) -> ColumnElement[bool]:
    return (period.c.study_id == study_id) & (period.c.kind == KIND)


def _tell(study: Study, one: periods.Period, now: datetime, reason: str) -> None:
    with study.database.writing(study.id) as conn:
        content = OpsContent(OpsKind.SUMMARY_FAILED, now, "open", reason, "Please report this fault of the program")
        queue(conn, study, Notice(key(conn, study.id, "ops", "summary_failed", one.due_at.isoformat()), content))


def began(conn: Connection, study_id: str) -> datetime | None:
    """When monitoring began, which is the first evaluation: nothing is due before it."""
    c = evaluation.c
    first = select(c.at).where(c.study_id == study_id).order_by(c.evaluation_id).limit(1)
    start: datetime | None = conn.execute(first).scalar_one_or_none()
    return start
