"""`dsmbot summary`: the open summary of any moment, as a file; nothing is posted, nothing is written but the file."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.access import disclose
from bot.app import load_studies, opened, secrets_of
from bot.commands.guard import BadInput, guarded
from bot.commands.output import console, print_json, print_lines
from bot.reports.files import FORMS, made
from bot.study import Study
from bot.summaries import began, last_before
from bot.summary_content import SummaryContent
from bot.summary_facts import summary_content
from bot.wording.report import report
from rules.model import Audience
from storage.errors import UnknownStudy

WEEK = timedelta(days=7)


@guarded
def run_summary(config: list[Path] | None, *, audience: str, as_of: str | None, out: Path, as_json: bool) -> int:
    """Write the summary. Exit 0; 2 for words that mean nothing, a moment that cannot be, a file that cannot be."""
    if audience != Audience.OPEN.value:
        raise BadInput(_refused(audience))
    form = out.suffix.removeprefix(".").lower()
    if form not in FORMS:
        raise BadInput(f"--out {out}: the ending says the form; write a name that ends in .{', .'.join(FORMS)}")
    configs = load_studies(config)
    if len(configs) > 1:
        raise BadInput("A summary is of one study: give one -c with it")
    with opened(configs, mode=None, secrets=secrets_of(), writable=False) as composed:
        (study,) = composed.studies
        with console().status(f"{study.id}: counting"):
            content = _content(study, as_of)
            view = disclose(content, Audience.OPEN, study.voice.setting)
            document = report(view)
            written = made(document, form)
    try:
        out.write_bytes(written)
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}") from error
    if as_json:
        print_json(_document(study, content, out, len(written)))
    print_lines(
        [f"{document.running} · {document.study} · {document.short}", f"{len(written):,} bytes written to {out}"]
    )
    return 0


def _refused(audience: str) -> str:
    if audience == Audience.CLOSED.value:
        return "--audience closed: closed summaries, by group, are not in this release. Nothing was written."
    return f"--audience {audience} has no summary. There is open."


def _content(study: Study, as_of: str | None) -> SummaryContent:
    now, zone = study.clock.study(), ZoneInfo(study.config.plan.timezone)
    try:
        with study.database.reading() as conn:
            start = began(conn, study.id)
    except UnknownStudy:
        start = None
    if start is None:
        raise BadInput("Nothing was ever evaluated here, so that there is nothing to sum up. Run dsmbot poll first.")
    moment = _moment(as_of, zone) if as_of else now
    if as_of and moment > now:
        raise BadInput(f"--as-of {as_of} is in the future.")
    if moment < start:
        first = start.astimezone(zone)
        raise BadInput(f"--as-of {as_of} is before the study: monitoring began on {first:%Y-%m-%d at %H:%M}.")
    with study.database.reading() as conn:
        since = last_before(conn, study.id, moment) or max(start, moment - WEEK)
    content = summary_content(study, moment, report_of=now, since=since)
    assert content is not None
    return content


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """A day (its end in the study's time zone), or a moment, of that zone unless it says another."""
    try:
        if len(text) == len("2026-05-14"):
            return datetime.combine(date.fromisoformat(text), time.max, tzinfo=zone).astimezone(UTC)
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--as-of {text} is not a moment. Write it as 2026-05-14 or 2026-05-14T08:00.") from error
    return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)


def _document(study: Study, content: SummaryContent, out: Path, size: int) -> dict[str, Any]:
    """Keys of `summary --json`: the stamps, and the measures of the treated population."""
    stamps, tables = content.stamps, content.tables
    return {
        "study": study.id,
        "audience": content.audience.value,
        "data_as_of": stamps.data_as_of.isoformat(),
        "as_of": stamps.as_of.isoformat(),
        "report_of": stamps.report_of.isoformat(),
        "batch": stamps.batch_no,
        "audit": f"{stamps.seq}:{stamps.digest}",
        "config": stamps.config,
        "populations": tables.populations,
        "disposition": dict(tables.disposition),
        "person_days": tables.person_days,
        "adverse_events": {
            name: {"subjects": measure.subjects, "events": measure.events, "doubtful": measure.doubtful}
            for name, measure in tables.overview.items()
        },
        "rules": [
            {"rule": rule.line.rule_id, "state": rule.line.state.value, "events": rule.line.events, "met": rule.met}
            for rule in content.rules
        ],
        "alerts_open": len(content.alerts),
        "out": str(out),
        "bytes": size,
    }
