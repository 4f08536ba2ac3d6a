"""`dsmbot source test` and `dsmbot source accept`."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

from bot.app import SYSTEM_CLOCK, load_studies, now_utc
from bot.commands.guard import BadInput, guarded
from bot.commands.output import print_json, print_lines
from bot.config import StudyConfig
from bot.loading import kinds
from storage.database import Database, open_database
from storage.heads import read_head
from storage.source_state import accept_once
from storage.sources.base import Extract, SourceFailure, SourceState


def _find(configs: list[StudyConfig], source_id: str) -> tuple[StudyConfig, Any]:
    found = [(config, settings) for config in configs for settings in config.sources if settings.id == source_id]
    if not found:
        known = sorted({settings.id for config in configs for settings in config.sources})
        raise BadInput(f"There is no source {source_id!r}. Configured: {', '.join(known)}.")
    if len(found) > 1:
        raise BadInput(f"{source_id!r} is a source of several studies: give one -c.")
    return found[0]


@guarded
def run_test(config: list[Path] | None, *, source_id: str, as_json: bool) -> int:
    """Read a source as if for the first time. Exit 1 when it cannot be read. Nothing is stored."""
    study, settings = _find(load_studies(config), source_id)
    source = kinds("dsmbot.sources")[settings.kind].from_settings(settings, study.base_dir)  # type: ignore[attr-defined]
    try:
        batch = source.poll(SourceState(), SYSTEM_CLOCK.study())
    except SourceFailure as failure:
        document: dict[str, Any] = {"id": source_id, "outcome": "failed", "reason": f"{failure.reason}. {failure.fix}"}
        print_lines([f"{source_id} cannot be read: {document['reason']}"])
    else:
        domains = {name: _domain(extract) for name, extract in batch.records.items()}
        document = {
            "id": source_id,
            "outcome": "ok",
            "reason": "",
            "domains": domains,
            "warnings": list(batch.warnings),
        }
        print_lines(f"{name}: {found['rows']} rows, {len(found['columns'])} columns" for name, found in domains.items())
        print_lines(f"Warning: {warning}" for warning in batch.warnings)
    if as_json:
        print_json(document)
    return 0 if document["outcome"] == "ok" else 1


def _domain(extract: Extract) -> dict[str, Any]:
    columns = [str(name) for name in extract.frame.columns if name not in ("file", "row_no")]
    return {"rows": len(extract.frame), "columns": columns}


@guarded
def run_accept(config: list[Path] | None, *, source_id: str, reason: str, by: str) -> int:
    """Admit one smaller file at the next poll, audited. Exit 0."""
    study, settings = _find(load_studies(config), source_id)
    if not reason.strip():
        raise BadInput("--reason is empty: say why fewer records are right; it is kept in the audit record.")

    _refuse_unpolled(study)
    beside = Database(study.storage.url)  # beside a running dsmbot: nothing is taken over, the study's lock orders both
    try:
        accept_once(
            beside, study.id, settings.id, reason=reason, by=f"operator:{by or getpass.getuser()}", now=now_utc()
        )
    finally:
        beside.close()
    print_lines([f"{source_id}: the next poll admits a smaller file, once. Reason recorded."])
    return 0


def _refuse_unpolled(study: StudyConfig) -> None:
    """Check that the database is ours and knows the study, without disturbing a process that uses it."""
    reader = open_database(study.storage.url, mode=None, study_ids=[], now=now_utc(), writable=False)
    try:
        with reader.reading() as conn:
            read_head(conn, study.id)
    finally:
        reader.close()
