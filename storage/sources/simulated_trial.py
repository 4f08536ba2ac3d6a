"""A simulated STS-CALC trial: seeded, whole, with the dates on which each record became known.

Nobody was ever enrolled in this trial (NCT01918904 was withdrawn), so everything here is invented and says so in
STUDYID. Each row is a version of a record: what the source held from `known_at` on, until a later version or a
deletion. Any day of the trial can be seen with `SimulatedTrial.rows_known_by`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Literal

import numpy as np

from storage.sources.simulated_events import Episode, background, planned_reactions, scenario_changes

Scenario = Literal["calm", "toxic", "messy"]
SCENARIOS: tuple[Scenario, ...] = ("calm", "toxic", "messy")

STUDYID = "STS-CALC-SIM"
DOMAINS = ("DM", "AE", "EX", "DS", "DA", "SV", "LB")
SUBJECTS = 20
DAYS_BETWEEN_SUBJECTS = 10
TREATMENT_DAYS = 84
VISIT_DAYS = (0, 14, 28, 42, 56, 70, 84, 112)
DEFAULT_START = date(2026, 1, 5)
ENTRY_TIME = time(15, 0, tzinfo=UTC)
"""Records are entered in the afternoon, UTC."""

AWARE_BEFORE = timedelta(minutes=90)
"""A serious event is known to people so long before it is entered."""

AUTHORITY_AFTER = 7
"""Days from the report to the sponsor until the one to the authority is on record."""

ARMS = (("STS25", "Sodium thiosulfate 25 % cream"), ("PBO", "Zinc oxide and Aquaphor cream"))


@dataclass(frozen=True, slots=True)
class Version:
    """One state of one record at the source.

    Parameters
    ----------
    domain, key: the record; the key is unique in its domain.
    known_at: aware UTC from which the source held it.
    row: SDTM variable → text; empty for a deletion.
    """

    domain: str
    key: str
    known_at: datetime
    row: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """One simulated subject: identity, first dose, and how long anybody saw them.

    Parameters
    ----------
    number: 1..20 in order of first dose.   arm: index into `ARMS`.
    seen_until: last study day on which anybody assessed the subject.   left: DSDECOD when they left early, else "".
    """

    number: int
    first_dose: date
    arm: int
    seen_until: int = 112
    left: str = ""

    @property
    def usubjid(self) -> str:
        """`P-001`, …"""
        return f"P-{self.number:03d}"

    def day(self, study_day: int) -> date:
        """Calendar date of a day counted from first dose = 0."""
        return self.first_dose + timedelta(days=study_day)


class SimulatedTrial:
    """A whole trial, made once from a seed.

    Parameters
    ----------
    seed: any whole number; equal seeds give equal trials.
    scenario: `calm` crosses no rule; `toxic` crosses the tolerability boundary and has a related serious event, and
        one of the reactions counted is later downgraded; `messy` has late entries, corrections up and down, a
        deletion, partial dates, missing causality and grade, an uncoded term, a subject lost to follow-up and one
        who withdrew consent.
    start: first dose of the first subject.

    Raises
    ------
    ValueError: an unknown scenario; the message names those that exist.
    """

    def __init__(self, seed: int = 7, scenario: str = "toxic", start: date = DEFAULT_START) -> None:
        if scenario not in SCENARIOS:
            raise ValueError(f"scenario {scenario!r} does not exist: choose {', '.join(SCENARIOS)}")
        self.seed, self.scenario, self.start = seed, scenario, start

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """All subjects, in order of first dose: arms in permuted blocks of four, about ten days apart."""
        rng = np.random.default_rng([self.seed, 1])
        arms = [int(a) for _ in range(SUBJECTS // 4) for a in rng.permutation([0, 0, 1, 1])]
        gaps = rng.integers(-2, 3, SUBJECTS)
        days = [DAYS_BETWEEN_SUBJECTS * i + (int(gaps[i]) if i else 0) for i in range(SUBJECTS)]
        left = {5: (21, "LOST TO FOLLOW-UP"), 9: (17, "WITHDRAWAL BY SUBJECT")} if self.scenario == "messy" else {}
        return tuple(
            Subject(i + 1, self.start + timedelta(days=days[i]), arms[i], *left.get(i + 1, (112, "")))
            for i in range(SUBJECTS)
        )

    @cached_property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Domain → its variables, in the order in which they first appear."""
        names: dict[str, dict[str, None]] = {domain: {} for domain in DOMAINS}
        for version in self.versions:
            names[version.domain].update(dict.fromkeys(version.row))
        return {domain: tuple(found) for domain, found in names.items()}

    @cached_property
    def last_day(self) -> date:
        """The day on which the last record became known."""
        return max(version.known_at for version in self.versions).date()

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """Every state of every record, in the order in which they became known."""
        rng = np.random.default_rng([self.seed, 2])
        made: list[Version] = []
        for subject in self.subjects:
            made += _demographics(subject)
            made += _exposure(subject)
            made += _visits(subject, rng)
            made += _laboratory(subject, rng)
            made += _dispensing(subject, rng)
            made += _disposition(subject)
        made += self._adverse_events(rng)
        return tuple(sorted(made, key=lambda v: (v.known_at, v.domain, v.key)))

    def rows_known_by(self, at: datetime) -> dict[str, list[dict[str, str]]]:
        """Domain → rows as the source held them at a time (aware UTC), in stable order. All domains are there."""
        held: dict[tuple[str, str], Mapping[str, str]] = {}
        for version in self.versions:
            if version.known_at > at:
                break
            held[version.domain, version.key] = version.row
        rows: dict[str, list[dict[str, str]]] = {domain: [] for domain in DOMAINS}
        for (domain, _), row in sorted(held.items()):
            if row:
                rows[domain].append(dict(row))
        return rows

    def _adverse_events(self, rng: np.random.Generator) -> list[Version]:
        made: list[Version] = []
        numbers: dict[int, int] = {}
        for episode in [*planned_reactions(self.scenario), *background(rng, SUBJECTS)]:
            subject = self.subjects[episode.subject - 1]
            if episode.onset_day > subject.seen_until:
                continue
            numbers[subject.number] = numbers.get(subject.number, 0) + 1
            made += _event_versions(subject, episode, numbers[subject.number])
        return made


