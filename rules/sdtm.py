"""SDTM by name: which variables are kept, which reveal an arm, which are required, and what can be doubtful.

The forms of values live beside it and are offered here as well, because records meet all of them at once:
dates as intervals in `rules.dates`, canonical text in `rules.canonical`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from rules.canonical import TRAILING, canonical_column, canonical_text, is_numeric, numeric_text
from rules.dates import UNBOUNDED, DateInterval, cutoff_day, intervals, parse_dtc

__all__ = [
    "ARM_REVEALING",
    "CRITERIA",
    "KEEP",
    "MAPPED",
    "REQUIRED",
    "SERVICE_COLUMNS",
    "TRAILING",
    "UNBOUNDED",
    "DateInterval",
    "FaultKind",
    "canonical_column",
    "canonical_text",
    "cutoff_day",
    "date_variables",
    "intervals",
    "is_arm_revealing",
    "is_numeric",
    "numeric_text",
    "parse_dtc",
]

CRITERIA: tuple[str, ...] = ("AESDTH", "AESLIFE", "AESHOSP", "AESDISAB", "AESCONG", "AESMIE")
"""The seriousness criteria of ICH E2A as SDTM flags: any = Y makes an event serious, whatever AESER says."""

SERVICE_COLUMNS: tuple[str, ...] = ("record_key", "event_key", "source_id", "batch_no", "known_at")
"""Lower-case columns that every snapshot frame carries beside its SDTM variables."""

MAPPED: Mapping[str, str] = MappingProxyType(
    {
        "awareness_dtc": "AWAREDTC",
        "expectedness": "EXPECTED",
        "submission_dtc": "SUBMDTC",
        "lesion_role": "LESROLE",
        "lesion_id": "LESID",
        "entry_dtc": "ENTRYDTC",
        "sponsor_report_dtc": "SPONDTC",
        "board_report_dtc": "IRBDTC",
        "form_status": "FORMSTAT",
    }
)
"""Word used in a source's `columns:` → our variable, for facts that SDTM has no variable for.

AWAREDTC: when the sponsor became aware. EXPECTED: expectedness. SUBMDTC: when a report was submitted.
LESROLE: treated / control / systemic lesion. LESID: which lesion. ENTRYDTC: when the row was entered at the source.
SPONDTC, IRBDTC: when a report was submitted to the sponsor, to the ethics board, where SUBMDTC is another report.
FORMSTAT: whether the form of the event is complete.
"""

_COMMON = ("USUBJID", "ENTRYDTC")
_AE = (
    *("AESEQ", "AESPID", "AETERM", "AEDECOD", "AEBODSYS", "AESOC", "AESEV", "AETOXGR", "AESER", *CRITERIA),
    *("AESOD", "AESCAN", "AEREL", "AEACN", "AEOUT", "AESTDTC", "AEENDTC", "AEDTC", "AESTDY", "AELOC", "AELAT"),
    *("AWAREDTC", "EXPECTED", "SUBMDTC", "LESROLE", "LESID", "SPONDTC", "IRBDTC", "FORMSTAT"),
)
_DM = (
    *("SUBJID", "SITEID", "RFSTDTC", "RFENDTC", "RFXSTDTC", "RFXENDTC", "RFICDTC", "RFPENDTC"),
    *("DTHDTC", "DTHFL", "AGE", "AGEU", "SEX", "RACE", "ETHNIC", "COUNTRY", "DMDTC"),
)
_LB = (
    *("LBSEQ", "LBSPID", "LBTESTCD", "LBTEST", "LBCAT", "LBORRES", "LBORRESU", "LBORNRLO", "LBORNRHI"),
    *("LBSTRESC", "LBSTRESN", "LBSTRESU", "LBSTNRLO", "LBSTNRHI", "LBNRIND", "LBSTAT", "LBBLFL"),
    *("VISITNUM", "VISIT", "LBDTC"),
)

KEEP: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "DM": _COMMON + _DM,
        "AE": _COMMON + _AE,
        "EX": (*_COMMON, "EXSEQ", "EXSPID", "EXDOSFRM", "EXDOSFRQ", "EXROUTE", "VISITNUM", "EXSTDTC", "EXENDTC"),
        "DS": (*_COMMON, "DSSEQ", "DSSPID", "DSTERM", "DSDECOD", "DSCAT", "VISITNUM", "EPOCH", "DSDTC", "DSSTDTC"),
        "DA": (*_COMMON, "DASEQ", "DASPID", "DATESTCD", "DATEST", "DACAT", "DASTAT", "VISITNUM", "DADTC"),
        "SV": (*_COMMON, "SVSEQ", "VISITNUM", "VISIT", "SVPRESP", "SVOCCUR", "SVSTDTC", "SVENDTC"),
        "LB": _COMMON + _LB,
        "DV": (*_COMMON, "DVSEQ", "DVSPID", "DVDECOD", "DVCAT", "DVSCAT", "DVSTDTC", "DVENDTC"),
    }
)
"""Domain → variables that are stored openly. What is not here is read past; what reveals an arm is split off.

