"""`dsmbot go-live`: a clean check, a passed drill, a rehearsal that agrees and a named approver, written down."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.app import load_studies, now_utc, opened, secrets_of
from bot.checking.rules import Report
from bot.commands.check import examined
from bot.commands.guard import BadInput, guarded
from bot.commands.output import console, print_json, print_lines
from bot.config import StudyConfig
from bot.golive import readiness
from bot.golive.approver import NotNamed, approver
from bot.golive.dossier import Dossier
from bot.golive.drilled import Drilled, last_drill, shortcomings
from bot.golive.readiness import Lack
from bot.golive.record import identity, last_went_live, went_live
from bot.golive.rehearsal import rehearse
from bot.golive.rehearsed import Rehearsed
from bot.reports.files import made
from bot.study import Study
from bot.views import Mode
from bot.wording.go_live import go_live_report
from bot.wording.text import count
from storage.heads import read_head


@guarded
def run_go_live(
    config: list[Path] | None, *, approved_by: str, out: Path, accept: Sequence[str], again: bool, as_json: bool
) -> int:
    """Write the record, or say everything that is not yet so. Exit 0, or 1; 2 for words that cannot be used."""
    if out.suffix.casefold() != ".pdf":
        raise BadInput(f"--out {out}: the record is a PDF; write a name that ends in .pdf")
    configs = load_studies(config)
    if len(configs) > 1:
        raise BadInput("One study goes live at a time: give one -c")
    (study_config,) = configs
    try:
        named = approver(approved_by, study_config.slack)
    except NotNamed as why:
        raise BadInput(f"--approved-by: {why}.") from why
    report = examined(configs)
    with opened(configs, mode=Mode.LIVE, secrets=secrets_of()) as composed:
        (study,) = composed.studies
        if not again and _standing(study):
            return _already(study, as_json=as_json)
        return _gone(study, report, named, out, tuple(accept), as_json=as_json)


def _standing(study: Study) -> bool:
    with study.database.reading() as conn:
        last = last_went_live(conn, study.config.id)
    return last is not None and last.body["identity"] == identity(study.config)


def _already(study: Study, *, as_json: bool) -> int:
    with study.database.reading() as conn:
        last = last_went_live(conn, study.config.id)
    assert last is not None
    said = f"{study.config.id} went live on {last.at:%d %b %Y %H:%M} UTC, approved by {last.body['approved_by']}"
    if as_json:
        print_json({"study": study.config.id, "live": True, "lacking": [], "entry": last.seq, **last.body})
    print_lines([f"{said} (audit entry {last.seq:,}). Nothing changed since. --again writes a new record."])
    return 0


def _gone(study: Study, report: Report, named: str, out: Path, codes: Sequence[str], *, as_json: bool) -> int:
    config, at = study.config, now_utc()
    with study.database.reading() as conn:
        drill = last_drill(conn, config.id)
    lacking = [*readiness.unchecked(report, codes), *readiness.undrilled([*shortcomings(drill, config.slack, at)])]
    seen = None
    if report.ok:
        with console().status("Rehearsing over the records of today"):
            seen = rehearse(config, at)
        lacking += readiness.unrehearsed(seen)
    if lacking or drill is None or seen is None:
        return _refused(config, lacking, as_json=as_json)
    dossier = _dossier(study, report, named, drill, seen, codes, at)
    written = _written(dossier, out)
    body = {
        "approved_by": named, "identity": dossier.identity, "drill": drill.seq, "code_version": dossier.code_version,
        "accepted": [{"code": one.code, "where": one.warning.where} for one in dossier.accepted],
        "record": hashlib.sha256(written).hexdigest(),
    }  # fmt: skip
    went_live(study, body, at)
    return _said(study, body, out, as_json=as_json)


def _dossier(
    study: Study, report: Report, named: str, drill: Drilled, seen: Rehearsed, codes: Sequence[str], at: datetime
) -> Dossier:
    config = study.config
    with study.database.reading() as conn:
        head = read_head(conn, config.id)
    return Dossier(
        config=config, identity=identity(config), report=report, accepted=readiness.accepted(report, codes),
        drill=drill, rehearsed=seen, approved_by=named, at=at, code_version=study.code_version, seq=head.audit_seq,
        digest=head.audit_hash,
    )  # fmt: skip


def _written(dossier: Dossier, out: Path) -> bytes:
    """The file, whole or not at all, before anything says that it exists."""
    with console().status("Writing the record"):
        content = made(go_live_report(dossier), "pdf")
    draft = out.with_name(f".{out.name}.part")
    try:
        draft.write_bytes(content)
        draft.replace(out)
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}. Nothing was recorded.") from error
    return content


def _refused(config: StudyConfig, lacking: Sequence[Lack], *, as_json: bool) -> int:
    if as_json:
        print_json({"study": config.id, "live": False, "lacking": [{"what": x.what, "fix": x.fix} for x in lacking]})
    print_lines(f"Not yet: {one}" for one in lacking)
    print_lines([f"{config.id} has not gone live: {count(len(lacking), 'thing')} to settle. Nothing was recorded."])
    return 1


def _said(study: Study, body: dict[str, Any], out: Path, *, as_json: bool) -> int:
    with study.database.reading() as conn:
        head = read_head(conn, study.config.id)
    if as_json:
        print_json(
            {"study": study.config.id, "live": True, "lacking": [], "entry": head.audit_seq, "out": str(out), **body}
        )
    print_lines([
        f"{study.config.id} goes live, approved by {body['approved_by']}. Audit entry {head.audit_seq:,}.",
        f"The record: {out} (SHA-256 {body['record'][:12]}…). Sign it where you keep such records.",
        "Nobody is being watched yet: start dsmbot run.",
    ])  # fmt: skip
    return 0
