"""What is told of a composite: who has it, since when, by which records, and who has some of its signs only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from rules.columns import Bools, Ints
from rules.derive import Facts, Population
from rules.kinds.evidence import day_of, entry_delay, limited, moment_of, witness
from rules.kinds.matching import named
from rules.kinds.signs import Occurrence, Sign
from rules.kinds.syndrome import Met
from rules.model import Evidence, Finding, Standing, State

_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class Asked:
    """What a composite rule asks; the fields are those of `CompositeRule`, `after_days` is its window."""

    rule: str
    signs: tuple[Sign, ...]
    at_least: int
    near: int
    per: str
    population: Population
    after_days: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """Whom one finding is about.

    Parameters
    ----------
    scope: as in the finding.
    inside: flags on `facts.subjects`, and one more for no subject: who belongs, or may.
    doubt: bit mask of what belonging hangs on, likewise.
    """

    scope: str
    inside: Bools
    doubt: Ints


def finding_of(
    asked: Asked, facts: Facts, group: Group, met: Mapping[int, Met], had: Mapping[int, Sequence[Occurrence]]
) -> Finding:
    """The finding of one scope; `events` is the number of subjects with the composite.

    Keys of `details`: `counting` ("subjects"), `per`, `certain` (by recorded facts alone), `population`,
    `population_n`, `entry_delay_days`, `crossed_study_day`; `evidence_total` where not all evidence is shown. Evidence
    of a subject is one item for each sign that counts, with the fact `sign`.

    Parameters
    ----------
    met: subject → how it has the composite.   had: subject → every sign it had.
    """
    counted = sorted((at for at in met if group.inside[at]), key=lambda at: (_day(met[at]), at))
    sure = [at for at in counted if met[at].certain and not group.doubt[at]]
    state = _state(asked, facts, len(counted), len(sure))
    deciding = sure if len(sure) >= asked.at_least else counted
    on, known, last = _reached(asked, met, deciding)
    known = None if known is None else min(known, facts.snapshot.known_at)
    inside = group.inside[:-1] & facts.population(asked.population)
    waiting = _waiting(asked, facts, inside, counted)
    evidence, more = _evidence(asked, facts, group, counted, met, had)
    details: dict[str, Any] = {
        "counting": "subjects",
        "per": asked.per,
        "certain": len(sure),
        "population": asked.population,
        "population_n": int(inside.sum()),
        "entry_delay_days": entry_delay(on, known),
        "crossed_study_day": None if last is None else _study_day(facts, last, met[last].day),
    }
    return Finding(
        rule=asked.rule,
        scope=group.scope,
        state=state,
        events=len(counted),
        n_evaluable=int(inside.sum()) - sum(waiting),
        n_pending=waiting[0],
        n_overdue=waiting[1],
        stop_at=asked.at_least,
        first_crossed_on=on,
        known_at=known,
        evidence=evidence,
        details=details | more,
        reason="no subject has been dosed yet" if state is State.PENDING else "",
    )


def _state(asked: Asked, facts: Facts, total: int, certain: int) -> State:
    if certain >= asked.at_least:
        return State.CROSSED
    if total >= asked.at_least:
        return State.PROVISIONAL
    if asked.population in ("treated", "assessed") and not facts.population("treated").any():
        return State.PENDING
    return State.NEAR if total and total + asked.near >= asked.at_least else State.WITHIN


def _reached(
    asked: Asked, met: Mapping[int, Met], counted: Sequence[int]
) -> tuple[date | None, datetime | None, int | None]:
    """Day on which the number was reached, when that was knowable, and the subject who completed it."""
    if len(counted) < asked.at_least:
        return None, None, None
    last = counted[asked.at_least - 1]
    known = sorted(met[at].known for at in counted)[asked.at_least - 1]
    day = met[last].day
    return None if day is None else day_of(np.datetime64(day, "D")), moment_of(known), last


def _day(met: Met) -> int:
    return _NEVER if met.day is None else met.day


def _study_day(facts: Facts, subject: int, day: int | None) -> int | None:
    """SDTM study day (first dose = day 1, no day 0); None where either day is not exactly known."""
    if subject < 0 or day is None or bool(facts.subjects["first_dose_partial"].iloc[subject]):
        return None
    first = facts.subjects["first_dose_lo"].to_numpy("datetime64[D]")[subject]
    if np.isnat(first):
        return None
    days = day - int(first.astype(int))
    return days + 1 if days >= 0 else days


def _waiting(asked: Asked, facts: Facts, inside: Bools, counted: Iterable[int]) -> tuple[int, int]:
    """Subjects without the composite whose window is not closed: still in it, and past it."""
    if asked.after_days is None:
        return 0, 0
    waiting = inside & ~facts.window_closed(asked.after_days) & facts.population("treated")
    waiting[[at for at in counted if at >= 0]] = False
    past = facts.cutoff > facts.window_end(asked.after_days)
    return int((waiting & ~past).sum()), int((waiting & past).sum())


def _evidence(
    asked: Asked, facts: Facts, group: Group, counted: Sequence[int], met: Mapping[int, Met],
    had: Mapping[int, Sequence[Occurrence]],
) -> tuple[tuple[Evidence, ...], dict[str, Any]]:  # fmt: skip
    """The signs of who counts, in order of when they had the composite; then signs of who has some only."""
    first = [(at, sign, True) for at in counted for sign in met[at].signs]
    others = sorted(at for at in had if at not in met or not group.inside[at])
    rest = [(at, sign, False) for at in others for sign in sorted(had[at], key=lambda s: (s.sign, s.domain, s.row))]

    def make(item: tuple[int, Occurrence, bool]) -> Evidence:
        at, sign, counts = item
        missing = sign.missing | (int(group.doubt[at]) if counts else 0)
        return _item(asked, facts, sign, Standing.COUNTED if counts else Standing.NOT_MATCHED, missing)

    return limited([*first, *rest], lambda item: item[2], make)


def _item(asked: Asked, facts: Facts, sign: Occurrence, standing: Standing, missing: int) -> Evidence:
    said = dict(_said(asked, facts, sign))
    said |= {"crossing": True} if standing is Standing.COUNTED else {}
    if sign.domain == "AE":
        return witness(facts).event(sign.row, standing, missing, **said)
    lb = facts.domains["LB"].frame
    usubjid, key = str(lb["USUBJID"].iloc[sign.row]), str(lb["record_key"].iloc[sign.row])
    site = {"site": str(facts.subjects["site"].iloc[sign.subject])} if sign.subject >= 0 else {}
    return Evidence(usubjid, standing, key, str(lb["event_key"].iloc[sign.row]), "LB", named(missing), site | said)


def _said(asked: Asked, facts: Facts, sign: Occurrence) -> Iterator[tuple[str, Any]]:
    """What is told of a sign beside its record: its name, and the study day on which it was complete."""
    yield "sign", asked.signs[sign.sign].name
    if sign.domain == "LB":
        day = _study_day(facts, sign.subject, sign.met)
        if day is not None:
            yield "study_day", day
