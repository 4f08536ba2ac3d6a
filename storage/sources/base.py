"""What every record source is: settings that are its YAML, a poll that gives a `Batch` or raises `SourceFailure`.

A source reads and maps; it decides nothing. Which variables are kept, which are split off because they reveal an
arm, what is new and what was deleted is decided in one place for all sources (`storage.revisions.ingest`), so that
a plug-in cannot forget it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

import pandas as pd
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from rules.sdtm import KEEP, MAPPED, FaultKind

DOMAINS: tuple[str, ...] = tuple(KEEP)
"""SDTM domains that are read; a source may bring any of them."""

_UNITS = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|sec|min|m|h|d)\s*")


class SourceFailure(Exception):
    """A source could not be read as a whole; nothing of it is taken and nothing is deleted.

    Parameters
    ----------
    reason: what happened and where (file, column, row), one sentence; never a value.
    fix: what the reader can do about it.
    """

    def __init__(self, reason: str, fix: str) -> None:
        self.reason, self.fix = reason, fix
        super().__init__(f"{reason}. {fix}")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is doubtful in one kept row: by file, row and column, never by value.

    Parameters
    ----------
    domain: SDTM domain.   file: name of the file or table at the source.
    row_no: 1-based data row in it; 0 = the file as a whole.
    variable: SDTM variable.   kind: what is doubtful.
    record_key: the record, "" while it is not known.
    """

    domain: str
    file: str
    row_no: int
    variable: str
    kind: FaultKind
    record_key: str = ""


@dataclass(frozen=True, slots=True)
class Extract:
    """What one poll read of one domain.

    Parameters
    ----------
    frame: SDTM-named columns as the source has them (any dtype; `storage.records` brings them to canonical text).
        Two optional columns in lower case say where a row stands: `file` and `row_no` (1-based).
    complete: these are all the rows that the domain now has, so that a record not among them was deleted.
        False: only rows that are new or changed, and `gone` names what was deleted.
    gone: record keys that are deleted; only with `complete=False`.
    unread: rows known to be as before and therefore not in the frame; only with `complete=False`.
    ragged: rows (positions in `frame`) whose number of fields was wrong; kept and flagged.
    """

    frame: pd.DataFrame
    complete: bool = True
    gone: tuple[str, ...] = ()
    unread: int = 0
    ragged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll of one source brought.

    Parameters
    ----------
    source_id: id of the source in the config.
    records: domain → extract. A domain that was skipped as unchanged is absent.
    complete: every domain of the source was read or known to be unchanged.
    watermark: aware UTC up to which the source is known.
    unchanged: nothing was read, because nothing had changed.
    fingerprint: JSON values by which the next poll recognises what it has already read.
    event_key: domain → variable that names the event.   record_key: domain → configured variable that names the row.
    warnings: about the source as a whole, for the people who run it; without values.
    accepted_smaller: a smaller file was let in because an operator had accepted it.
    """

    source_id: str
    records: Mapping[str, Extract]
    complete: bool
    watermark: datetime
    unchanged: bool = False
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    event_key: Mapping[str, str] = field(default_factory=dict)
    record_key: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    accepted_smaller: bool = False


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of one source between polls, also over restarts (table `source_state`).

    Parameters
    ----------
    record_keys: domain → variables that name a row beside USUBJID, chosen at the first load, never switched.
    fingerprint: as the last batch gave it.
    columns: domain → kept columns seen so far.
    last_complete_at, last_polled_at, failing_since: aware UTC or None.
    reason: of the failure, "" while all is well.
    accept_once: {"reason", "by", "at"} admits one smaller file; None otherwise.
    """

    record_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    last_complete_at: datetime | None = None
    last_polled_at: datetime | None = None
    failing_since: datetime | None = None
    reason: str = ""
    accept_once: Mapping[str, str] | None = None


@runtime_checkable
class RecordSource(Protocol):
    """A place that records come from. Registered by `kind` through the entry-point group `dsmbot.sources`.

    A class with a frozen pydantic `Settings`, whose fields are its YAML, and
    `from_settings(settings, base_dir)`; `base_dir` is the folder of the configuration file.
    """

    kind: ClassVar[str]
    Settings: ClassVar[type[BaseModel]]

    @property
    def id(self) -> str:
        """Id of the source in the config."""

    def poll(self, state: SourceState, now: datetime) -> Batch:
        """Read what there is. Raises `SourceFailure` when it cannot be read as a whole; never gives half of it."""

    @classmethod
    def from_settings(cls, settings: Any, base_dir: Path) -> RecordSource:
        """Make the source. Reads nothing yet."""


def parse_duration(value: Any) -> timedelta:
    """`"5 min"`, `"36 h"`, `"2 d"`, `"30 s"` as a timedelta; a timedelta as it is. Must be longer than nothing."""
    written = value
    if isinstance(value, str) and (found := _DURATION.fullmatch(value)):
        value = timedelta(seconds=float(found[1]) * _UNITS[found[2]])
    if not isinstance(value, timedelta) or value <= timedelta(0):
        raise PydanticCustomError(
            "duration", "{value} is not a duration; write a number and one of s, min, h, d, as in 5 min",
            {"value": repr(written)},
        )  # fmt: skip
    return value


def _by_domain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Keys as upper-case domains; a domain that is never read is refused."""
    known = {str(domain).upper(): item for domain, item in value.items()}
    for domain in known:
        if domain not in DOMAINS:
            raise PydanticCustomError(
                "domain", "{domain} is not a domain that is read; known: {known}",
                {"domain": domain, "known": ", ".join(DOMAINS)},
            )  # fmt: skip
    return known


def _upper(value: str) -> str:
    return value.strip().upper()


def _named(columns: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Variable names in upper case, words for mapped facts as their variables."""
    return {
        domain: {MAPPED.get(name.strip().lower(), _upper(name)): column for name, column in mapping.items()}
        for domain, mapping in columns.items()
    }


Duration = Annotated[timedelta, BeforeValidator(parse_duration, json_schema_input_type=str)]
Variable = Annotated[str, AfterValidator(_upper)]
PerDomain = BeforeValidator(_by_domain)
Columns = Annotated[dict[str, dict[str, str]], PerDomain, AfterValidator(_named)]


class SourceSettings(BaseModel):
    """Settings that every source has; its fields are its YAML.

    Parameters
    ----------
    id: name of the source, unique in the study.   kind: kind of source.
    every: how often it is looked at.
    stale_after: how long without a complete read before people are told.
    max_shrink: share of rows that a domain may lose between two reads before it is refused (above 20 rows).
    record_key: domain → variable that names a row beside USUBJID, where not found by itself.
    event_key: domain → variable that names an event; AESPID for AE unless set.
    columns: domain → {SDTM variable or mapped word: column at the source}.
    codes: domain → {SDTM variable: {value at the source: SDTM value}}.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1)]
    kind: str
    every: Duration = timedelta(minutes=5)
    stale_after: Duration = timedelta(hours=36)
    max_shrink: Annotated[float, Field(ge=0, le=1)] = 0.30
    record_key: Annotated[dict[str, Variable], PerDomain] = {}
    event_key: Annotated[dict[str, Variable], PerDomain] = {}
    columns: Columns = {}
    codes: Annotated[dict[str, dict[Variable, dict[str, str]]], PerDomain] = {}

    def event_keys(self) -> dict[str, str]:
        """Domain → variable that names the event, with the default of AE."""
        return {"AE": "AESPID", **self.event_key}