def entered(day: date, delay: int) -> datetime:
    """When a record of a day is known at the source that enters it `delay` days later."""
    return datetime.combine(day + timedelta(days=delay), ENTRY_TIME)


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%MZ")


def _row(domain: str, subject: Subject, **values: str) -> dict[str, str]:
    return {"STUDYID": STUDYID, "DOMAIN": domain, "USUBJID": subject.usubjid, **values}


def _demographics(subject: Subject) -> list[Version]:
    code, name = ARMS[subject.arm]
    age = str(38 + (subject.number * 7) % 35)
    start = subject.first_dose.isoformat()
    row = _row(
        "DM", subject, SUBJID=subject.usubjid.removeprefix("P-"), SITEID="01", RFICDTC=subject.day(-7).isoformat(),
        RFSTDTC=start, RFXSTDTC=start, AGE=age, AGEU="YEARS", SEX="F" if subject.number % 4 else "M", COUNTRY="USA",
        ARMCD=code, ARM=name, ACTARMCD=code, ACTARM=name,
    )  # fmt: skip
    made = [Version("DM", subject.usubjid, entered(subject.first_dose, 0), row)]
    end = min(TREATMENT_DAYS, subject.seen_until)
    done = {**row, "RFXENDTC": subject.day(end).isoformat()}
    return [*made, Version("DM", subject.usubjid, entered(subject.day(end), 1), done)]


def _exposure(subject: Subject) -> list[Version]:
    made = []
    name = ARMS[subject.arm][1]
    for number, first in enumerate(range(0, min(TREATMENT_DAYS, subject.seen_until), 28), start=1):
        row = _row(
            "EX", subject, EXSEQ=str(number), EXTRT=name.upper(), EXDOSE="1", EXDOSU="APPLICATION", EXDOSFRM="CREAM",
            EXDOSFRQ="BID", EXROUTE="TOPICAL", EXLOT=f"LOT-{ARMS[subject.arm][0]}-{number}",
            EXSTDTC=subject.day(first).isoformat(), EXENDTC="",
        )  # fmt: skip
        key = f"{subject.usubjid}/{number}"
        last = min(first + 27, subject.seen_until, TREATMENT_DAYS)
        made.append(Version("EX", key, entered(subject.day(first), 0), row))
        ended = {**row, "EXENDTC": subject.day(last).isoformat()}
        made.append(Version("EX", key, entered(subject.day(last), 1), ended))
    return made


