"""What tables are made of: counts and rows, as JSON values can hold them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Measure:
    """Subjects and events that a filter finds in a population; several states of one event are one event.

    Parameters
    ----------
    subjects, events: counted as rules count them: an unknown fact counts as the unsafe value.
    doubtful: of `subjects`, those counted only because a fact is missing.
    """

    subjects: int = 0
    events: int = 0
    doubtful: int = 0


@dataclass(frozen=True, slots=True)
class SiteRow:
    """One site: everybody in its records, and who of them failed screening, was randomised and was dosed."""

    site: str
    subjects: int
    screen_failures: int
    randomised: int
    treated: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Days of a number of subjects or events; no half days: the middle is a day that somebody had."""

    number: int = 0
    median: int = 0
    least: int = 0
    most: int = 0
    ninth: int = 0
    """The day by which nine of ten were reached."""


@dataclass(frozen=True, slots=True)
class TermRow:
    """One preferred term in one system organ class; the class alone where `term` is "".

    Parameters
    ----------
    recorded: every event of the treated.   emergent: treatment-emergent ones.
    by_grade: subjects by their worst recorded grade of treatment-emergent events: not recorded, 1, 2, 3, 4, 5.
    """

    soc: str
    term: str
    recorded: Measure
    emergent: Measure
    by_grade: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """One event in a listing: coded facts alone.

    Parameters
    ----------
    related, serious: yes, no, or not recorded.   grade: worst recorded, 0 = none.
    study_day: of onset (first dose = day 1), None where either day is not exactly known.
    outcome: AEOUT as coded.   criteria: seriousness criteria that are met.
    """

    usubjid: str
    site: str
    soc: str
    term: str
    grade: int
    serious: str
    related: str
    study_day: int | None
    outcome: str = ""
    criteria: tuple[str, ...] = ()
    death: bool = False
    contradiction: bool = False


@dataclass(frozen=True, slots=True)
class Quality:
    """What is missing or doubtful in adverse-event records, in rows.

    `contradictions`: a seriousness criterion is met though AESER = N.
    """

    records: int = 0
    uncoded: int = 0
    without_onset: int = 0
    partial_onset: int = 0
    without_grade: int = 0
    without_causality: int = 0
    contradictions: int = 0


@dataclass(frozen=True, slots=True)
class LabRow:
    """One laboratory test after first dose: subjects assessed, and those with any value below or above range."""

    test: str
    assessed: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one snapshot, pooled over arms.

    Parameters
    ----------
    populations: all, randomised, treated, assessed → subjects.
    sites: T1 and T2, by site.   demographics: T4, (characteristic, category, treated subjects).
    deviations: T3, coded deviation → subjects, records.
    disposition: T5, treated subjects by where they stand, each once; its sum is the treated population.
    followed, on_treatment: days of treated subjects from first dose until last assessed, and until the last dose.
    person_days: sum of the first.   dosed: (month as YYYY-MM, subjects first dosed in it) from the first month to that
    of the cut-off; of a partial date its earliest possible day counts.
    contact: days since each was last assessed, of those still in the study.
    overview: what → measure, in the treated population.   interest: term list → treatment-emergent.
    terms: T6 and T7, by class, then by how many subjects.   undosed: events of subjects without a recorded first dose
    who may have been dosed: no table of the treated holds them, while rules count them as doubts.
    serious, deaths, listing: L1, L2 and L3, of everybody; `listed` = how many L3 has in all.
    labs: T8.   lags: site → days from onset until known; entry: of all sites together.   quality: see `Quality`.
    absent: domains that no source has.
    """

    populations: dict[str, int]
    sites: tuple[SiteRow, ...] = ()
    demographics: tuple[tuple[str, str, int], ...] = ()
    deviations: tuple[tuple[str, int, int], ...] = ()
    disposition: tuple[tuple[str, int], ...] = ()
    followed: Spread = Spread()
    on_treatment: Spread = Spread()
    person_days: int = 0
    dosed: tuple[tuple[str, int], ...] = ()
    contact: Spread = Spread()
    overview: dict[str, Measure] = field(default_factory=dict)
    interest: dict[str, Measure] = field(default_factory=dict)
    terms: tuple[TermRow, ...] = ()
    undosed: Measure = Measure()
    serious: tuple[Listed, ...] = ()
    deaths: tuple[Listed, ...] = ()
    listing: tuple[Listed, ...] = ()
    listed: int = 0
    labs: tuple[LabRow, ...] = ()
    lags: dict[str, Spread] = field(default_factory=dict)
    entry: Spread = Spread()
    quality: Quality = Quality()
    absent: tuple[str, ...] = ()
