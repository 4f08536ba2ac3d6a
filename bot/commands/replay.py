"""`dsmbot replay`: the study through its rules again; nothing is posted, nothing is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from bot.app import SYSTEM_CLOCK, Opened, load_studies, opened, secrets_of
from bot.commands.guard import BadInput, guarded
from bot.commands.output import console, print_json, print_lines
from bot.config import Storage, StudyConfig
from bot.loading import kinds
from bot.polling import ingest_batch, poll_source
from bot.replaying import Replayed, as_run, replay
from bot.study import Study
from bot.views import Mode
from rules.model import Audience, State
from rules.registry import Registry
from storage.errors import UnknownStudy
from storage.heads import read_head

ORDERS = ("batch", "entry-date", "onset")


@guarded
def run_replay(
    config: list[Path] | None, *, start: str | None, end: str | None, by: str, as_run: bool, as_json: bool
) -> int:
    """Replay. Exit 1 when `--as-run` found a difference, 2 for words that mean nothing."""
    if by not in ORDERS:
        raise BadInput(f"--by {by} does not exist. Choose {', '.join(ORDERS)}.")
    first, last = _day("--from", start), _day("--to", end)
    documents = []
    configs = load_studies(config)
    history = _has_history(configs)
    if as_run and not history:
        raise BadInput("Nothing was ever evaluated here, so that nothing can be judged as it was.")
    with _readable(configs, history=history) as composed:
        for study in composed.studies:
            documents.append(_document(study, _replayed(study, by, first, last, as_run)))
    if as_json:
        print_json(documents[0] if len(documents) == 1 else {"studies": documents})
    print_lines(line for document in documents for line in _lines(document))
    return 1 if any(document["differences"] for document in documents) else 0


def _day(option: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadInput(f"{option} {text} is not a day. Write it as 2026-05-14.") from error


def _replayed(study: Study, by: str, first: date | None, last: date | None, stored: bool) -> Replayed:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console(), transient=True) as progress:
        task = progress.add_task(f"{study.id}: replaying", total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        if stored:
            return as_run(study, Registry(kinds("dsmbot.rules")), told)
        return replay(study, by=by, start=first, end=last, now=study.clock.study(), progress=told)


@contextmanager
def _readable(configs: list[StudyConfig], *, history: bool) -> Iterator[Opened]:
    """The studies as stored; where nothing ever was, their sources read once into a database that is forgotten."""
    secrets = secrets_of()
    if history:
        with opened(configs, mode=None, secrets=secrets, writable=False) as composed:
            yield composed
        return
    print_lines(["Nothing is stored yet: the sources are read once for this replay, and forgotten."])
    with tempfile.TemporaryDirectory(prefix="dsmbot-replay-") as folder:
        storage = Storage(url=f"sqlite:///{Path(folder) / 'replay.db'}")
        forgotten = [replace(config, storage=storage) for config in configs]
        with opened(forgotten, mode=Mode.REHEARSAL, secrets=secrets) as composed:
            for study in composed.studies:
                _read_once(study)
            yield composed


def _has_history(configs: list[StudyConfig]) -> bool:
    path = configs[0].storage.url.removeprefix("sqlite:///")
    if configs[0].storage.url.startswith("sqlite") and not Path(path).exists():
        return False
    with opened(configs, mode=None, secrets=secrets_of(), writable=False) as composed:
        try:
            with composed.database.reading() as conn:
                return any(read_head(conn, config.id).batch_no > 0 for config in configs)
        except UnknownStudy:
            return False


def _read_once(study: Study) -> None:
    now = SYSTEM_CLOCK.study()
    for source in study.sources.values():
        polled = ingest_batch(study, source, poll_source(study, source, now), now)
        if polled.outcome == "failed":
            raise BadInput(f"source {source.id}: {polled.reason}")


def _document(study: Study, found: Replayed) -> dict[str, Any]:
    return {
        "study": study.id,
        "audience": Audience.OPEN.value,
        "findings": found.documents(),
        "batches": found.steps,
        "records": found.records,
        "differences": list(found.differences),
    }


def _lines(document: dict[str, Any]) -> list[str]:
    lines = [f"{document['study']}: {document['batches']} steps, {document['records']} records"]
    for item in document["findings"]:
        if item["state"] != State.WITHIN.value:
            crossed = (
                f", crossed {item['first_crossed_on']}, knowable {item['known_at']}" if item["first_crossed_on"] else ""
            )
            lines.append(f"  {item['rule']} ({item['scope']}): {item['state']}, {item['events']} events{crossed}")
    lines += [f"  differs: {difference}" for difference in document["differences"]]
    return lines
