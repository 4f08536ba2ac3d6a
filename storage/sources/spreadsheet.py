"""Signs that a spreadsheet has saved a file: leading zeros gone, partial dates turned into days, rows of nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

_LOCAL_DATE = re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4}.*|\d{1,2}-[A-Za-z]{3}-\d{2,4}")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?E\+\d+")
_HASHES = re.compile(r"#{3,}|#(?:NAME\?|REF!|VALUE!|N/A)")
_LOOKED_AT = 1000
"""Rows that are looked at, from the beginning: a spreadsheet leaves its signs everywhere or nowhere."""


def signs(name: str, frame: pd.DataFrame) -> Iterator[str]:
    """Warnings about a file under SDTM names; a warning never stops it from being read."""
    frame = frame.head(_LOOKED_AT)
    for column in frame.columns:
        if not isinstance(frame[column].dtype, pd.StringDtype) or column == "file":
            continue
        values = frame[column].drop_duplicates()
        if column.endswith("DTC") and _share(values, _LOCAL_DATE) > 0:
            yield f"{name}: {column} has dates in local form; {_SAVED}"
        elif column.endswith(("ID", "SPID")) and _share(values, _SCIENTIFIC) > 0:
            yield f"{name}: {column} has identifiers in scientific notation; {_SAVED}"
        elif _share(values, _HASHES) > 0:
            yield f"{name}: {column} has cells that a spreadsheet could not show; {_SAVED}"
    if _zeros_lost(frame):
        yield f"{name}: SITEID has lost the leading zeros that USUBJID still has; {_SAVED}"


def empty_rows(frame: pd.DataFrame) -> np.ndarray:
    """Positions of rows that hold nothing in any column, as a spreadsheet writes below the last record.

    Such a row is no record: nobody entered it. A row in which anything stands, be it only STUDYID, is one.

    Parameters
    ----------
    frame: one file under SDTM names; `file` and `row_no` say where a row stands and do not count.
    """
    at = np.flatnonzero(_is_blank(frame["USUBJID"]))
    for name in frame.columns.difference(["USUBJID", "file", "row_no"]):
        at = at[_is_blank(frame[name].iloc[at])]
    return at


def _is_blank(column: pd.Series) -> np.ndarray:
    blank: np.ndarray = (column.isna() | (column.astype("str").str.strip() == "")).to_numpy(dtype=bool)
    return blank


def _share(values: pd.Series, pattern: re.Pattern[str]) -> float:
    recorded = values[values.fillna("") != ""]
    return float(recorded.str.fullmatch(pattern.pattern).mean()) if len(recorded) else 0.0


def _zeros_lost(frame: pd.DataFrame) -> bool:
    """A site "7" whose subjects are numbered "007-0012"."""
    if "SITEID" not in frame or "USUBJID" not in frame or not len(frame):
        return False
    rows = frame[["SITEID", "USUBJID"]].dropna().astype("str").drop_duplicates()
    return any(
        part != site and part.lstrip("0") == site
        for site, subject in zip(rows["SITEID"], rows["USUBJID"], strict=True)
        if site.isdigit()
        for part in re.split(r"[^0-9A-Za-z]", subject)[:-1]
    )


_SAVED = "it looks as if a spreadsheet had saved it. Export it again without opening it in one."
