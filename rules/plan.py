"""What a study fixes before any record: its plan, and the code lists and settings that turn records into facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What the protocol fixes about the study, from the `study:` block of config.yaml.

    Parameters
    ----------
    id, registry, title: identifiers shown to people.
    timezone: IANA name of the study's time zone (display only; time is stored as UTC).
    planned_n: subjects planned, all arms together.
    treatment_days, followup_days: planned days on treatment and days after last dose in which an
        onset is still treatment-emergent.
    ctcae: version of CTCAE that grades refer to, as text.
    """

    id: str
    timezone: str
    planned_n: int
    treatment_days: int
    followup_days: int
    ctcae: str = "5.0"
    registry: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Derivation:
    """The code lists and settings that turn records into facts; stored with every rule version.

    Comparison is case-insensitive on text stripped of surrounding blanks. A code in no list is
    *unmapped*, which counts as the unsafe value (design invariant 7).

    Parameters
    ----------
    related, unrelated: values of AEREL that mean related / not related to study treatment.
    grades: value of AESEV (or AETOXGR) → CTCAE grade 1..5. AESEV stands for a grade only when mapped here.
    expected, unexpected: values of the mapped expectedness variable.
    fatal_outcome: values of AEOUT meaning death (CDISC "FATAL").
    death, withdrawn, completed, lost, screen_failure, randomised: values of DSDECOD.
    treated_lesion, control_lesion, systemic: values of the mapped lesion role.
    terms: named term lists, name → list of AEDECOD (coded preferred terms).
    synonyms: named term lists, name → list of verbatim AETERM text used only where AEDECOD is missing.
    contact_domains: domains whose dates count as evidence of assessment (followed through).
    followup_days: as in `StudyPlan`.
    """

    related: frozenset[str] = frozenset()
    unrelated: frozenset[str] = frozenset()
    grades: Mapping[str, int] = field(default_factory=dict)
    expected: frozenset[str] = frozenset({"EXPECTED", "Y"})
    unexpected: frozenset[str] = frozenset({"UNEXPECTED", "N"})
    fatal_outcome: frozenset[str] = frozenset({"FATAL"})
    death: frozenset[str] = frozenset({"DEATH", "DIED"})
    withdrawn: frozenset[str] = frozenset(
        {"WITHDRAWAL BY SUBJECT", "WITHDRAWAL OF CONSENT", "WITHDREW CONSENT", "PHYSICIAN DECISION"}
    )
    completed: frozenset[str] = frozenset({"COMPLETED", "STUDY COMPLETED", "PROTOCOL COMPLETED"})
    lost: frozenset[str] = frozenset({"LOST TO FOLLOW-UP"})
    screen_failure: frozenset[str] = frozenset({"SCREEN FAILURE"})
    randomised: frozenset[str] = frozenset({"RANDOMIZED", "RANDOMISED"})
    treated_lesion: frozenset[str] = frozenset({"TREATED"})
    control_lesion: frozenset[str] = frozenset({"CONTROL"})
    systemic: frozenset[str] = frozenset({"SYSTEMIC"})
    terms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    synonyms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    contact_domains: tuple[str, ...] = ("SV", "AE", "DS", "LB")
    followup_days: int = 28