def _visits(subject: Subject, rng: np.random.Generator) -> list[Version]:
    made = []
    for number, day in enumerate(VISIT_DAYS, start=1):
        delay = int(rng.integers(0, 3))
        if day <= subject.seen_until:
            on = subject.day(day).isoformat()
            row = _row("SV", subject, VISITNUM=str(number), VISIT=f"DAY {day}", SVSTDTC=on, SVENDTC=on)
            made.append(Version("SV", f"{subject.usubjid}/{number}", entered(subject.day(day), delay), row))
    return made


def _laboratory(subject: Subject, rng: np.random.Generator) -> list[Version]:
    made = []
    tests = (
        ("K", "Potassium", "mmol/L", 4.2, 0.3, "3.5", "5.1"),
        ("CA", "Calcium", "mmol/L", 2.35, 0.08, "2.15", "2.55"),
    )
    number = 0
    for day in VISIT_DAYS[::2]:
        for code, name, unit, mean, spread, low, high in tests:
            value = f"{rng.normal(mean, spread):.2f}"
            number += 1
            if day > subject.seen_until:
                continue
            row = _row(
                "LB", subject, LBSEQ=str(number), LBTESTCD=code, LBTEST=name, LBCAT="CHEMISTRY", LBORRES=value,
                LBORRESU=unit, LBORNRLO=low, LBORNRHI=high, LBDTC=subject.day(day).isoformat(),
            )  # fmt: skip
            made.append(Version("LB", f"{subject.usubjid}/{number:02d}", entered(subject.day(day), 1), row))
    return made


def _dispensing(subject: Subject, rng: np.random.Generator) -> list[Version]:
    made = []
    for number, day in enumerate(range(0, min(TREATMENT_DAYS, subject.seen_until), 28), start=1):
        kit = f"KIT-{ARMS[subject.arm][0]}-{subject.number:03d}{number}"
        used = int(rng.integers(22, 48))
        for code, grams, on in (("DISPAMT", 60, day), ("RETAMT", 60 - used, day + 28)):
            if on <= subject.seen_until:
                row = _row(
                    "DA", subject, DASEQ=str(2 * number - (code == "DISPAMT")), DAREFID=kit, DATESTCD=code,
                    DAORRES=str(grams), DAORRESU="g", DADTC=subject.day(on).isoformat(),
                )  # fmt: skip
                made.append(Version("DA", f"{subject.usubjid}/{number}/{code}", entered(subject.day(on), 0), row))
    return made


def _disposition(subject: Subject) -> list[Version]:
    on = subject.first_dose
    first = _row("DS", subject, DSSEQ="1", DSDECOD="RANDOMIZED", DSCAT="PROTOCOL MILESTONE", DSSTDTC=on.isoformat())
    end = subject.day(subject.seen_until)
    last = _row(
        "DS", subject, DSSEQ="2", DSDECOD=subject.left or "COMPLETED", DSCAT="DISPOSITION EVENT",
        DSSTDTC=end.isoformat(),
    )  # fmt: skip
    delay = 30 if subject.left == "LOST TO FOLLOW-UP" else 2
    return [
        Version("DS", f"{subject.usubjid}/1", entered(on, 0), first),
        Version("DS", f"{subject.usubjid}/2", entered(end, delay), last),
    ]


def _event_versions(subject: Subject, episode: Episode, number: int) -> Sequence[Version]:
    """The states of one adverse event: as first entered, then each planned change."""
    onset = subject.day(episode.onset_day)
    row = _row("AE", subject, AESEQ=str(number), AESPID=f"E{number:02d}", **episode.variables(onset))
    key = f"{subject.usubjid}/{number:02d}"
    known = entered(onset, episode.entry_delay)
    row["AWAREDTC"] = _written(known - AWARE_BEFORE) if episode.serious else ""
    made = [Version("AE", key, known, {**row, "ENTRYDTC": _written(known)})]
    if episode.reported_after is not None:
        for name, days in (("SPONDTC", 0), ("SUBMDTC", AUTHORITY_AFTER)):
            at = entered(onset, episode.reported_after + days)
            reported = {name: _written(at - 3 * AWARE_BEFORE), "FORMSTAT": "COMPLETE", "ENTRYDTC": _written(at)}
            made.append(Version("AE", key, at, {**made[-1].row, **reported}))
    for change in scenario_changes(episode):
        at = entered(onset, change.days_after_onset)
        later = {} if change.deletes else {**made[-1].row, **change.values, "ENTRYDTC": _written(at)}
        made.append(Version("AE", key, at, later))
    return made
