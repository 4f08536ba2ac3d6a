"""`dsmbot summary`: the open summary of any moment, as a file; nothing is posted, nothing is written but the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.access import disclose
from bot.app import load_studies, opened, secrets_of
from bot.commands.guard import BadInput, guarded
from bot.commands.output import console, print_json, print_lines
from bot.contents.summary import SummaryContent
from bot.lookup.summary import NoSummary, asked_summary
from bot.reports.files import FORMS, made
from bot.study import Study
from bot.wording.report import report
from rules.model import Audience


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
    try:
        return asked_summary(study, as_of or "")
    except NoSummary as why:
        raise BadInput(f"--as-of {why}" if as_of else f"{why} Run dsmbot poll first.") from why


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