Left out on purpose: derived days and epochs (they change without any fact changing; AESTDY alone is kept, because
it is an onset that a site can correct) and free text that the rules do not read (DVTERM, SVUPDES).
"""

REQUIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "DM": ("USUBJID",),
        "AE": ("USUBJID", "AEDECOD", "AESTDTC"),
        "EX": ("USUBJID", "EXSTDTC"),
        "DS": ("USUBJID", "DSDECOD"),
        "DA": ("USUBJID", "DATESTCD"),
        "SV": ("USUBJID", "SVSTDTC"),
        "LB": ("USUBJID", "LBTESTCD", "LBDTC"),
        "DV": ("USUBJID",),
    }
)
"""Domain → columns without which its file is refused: nothing true could be said from it.

Columns may be empty; a missing *value* is an unknown fact, a missing *column* is a broken mapping.
"""

ARM_REVEALING: frozenset[str] = frozenset(
    {
        *("ARM", "ARMCD", "ACTARM", "ACTARMCD", "ARMNRS", "ACTARMUD", "ARMUA", "SETCD"),
        *("EXTRT", "EXDOSE", "EXDOSTXT", "EXDOSU", "EXDOSTOT", "EXLOT", "EXREFID"),
        *("ECTRT", "ECDOSE", "ECDOSTXT", "ECDOSU", "ECDOSTOT", "ECLOT", "ECREFID"),
        *("DAREFID", "DALOT", "DAORRES", "DAORRESU", "DASTRESC", "DASTRESN", "DASTRESU"),
        *("LOT", "LOTNO", "KIT", "KITNO", "USEDG", "USED_GRAMS", "TUBEWT", "RANDNO", "TREATMENT"),
    }
)
"""Variables known to tell the arm: planned and actual arm, product, dose, lot, kit, used grams."""

_REVEALING_NAME = re.compile(
    r"(?:ACT)?ARM.*|EX(?:DOS[ETU]|LOT|TRT).*|EC(?:DOS[ETU]|LOT|TRT).*|TRT.*|.*TRT|.*LOT(?:NO|NUM|ID|N)?|.*KIT.*"
    r"|.*GRAMS?|USED.*|RAND(?:NO|NUM|ID|OM).*|ALLOC.*|.*(?:BATCH|TUBEWT|TUBE_WEIGHT).*"
)


def is_arm_revealing(variable: str, extra: Iterable[str] = ()) -> bool:
    """May this variable tell a blinded reader the arm?

    True for `ARM_REVEALING`, for names of the same families (ARM*, ACTARM*, EXDOSE*, …LOT…, …KIT…, TRT…,
    random numbers, used grams) and for `extra`, the names a study's config adds. Case does not matter.
    When in doubt it says yes: a variable split off too many is a nuisance, one too few unblinds.
    """
    name = variable.strip().upper()
    return name in ARM_REVEALING or bool(_REVEALING_NAME.fullmatch(name)) or name in {e.strip().upper() for e in extra}


class FaultKind(StrEnum):
    """What is doubtful in a row that is kept all the same: shown by source, row and column, never by value."""

    IMPOSSIBLE_DATE = "impossible_date"
    UNKNOWN_CODE = "unknown_code"
    UNCODED_TERM = "uncoded_term"
    DUPLICATE_KEY = "duplicate_key"
    CONTRADICTING_SERIOUSNESS = "contradicting_seriousness"
    MISSING_SUBJECT = "missing_subject"
    UNKNOWN_SUBJECT = "unknown_subject"
    MISSING_KEY = "missing_key"
    END_BEFORE_START = "end_before_start"
    CONTROL_CHARACTERS = "control_characters"
    WRONG_FIELD_COUNT = "wrong_field_count"


def date_variables(columns: Iterable[str]) -> tuple[str, ...]:
    """The date-time variables among these columns: by SDTM naming, those that end in DTC, in the order given."""
    return tuple(name for name in columns if name.upper().endswith("DTC"))
