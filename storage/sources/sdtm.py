"""A folder of SDTM files as a record source: all of it is read, or it has failed and nothing is deleted."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, BeforeValidator, Field

from rules.sdtm import KEEP, REQUIRED
from storage.sources.base import Batch, Extract, PerDomain, SourceFailure, SourceSettings, SourceState
from storage.sources.sdtm_files import Stamp, domain_files, read_bytes, read_sheet, settled
from storage.sources.sdtm_lines import LineMemory
from storage.sources.spreadsheet import empty_rows, signs

FULL_READ_EVERY = timedelta(days=1)
"""However unchanged they look, files are read again in full this often."""

SMALL = 20
"""Up to this many rows a domain may shrink by any share, but never to nothing."""

_EMPTY = "They are no records, and are passed over; have the export end with its last record."
"""Without a number: it is said once, not at each poll that finds one row more."""


def _as_list(value: Any) -> Any:
    return {domain: [files] if isinstance(files, str) else files for domain, files in value.items()}


Files = Annotated[
    dict[str, list[str]], BeforeValidator(_as_list, json_schema_input_type=dict[str, str | list[str]]), PerDomain
]


class SdtmSettings(SourceSettings):
    """Settings of a folder of SDTM files.

    Parameters
    ----------
    path: folder, relative to the configuration.
    files: domain → file or files, where they are not named by their domain.
    encoding: of CSV files.
    """

    kind: Literal["sdtm"] = "sdtm"
    path: Annotated[str, Field(min_length=1)]
    files: Files = Field(default_factory=dict)
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class _Read:
    """One domain as read: its frame under SDTM names, ragged rows, warnings."""

    frame: pd.DataFrame
    ragged: tuple[int, ...]
    warnings: tuple[str, ...]


class SdtmSource:
    """A folder with one file per domain (CSV, Parquet or XPT), complete at each poll.

    Parameters
    ----------
    settings: as in the configuration.   folder: the folder itself.
    wait: sleeps that many seconds while a fresh file shows that it stands still.
    """

    kind: ClassVar[str] = "sdtm"
    Settings: ClassVar[type[BaseModel]] = SdtmSettings

    def __init__(self, settings: SdtmSettings, folder: Path, wait: Callable[[float], None] = time.sleep) -> None:
        self.settings, self.folder, self._wait = settings, folder, wait
        self._lines = LineMemory(self._placed)

    @classmethod
    def from_settings(cls, settings: SdtmSettings, base_dir: Path) -> SdtmSource:
        """Make the source; reads nothing yet."""
        return cls(settings, base_dir / settings.path)

    @property
    def id(self) -> str:
        """Id of the source in the config."""
        return self.settings.id

    def poll(self, state: SourceState, now: datetime) -> Batch:
        """Every domain whose files changed since the last poll, as a whole.

        Raises
        ------
        SourceFailure: the folder or a file cannot be read as a whole, a required column is missing, a domain has
            vanished or lost more of its rows than `max_shrink`; nothing of this poll is taken.
        """
        files, warnings = domain_files(self.folder, self.settings.files)
        before = _Remembered.of(state, self._fingerprint())
        vanished = sorted(before.rows.keys() - files.keys())
        smaller = any(self._refuse(domain, before.rows[domain], 0, state) for domain in vanished)
        stamps = settled([path for paths in files.values() for path in paths], now, self._wait)
        due = before.read_at is None or now - before.read_at >= FULL_READ_EVERY
        changed = [domain for domain, paths in files.items() if due or before.differs(domain, paths, stamps)]
        records = {domain: _none_left(state, domain) for domain in vanished}
        rows = {domain: number for domain, number in before.rows.items() if domain in files}
        for domain in changed:
            records[domain], found = self._read(domain, files[domain], stamps, state, full=due)
            warnings += found
            rows[domain] = len(records[domain].frame) + records[domain].unread
            smaller |= self._refuse(domain, before.rows.get(domain, 0), rows[domain], state)
        fingerprint = {
            "settings": self._fingerprint(),
            "files": {d: {p.name: stamps[p].as_list() for p in paths} for d, paths in files.items()},
            "rows": rows,
            "read_at": (now if due or before.read_at is None else before.read_at).isoformat(),
        }
        return Batch(
            source_id=self.id, records=records, complete=True, watermark=now, unchanged=not records,
            fingerprint=fingerprint, event_key=self.settings.event_keys(), record_key=self.settings.record_key,
            warnings=tuple(warnings), accepted_smaller=smaller,
        )  # fmt: skip

    def _read(
        self, domain: str, paths: Sequence[Path], stamps: Mapping[Path, Stamp], state: SourceState, *, full: bool
    ) -> tuple[Extract, list[str]]:
        only = paths[0] if len(paths) == 1 and paths[0].suffix.lower() == ".csv" and self._is_utf8 else None
        if only is None:
            whole = _joined([self._read_file(domain, path, stamps[path]) for path in paths])
            return Extract(whole.frame, ragged=whole.ragged), list(whole.warnings)
        extract = None if full else self._lines.changes(domain, only, stamps[only], state)
        if extract is not None:
            return extract, []
        data = read_bytes(only, stamps[only])
        read = self._read_file(domain, only, stamps[only], data)
        self._lines.remember(domain, only, stamps[only], data, read.frame)
        return Extract(read.frame, ragged=read.ragged), list(read.warnings)

    def _read_file(self, domain: str, path: Path, stamp: Stamp, data: bytes | None = None) -> _Read:
        sheet = read_sheet(path, stamp, self.settings.encoding, data)
        frame = self._placed(domain, path.name, sheet.frame)
        kept = frame[[name for name in frame.columns if name in KEEP[domain]]]  # ops may not hear of what tells an arm
        warnings = tuple(signs(path.name, kept))
        empty = empty_rows(frame)
        if not len(empty):
            return _Read(frame, sheet.ragged, warnings)
        ragged = tuple(np.searchsorted(np.delete(np.arange(len(frame)), empty), np.setdiff1d(sheet.ragged, empty)))
        frame = frame.drop(index=frame.index[empty]).reset_index(drop=True)
        return _Read(frame, ragged, (*warnings, f"{path.name} has rows that are empty in every column. {_EMPTY}"))

    @property
    def _is_utf8(self) -> bool:
        return self.settings.encoding.lower().replace("-", "") == "utf8"

    def _placed(self, domain: str, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns under SDTM names, and where each row stands."""
        frame = self._mapped(domain, name, frame)
        _check_domain(domain, name, frame)
        frame["file"] = pd.Series([name] * len(frame), dtype="str", index=frame.index)
        frame["row_no"] = range(1, len(frame) + 1)
        return frame

    def _mapped(self, domain: str, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns under SDTM names, values in SDTM codes. Raises SourceFailure for a column that is missing."""
        mapping = self.settings.columns.get(domain, {})
        for variable, column in mapping.items():
            if column.upper() not in frame.columns:
                raise SourceFailure(
                    f"{name} has no column {column}, which is mapped to {variable}",
                    f"Correct `columns: {{{domain}: {{{variable}: …}}}}` of source {self.id}.",
                )
        taken = {column.upper(): variable for variable, column in mapping.items()}
        frame = frame.drop(columns=[v for v in mapping if v in frame.columns and v not in taken])
        frame = frame.rename(columns=taken)
        missing = [variable for variable in REQUIRED[domain] if variable not in frame.columns]
        if missing:
            raise SourceFailure(
                f"{name} has no column {missing[0]}, which {domain} needs",
                f"Name the column that holds it under `columns: {{{domain}: {{{missing[0]}: …}}}}` "
                f"of source {self.id}.",
            )
        return _recoded(frame, self.settings.codes.get(domain, {}))

    def _refuse(self, domain: str, before: int, after: int, state: SourceState) -> bool:
        """Whether a loss of rows was admitted by an operator; raises SourceFailure if it was not and is too large."""
        too_small = after < before * (1 - self.settings.max_shrink) if before > SMALL else after == 0 < before
        if not too_small:
            return False
        if state.accept_once:
            return True
        share = f"{self.settings.max_shrink:.0%}"
        raise SourceFailure(
            f"{domain} has shrunk from {before} rows to {after}, by more than {share}: nothing of it is deleted",
            f"If fewer records are right: dsmbot source accept {self.id} --reason …",
        )

    def _fingerprint(self) -> str:
        """Of everything that decides how a file is read, and which variables are kept."""
        text = self.settings.model_dump_json(include={"columns", "codes", "files", "encoding", "path"})
        return hashlib.sha256((text + json.dumps(dict(KEEP))).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What the last poll left in the source's state."""

    settings_changed: bool
    files: Mapping[str, Mapping[str, list[int]]]
    rows: Mapping[str, int]
    read_at: datetime | None

    @classmethod
    def of(cls, state: SourceState, settings: str) -> _Remembered:
        found = state.fingerprint
        read_at = datetime.fromisoformat(found["read_at"]) if "read_at" in found else None
        return cls(found.get("settings") != settings, found.get("files", {}), found.get("rows", {}), read_at)

    def differs(self, domain: str, paths: Sequence[Path], stamps: Mapping[Path, Stamp]) -> bool:
        """Whether the files of a domain, or how they are read, are not as they were."""
        return self.settings_changed or self.files.get(domain) != {p.name: stamps[p].as_list() for p in paths}


def _joined(parts: Sequence[_Read]) -> _Read:
    """The parts of a split domain as one; a column that one part lacks is empty there."""
    if len(parts) == 1:
        return parts[0]
    starts = [sum(len(p.frame) for p in parts[:i]) for i in range(len(parts))]
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    ragged = tuple(start + at for start, part in zip(starts, parts, strict=True) for at in part.ragged)
    return _Read(frame, ragged, tuple(w for part in parts for w in part.warnings))


def _none_left(state: SourceState, domain: str) -> Extract:
    """A domain whose file is gone, and whose records an operator has agreed to see deleted."""
    names = dict.fromkeys([*REQUIRED[domain], *state.record_keys.get(domain, ()), *state.columns.get(domain, ())])
    return Extract(pd.DataFrame({name: pd.Series([], dtype="str") for name in names}))


def _check_domain(domain: str, name: str, frame: pd.DataFrame) -> None:
    if "DOMAIN" in frame.columns and len(frame):
        others = set(frame["DOMAIN"].dropna().astype("str").str.strip().str.upper().unique()) - {domain, ""}
        if others:
            raise SourceFailure(
                f"{name} is read as {domain}, but its DOMAIN column names another domain",
                "Name the file by its domain.",
            )


def _recoded(frame: pd.DataFrame, codes: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Values at the source → SDTM values, without regard to case; a value that is in no map stays as it is."""
    for variable, mapping in codes.items():
        if variable in frame.columns:
            folded = {source.strip().upper(): value for source, value in mapping.items()}
            text = frame[variable].astype("str")
            frame[variable] = text.map(lambda v, to=folded: to.get(str(v).strip().upper(), v)).astype("str")
    return frame
