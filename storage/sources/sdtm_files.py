"""Files of an SDTM folder: which there are, whether they stand still, and what they say.

A file is taken only when it is the same before and after reading and was last written more than two seconds ago:
extracts are copied over networks, and half a file is not a smaller study.
"""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from storage.sources.base import DOMAINS, SourceFailure
from storage.sources.sdtm_csv import Sheet, read_csv

FORMATS = (".csv", ".parquet", ".xpt")
"""File name endings that are read, in lower case."""

SETTLED_SECONDS = 2.0
"""A file written to more recently than this may still be being written."""

_LOOKS = re.compile(r"([a-z]{2})([-_]?\d{1,3})?\.([a-z0-9]+(?:\.(?:gz|zip|bz2|xz|zst))?)")
"""A domain, perhaps with a number, in any format."""

_XPT_RECORD = 80


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a file is recognised as unchanged: size, mtime_ns, ctime_ns, inode."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """The file's stamp now. Raises SourceFailure when it cannot be looked at."""
        try:
            stat = path.stat()
        except OSError as error:
            raise _unreadable(path, error) from error
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)

    def as_list(self) -> list[int]:
        """As JSON values."""
        return [self.size, self.mtime_ns, self.ctime_ns, self.inode]


def domain_files(folder: Path, named: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[Path]], list[str]]:
    """Domain → its files, and warnings about files that were passed over.

    A file is of the domain it is named by (`ae.csv`, `AE.xpt`); up to two more letters (`lbch.csv`) name a part of a
    split domain, if its DOMAIN column says so. `named` (the setting `files`) goes before names.

    Raises
    ------
    SourceFailure: no folder, no file of any domain, a named file that is missing, or two files for one domain
        that are not parts of it.
    """
    present = _listed(folder)
    found: dict[str, list[Path]] = {d: [_named_file(folder, d, n) for n in names] for d, names in named.items()}
    taken = {path for paths in found.values() for path in paths}
    warnings: list[str] = []
    for path in present:
        domain = _domain_of(path.stem)
        if path in taken or domain is None or domain in named:
            continue
        if len(path.stem) > 2 and not _says(path, domain):
            warnings.append(f"{path.name} was not read: it has no DOMAIN column that says {domain}.")
            continue
        found.setdefault(domain, []).append(path)
    warnings += [_unused(path, domain) for path, domain in _passed_over(folder) if domain not in found]
    for domain, paths in found.items():
        _refuse_two(domain, paths, domain in named)
    if not found:
        raise SourceFailure(
            f"{folder} holds no file named for a domain (dm.csv, ae.xpt, ex.parquet …)",
            "Correct `path`, or name the files under `files:`.",
        )
    return {domain: found[domain] for domain in DOMAINS if domain in found}, warnings


def settled(paths: Iterable[Path], now: datetime, wait: Callable[[float], None] = time.sleep) -> dict[Path, Stamp]:
    """Stamps of files that stand still; a file written to just now is given two seconds to show that it does.

    Raises
    ------
    SourceFailure: a file is still being written.
    """
    stamps = {path: Stamp.of(path) for path in paths}
    newest = max((stamp.mtime_ns for stamp in stamps.values()), default=0)
    if now.timestamp() - newest / 1e9 > SETTLED_SECONDS:
        return stamps
    wait(SETTLED_SECONDS)
    for path, stamp in stamps.items():
        if Stamp.of(path) != stamp:
            raise _still_written(path)
    return stamps


def read_bytes(path: Path, stamp: Stamp) -> bytes:
    """The file's bytes. Raises SourceFailure when it cannot be read, or is no longer what `stamp` saw."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) != stamp.size or Stamp.of(path) != stamp:
        raise _still_written(path)
    return data


def read_sheet(path: Path, stamp: Stamp, encoding: str, data: bytes | None = None) -> Sheet:
    """Read one file of any format as columns with upper-case names; `data` is a CSV file that is read already.

    Raises
    ------
    SourceFailure: still being written, unreadable, or not what its name says.
    """
    ending = path.suffix.lower()
    if ending == ".csv":
        return read_csv(read_bytes(path, stamp) if data is None else data, path.name, encoding)
    frame = read_parquet(read_bytes(path, stamp), path.name) if ending == ".parquet" else _read_xpt(path, stamp)
    frame.columns = pd.Index([str(column).strip().upper() for column in frame.columns])
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise SourceFailure(f"{path.name} names column {', '.join(twice)} twice", "Keep one column of each name.")
    return Sheet(frame)


def read_parquet(data: bytes, name: str) -> pd.DataFrame:
    """Read Parquet with the types it has; text that was written as bytes, or within lists, becomes text.

    Raises
    ------
    SourceFailure: damaged or truncated.
    """
    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data))
        plain = [_plain(table.column(i)) for i in range(table.num_columns)]
        frame: pd.DataFrame = pa.Table.from_arrays(plain, names=table.column_names).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as error:
        raise SourceFailure(
            f"{name} is not a whole Parquet file", "It is read again at the next poll; if this stays, write it again."
        ) from error
    return frame


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column as it is; as text where Python could neither compare nor write what it holds."""
    if pa.types.is_nested(column.type):
        texts = [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        texts = [None if value is None else value.decode(errors="replace") for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.large_string())])
    return column


