"""The adverse events of the simulated trial: those a scenario plans, and a seeded background of ordinary ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

SKIN = "Skin and subcutaneous tissue disorders"
GENERAL = "General disorders and administration site conditions"


@dataclass(frozen=True, slots=True)
class Change:
    """A later state of an event: what differs, or its deletion, and when it was entered."""

    days_after_onset: int
    values: Mapping[str, str] = field(default_factory=dict)
    deletes: bool = False


@dataclass(frozen=True, slots=True)
class Episode:
    """One adverse event before it has dates.

    Parameters
    ----------
    subject: 1..20.   onset_day: days after first dose.   term, soc: coded term and system organ class.
    grade: CTCAE grade, "" while missing.   related: AEREL, "" while missing.
    entry_delay: days from onset to entry.   lesion: LESROLE.   serious: AESER = Y with hospitalisation.
    verbatim: AETERM where it differs from the coded term; a `coded=False` event has no AEDECOD.
    partial: the source knows only the month of onset.
    reported_after: days from onset until the report of a serious event to the sponsor is on record; None = it never is.
    changes: later states, oldest first.
    """

    subject: int
    onset_day: int
    term: str
    soc: str
    grade: str
    related: str
    entry_delay: int = 2
    lesion: str = ""
    serious: bool = False
    verbatim: str = ""
    coded: bool = True
    partial: bool = False
    reported_after: int | None = None
    changes: tuple[Change, ...] = ()

    def variables(self, onset: date) -> dict[str, str]:
        """SDTM variables of its first state."""
        return {
            "AETERM": (self.verbatim or self.term).upper(),
            "AEDECOD": self.term if self.coded else "",
            "AEBODSYS": self.soc if self.coded else "",
            "AETOXGR": self.grade,
            "AESER": "Y" if self.serious else "N",
            "AESDTH": "N",
            "AESLIFE": "N",
            "AESHOSP": "Y" if self.serious else "N",
            "AEREL": self.related,
            "AEACN": "DRUG WITHDRAWN" if self.serious else "DOSE NOT CHANGED",
            "AEOUT": "NOT RECOVERED/NOT RESOLVED",
            "AESTDTC": f"{onset:%Y-%m}" if self.partial else onset.isoformat(),
            "AEENDTC": "",
            "AEDTC": onset.isoformat(),
            "LESROLE": self.lesion,
            "LESID": "L1" if self.lesion else "",
            "AWAREDTC": "",
            "SPONDTC": "",
            "SUBMDTC": "",
            "FORMSTAT": "INCOMPLETE" if self.serious else "COMPLETE",
        }


def _reaction(subject: int, day: int, grade: str = "2", related: str = "PROBABLE", **more: object) -> Episode:
    terms = ("Application site dermatitis", "Application site pain", "Application site erythema")
    term = terms[subject % len(terms)]
    return Episode(subject, day, term, GENERAL, grade, related, lesion="TREATED", **more)  # type: ignore[arg-type]


def planned_reactions(scenario: str) -> list[Episode]:
    """The events that make a scenario what it is."""
    return {"calm": _calm, "toxic": _toxic, "messy": _messy}[scenario]()


def _calm() -> list[Episode]:
    """Two expected reactions in twenty subjects: far from every boundary."""
    return [_reaction(6, 11), _reaction(15, 9, related="POSSIBLE"), _reaction(11, 8, grade="1")]


def _toxic() -> list[Episode]:
    """Reactions in subjects 2, 4, 5 and 7: the boundary is reached at 4 of the first 7; one is later corrected down."""
    down = Change(24, {"AETOXGR": "1"})
    return [
        _reaction(2, 12), _reaction(4, 9, related="POSSIBLE"), _reaction(5, 13, changes=(down,)), _reaction(7, 6),
        Episode(6, 31, "Hypersensitivity", "Immune system disorders", "3", "PROBABLE", entry_delay=1, serious=True,
                reported_after=2),
        _reaction(10, 14), _reaction(12, 7), _reaction(16, 10),
    ]  # fmt: skip


def _messy() -> list[Episode]:
    """What real records look like: late, partial, uncoded, corrected, deleted."""
    return [
        _reaction(1, 10, entry_delay=19),
        _reaction(2, 8, grade="1", changes=(Change(12, {"AETOXGR": "2"}),)),
        _reaction(3, 15, related="", changes=(Change(34, {"AEREL": "NOT RELATED"}),)),
        _reaction(4, 5, changes=(Change(20, {"AETOXGR": "1"}),)),
        _reaction(6, 9, changes=(Change(16, deletes=True),)),
        _reaction(7, 4, grade="", changes=(Change(22, {"AETOXGR": "1"}),)),
        _reaction(8, 12, coded=False, verbatim="Cream rash"),
        _reaction(10, 13, partial=True, related="POSSIBLE"),
        Episode(11, 20, "Hypokalaemia", "Metabolism and nutrition disorders", "2", "UNLIKELY", entry_delay=11),
    ]


def background(rng: np.random.Generator, subjects: int) -> list[Episode]:
    """Ordinary, unrelated events: about one and a half a subject."""
    kinds = (
        ("Nasopharyngitis", "Infections and infestations"), ("Headache", "Nervous system disorders"),
        ("Arthralgia", "Musculoskeletal and connective tissue disorders"), ("Nausea", "Gastrointestinal disorders"),
        ("Dry skin", SKIN),
    )  # fmt: skip
    made = []
    for subject in range(1, subjects + 1):
        for _ in range(int(rng.integers(0, 4))):
            term, soc = kinds[int(rng.integers(len(kinds)))]
            made.append(
                Episode(
                    subject, int(rng.integers(1, 100)), term, soc, str(int(rng.integers(1, 3))),
                    ("NOT RELATED", "UNLIKELY")[int(rng.integers(2))], entry_delay=int(rng.integers(1, 6)),
                )
            )  # fmt: skip
    return made


def scenario_changes(episode: Episode) -> tuple[Change, ...]:
    """An episode's later states, by the day of their entry."""
    return tuple(sorted(episode.changes, key=lambda change: change.days_after_onset))
