"""Steps 1 and 2 of the cycle: ask each source that is due, and store what changed or why it could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.study import Study
from storage.errors import StorageError
from storage.revisions import IngestResult, ingest
from storage.source_state import load_state, record_failure
from storage.sources.base import Batch, RecordSource, SourceFailure

log = structlog.get_logger(__name__)

COUNTED = ("new", "changed", "deleted", "unchanged", "flagged", "duplicate_keys", "arm_revealing_dropped")


@dataclass(frozen=True)
class Polled:
    """How one poll of one source ended.

    Parameters
    ----------
    outcome: "ok", "unchanged" (nothing was read, because nothing had changed) or "failed".   reason: why it failed.
    counts: see `COUNTED`.   warnings: about the source as a whole.
    """

    source_id: str
    outcome: str
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """One entry of `sources` in `poll --json`; the reason is why it failed, or what is doubtful about a source."""
        counts = {name: int(self.counts.get(name, 0)) for name in COUNTED}
        return {
            "id": self.source_id,
            "outcome": self.outcome,
            "reason": self.reason or " ".join(self.warnings),
            **counts,
        }


def due_sources(study: Study, now: datetime) -> list[RecordSource]:
    """Sources that were not looked at for as long as their `every`, in the order of the configuration."""
    every = {settings.id: settings.every for settings in study.config.sources}
    with study.database.reading() as conn:
        polled_at = {name: load_state(conn, study.id, name).last_polled_at for name in study.sources}
    return [
        source
        for name, source in study.sources.items()
        if (last := polled_at[name]) is None or now - last >= every[name] or now < last
    ]


def poll_source(study: Study, source: RecordSource, now: datetime) -> Batch | SourceFailure:
    """What a source holds, or why it cannot be read; a fault of a plug-in is a failure of its source alone."""
    with study.database.reading() as conn:
        state = load_state(conn, study.id, source.id)
    try:
        return source.poll(state, now)
    except SourceFailure as failure:
        return failure
    except Exception as error:  # a source may be a plug-in: whatever it raises is recorded as its failure
        log.exception("source.failed", study=study.id, source=source.id)
        return SourceFailure(
            f"the source raised {type(error).__name__}", "See the log; report it to the source's maker"
        )


def ingest_batch(study: Study, source: RecordSource, batch: Batch | SourceFailure, now: datetime) -> Polled:
    """Store what changed, or that the source failed: in that case nothing is taken and nothing is deleted.

    Whatever is raised over the records of one source, other than by the database, is that source's failure: the
    others go on, and people are told, instead of a cycle that ends at the same place each time.
    """
    if isinstance(batch, SourceFailure):
        return _failed(study, source, batch, now)
    try:
        result = ingest(
            study.database,
            study.id,
            batch,
            now=now,
            derivation=study.config.derivation,
            allocation_key=study.allocation_key,
            arm_revealing_extra=study.config.privacy.arm_revealing,
        )
    except SourceFailure as failure:
        return _failed(study, source, failure, now)
    except (StorageError, SQLAlchemyError):
        raise
    except Exception as error:  # whatever a source's records make fail must not end the cycle of the others
        log.exception("source.failed", study=study.id, source=source.id)
        reason = f"its records could not be compared with what is stored ({type(error).__name__})"
        return _failed(
            study, source, SourceFailure(reason, "See the log; report it to the source's maker, or to us"), now
        )
    return _stored(source, batch, result)


def _stored(source: RecordSource, batch: Batch, result: IngestResult) -> Polled:
    outcome = "unchanged" if batch.unchanged else "ok"
    return Polled(source.id, outcome, counts=result.counts, warnings=(*batch.warnings, *result.warnings))


def _failed(study: Study, source: RecordSource, failure: SourceFailure, now: datetime) -> Polled:
    record_failure(study.database, study.id, source.id, failure, started_at=now, now=now)
    return Polled(source.id, "failed", f"{failure.reason}. {failure.fix}")