def _read_xpt(path: Path, stamp: Stamp) -> pd.DataFrame:
    try:
        import pyreadstat
    except ModuleNotFoundError as error:
        raise SourceFailure(
            f"{path.name} is a SAS transport file, and pyreadstat is not installed", "pip install 'dsmbot[xpt]'."
        ) from error
    if stamp.size % _XPT_RECORD:
        raise SourceFailure(
            f"{path.name} is half-written: a transport file consists of {_XPT_RECORD}-byte records",
            "It is read again at the next poll; if this stays, write it again.",
        )
    frame = _xpt_frame(pyreadstat, path)
    if Stamp.of(path) != stamp:
        raise _still_written(path)
    return frame


def _xpt_frame(pyreadstat: Any, path: Path) -> pd.DataFrame:
    """UTF-8 as the files of today, Windows-1252 as those of yesterday: transport files do not say which."""
    try:
        frame: pd.DataFrame = pyreadstat.read_xport(str(path))[0]
    except UnicodeDecodeError:
        frame = pyreadstat.read_xport(str(path), encoding="WINDOWS-1252")[0]
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, OSError) as error:
        raise SourceFailure(
            f"{path.name} is not a SAS transport file (XPT version 5)", "Write it again as XPT version 5, or as CSV."
        ) from error
    return frame


def _listed(folder: Path) -> list[Path]:
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise SourceFailure(
            f"The folder {folder} cannot be read ({error.strerror})", "Correct `path`, or its rights."
        ) from error
    return [path for path in names if path.suffix.lower() in FORMATS and not path.name.startswith((".", "~"))]


def _passed_over(folder: Path) -> list[tuple[Path, str]]:
    """Files that look like a domain and are not read, each with that domain: `ae.csv.gz`, `ae.sas7bdat`, `ae1.csv`."""
    looks = [(path, _LOOKS.fullmatch(path.name.lower())) for path in sorted(folder.iterdir())]
    return [
        (path, found[1].upper())
        for path, found in looks
        if found and found[1].upper() in DOMAINS and (found[2] or f".{found[3]}" not in FORMATS)
    ]


def _unused(path: Path, domain: str) -> str:
    """The sentence about one of them, and what to do."""
    if path.suffix.lower() in FORMATS:
        return f"{path.name} was not read: say that it is part of {domain} under `files: {{{domain}: [{path.name}]}}`."
    return f"{path.name} was not read: write {domain} as one of {', '.join(FORMATS)}."


def _domain_of(stem: str) -> str | None:
    """Domain by file name: two letters, or up to four where the first two are a domain (SDTMIG 3.4 §4.1.7)."""
    domain = stem[:2].upper()
    return domain if domain in DOMAINS and len(stem) <= 4 and stem.isalpha() else None


def _says(path: Path, domain: str) -> bool:
    """Does the DOMAIN column of a file named like a part say that it is one? Reads the beginning only."""
    try:
        return domain in _first_domains(path)
    except (OSError, pa.ArrowException, StopIteration, SourceFailure):
        return False


def _first_domains(path: Path) -> set[str]:
    ending = path.suffix.lower()
    if ending == ".csv":
        with path.open("rb") as file:
            frame = read_csv(file.readline() + file.readline(), path.name).frame
    elif ending == ".parquet":
        frame = next(pyarrow.parquet.ParquetFile(path).iter_batches(1)).to_pandas()
    else:
        frame = _read_xpt(path, Stamp.of(path)).head(1)
    frame = frame.rename(columns=lambda column: str(column).strip().upper())
    return {str(value).strip().upper() for value in frame["DOMAIN"]} if "DOMAIN" in frame else set()


def _named_file(folder: Path, domain: str, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise SourceFailure(f"{name}, named for {domain} under `files:`, is not in {folder}", "Correct `files`.")
    if path.suffix.lower() not in FORMATS:
        raise SourceFailure(f"{name} is of no format that is read", f"Use one of {', '.join(FORMATS)}.")
    return path


def _refuse_two(domain: str, paths: list[Path], named: bool) -> None:
    whole = [path for path in paths if len(path.stem) == 2]
    stems = [path.stem.lower() for path in paths]
    if named or (len(paths) == 1) or (not whole and len(set(stems)) == len(stems)):
        return
    names = ", ".join(path.name for path in paths)
    raise SourceFailure(
        f"{domain} is in more than one file: {names}", f"Keep one, or say which under `files: {{{domain}: […]}}`."
    )


def _unreadable(path: Path, error: OSError) -> SourceFailure:
    return SourceFailure(f"{path.name} cannot be read ({error.strerror})", "Give this user the right to read it.")


def _still_written(path: Path) -> SourceFailure:
    return SourceFailure(
        f"{path.name} is being written", "It is read at the next poll; if this stays, look at what writes it."
    )
