"""Masked groups: which subject belongs to A, B … as the board reads them, and nothing that tells an arm's name.

The arm of a subject is the actual one where it is recorded, the planned one until then; who failed screening or was
not assigned or treated belongs to no group. Letters follow the order in which arms were first seen, and a toss made
with the allocation key decides within each pair of them: nobody without the key can compute which arm is A, and a
letter never moves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Connection, func, select

from storage.allocation import AllocationKey, history
from storage.schema import batch, revision

ACTUAL_AND_PLANNED = (("ACTARMCD", "ARMCD"), ("ACTARM", "ARM"))
"""Actual arm and the planned one in the same vocabulary, codes first."""

NO_ARM = frozenset({
    "SCRNFAIL", "SCREEN FAILURE", "NOTASSGN", "NOT ASSIGNED", "NOTTRT", "NOT TREATED", "ASSIGNED, NOT TREATED",
    "UNPLAN", "UNPLANNED TREATMENT",
})  # fmt: skip
"""Values of arm variables that name no arm (SDTMIG 3.2 to 3.4, DM assumptions)."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Groups:
    """Who is in which masked group.

    Parameters
    ----------
    of: USUBJID → "A", "B" …   without: USUBJID of the subjects in DM who are in none, sorted.
    """

    of: Mapping[str, str]
    without: tuple[str, ...]


def masked_groups(
    conn: Connection, study_id: str, key: AllocationKey, subjects: pd.DataFrame, *, batch_no: int
) -> Groups:
    """The groups of a study as known at a batch.

    Parameters
    ----------
    subjects: the frame of DM at that batch, with `record_key` and `USUBJID`.

    Raises
    ------
    AllocationKeyError: the key is not the one that sealed the allocation.
    """
    seen = list(history(conn, study_id, key, "DM", batch_no=batch_no))
    names = vocabulary(values for _, values in seen)
    arms = {record_key: _arm(values, names) for record_key, values in seen}  # the last version of a record counts
    first_seen = dict.fromkeys(arm for _, values in seen if (arm := _arm(values, names)))
    letters = {arm: _letter(key, study_id, place) for place, arm in enumerate(first_seen)}
    found = {
        subject: letters[arm]
        for record_key, subject in zip(subjects["record_key"], subjects["USUBJID"], strict=True)
        if (arm := arms.get(record_key, ""))
    }
    return Groups(found, tuple(sorted(set(subjects["USUBJID"]) - set(found))))


def invented_groups(conn: Connection, study_id: str, subjects: pd.DataFrame) -> Groups:
    """Groups that mean nothing, for practice and rehearsal: dealt in pairs in the order in which subjects were first
    seen, without a look at any allocation. A subject's letter never moves.

    Parameters
    ----------
    subjects: the frame of DM, with `record_key` and `USUBJID`.
    """
    c = revision.c
    first = func.min(batch.c.batch_no)
    query = select(c.record_key, first).join(batch, batch.c.ingest_id == c.ingest_id)
    query = query.where(c.study_id == study_id, batch.c.study_id == study_id, c.domain == "DM").group_by(c.record_key)
    seen = sorted((number, record_key) for record_key, number in conn.execute(query))
    dealt = {record_key: _dealt(study_id, place) for place, (_, record_key) in enumerate(seen)}
    return Groups(dict(zip(subjects["USUBJID"], subjects["record_key"].map(dealt), strict=True)), ())


def _dealt(study_id: str, place: int) -> str:
    toss = hashlib.sha256(f"{study_id}|{place // 2}".encode()).digest()[0] & 1
    return _LETTERS[place % 2 ^ toss]


def vocabulary(recorded: Iterable[Mapping[str, str]]) -> tuple[str, str]:
    """The actual and the planned variable that name arms in this study: of the first that anybody has a value in."""
    have = {name for values in recorded for name, value in values.items() if value}
    for place in (0, 1):
        for names in ACTUAL_AND_PLANNED:
            if names[place] in have:
                return names
    return ACTUAL_AND_PLANNED[0]


def _arm(values: Mapping[str, str], names: tuple[str, str]) -> str:
    arm = next((values[name] for name in names if values.get(name)), "")
    return "" if arm.upper() in NO_ARM else arm


def _letter(key: AllocationKey, study_id: str, place: int) -> str:
    """The letter of the arm seen `place`-th: of each pair of letters the toss says who has the first."""
    pair = place // 2
    number = 2 * pair + (place % 2 ^ key.coin(study_id, pair))
    return _LETTERS[number] if number < len(_LETTERS) else f"Z{number}"
