"""One text form for each value, so that CSV, Parquet and XPT give equal payloads and equal hashes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

TRAILING = " \t\r\n\0"
"""Stripped from the end of text: padding of fixed-width files is not part of a value."""

_NUMERIC_NAMES = frozenset({"AGE", "VISITNUM", "VISITDY", "LBSTRESN", "LBSTNRLO", "LBSTNRHI", "DASTRESN", "EXDOSE"})
_NUMERIC_ENDS = ("SEQ", "DY", "TPTNUM")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_ONE_BY_ONE = (np.dtype(object), np.dtype(np.float32))
"""Columns whose values factorising would change: 1 and True are one to it, and short floats become long."""

_EXACT_INTEGERS = 10.0**15


def is_numeric(variable: str) -> bool:
    """Is this SDTM variable a number by definition (type Num in SDTMIG 3.4), so that text "3.0" means 3?

    Only for these is text brought to number form: a site "007" or a kit "1E5" stays as written.
    """
    name = variable.upper()
    return name in _NUMERIC_NAMES or name.endswith(_NUMERIC_ENDS)


def canonical_text(value: Any) -> str:
    """The one text form of a value from any file format.

    Missing (None, NaN, NaT) is ""; text keeps everything except trailing blanks, so "None", "NA" and leading
    zeros stay; 3.0 is "3"; True is "Y"; a date or a midnight without zone is "2013-07-01", any other date-time
    ISO 8601 to the second. Raises nothing: what is of no known type is `str(value)`.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, str):
        return value.rstrip(TRAILING)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace").rstrip(TRAILING)
    if isinstance(value, date):
        return _date_text(value)
    return _scalar_text(value)


def _scalar_text(value: Any) -> str:
    text = str(value)
    if text in ("True", "False"):
        return "Y" if text == "True" else "N"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real | Decimal):
        return _number_text(float(value), text)
    return text.rstrip(TRAILING)


def _number_text(number: float, shortest: str) -> str:
    """Whole numbers without a point; otherwise the shortest text that reads back as the same number."""
    if math.isnan(number):
        return ""
    if number.is_integer() and abs(number) < _EXACT_INTEGERS:
        return str(int(number))
    return shortest


def _date_text(value: date) -> str:
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is None and (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0):
        return value.date().isoformat()
    return value.isoformat(timespec="microseconds" if value.microsecond else "seconds")


def numeric_text(text: str) -> str:
    """Bring text of a numeric variable to number form: "3.0" and "3E0" are "3"; what is no number stays as it is."""
    text = text.strip()
    if not _DECIMAL.fullmatch(text):
        return text
    number = float(text)
    return _number_text(number, str(number))


def canonical_column(series: pd.Series, variable: str | None = None) -> pd.Series:
    """`canonical_text` of a whole column, fast; text of a numeric variable also goes through `numeric_text`.

    Parameters
    ----------
    series: a column as any reader gave it.
    variable: SDTM name of the column; by default the name of the series.

    Returns
    -------
    Series of dtype str on the same index, missing = "" (never NaN).
    """
    name = str(series.name) if variable is None else variable
    if isinstance(series.dtype, pd.StringDtype):
        text = series.astype("str").fillna("").str.rstrip(TRAILING)
    else:
        text = _by_unique(series, canonical_text)
    return _by_unique(text, numeric_text) if is_numeric(name) else text


def _by_unique(series: pd.Series, form: Any) -> pd.Series:
    """Apply a form once per distinct value."""
    if series.dtype in _ONE_BY_ONE:
        return _text(map(form, series.to_numpy())).set_axis(series.index, axis=0)
    codes, unique = pd.factorize(series, use_na_sentinel=False)
    formed = _text(map(form, unique))
    return formed.take(codes).set_axis(series.index, axis=0)


def _text(values: Iterable[str]) -> pd.Series:
    return pd.Series(list(values), dtype="str")
