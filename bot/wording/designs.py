"""What each design is called, when to use it, and the paper it is from: said beside every table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Described:
    """A design in words.

    Parameters
    ----------
    title: its name in a sentence.   when: when to use it, and what it costs.   paper: where it is from.
    """

    title: str
    when: str
    paper: str


_IVANOVA = "Ivanova, Qaqish & Schell, Biometrics 2005;61:540, doi 10.1111/j.1541-0420.2005.00311.x"
_MARTENS = "Martens & Logan, Clinical Trials 2024 (binomial form beside other designs)"
_GELLER = "Geller, Follmann, Leifer & Carter, in Advances in Clinical Trial Biostatistics, 2003"
_KULLDORFF = "Kulldorff, Davis, Kolczak, Lewis, Lieu & Platt, Sequential Analysis 2011;30:58"
_GOLDMAN = "Goldman, Controlled Clinical Trials 1987;8:185, doi 10.1016/0197-2456(87)90153-X"
_EXPOSURE = "Martens, Lian, Geller, Leifer & Logan, Clinical Trials 2025, doi 10.1177/17407745241304119"

DESIGNS: Mapping[str, Described] = MappingProxyType(
    {
        "pocock": Described(
            "Pocock boundary",
            "When harm must be seen early: the same evidence stops at every look. Stops soonest in the first subjects, "
            "and has less power for harm that shows late.",
            f"{_IVANOVA}; {_MARTENS}",
        ),
        "obrien_fleming": Described(
            "O'Brien-Fleming boundary",
            "When early stopping on few subjects is to be avoided: strict at first, close to a single test at the end.",
            f"O'Brien & Fleming, Biometrics 1979;35:549, in binomial form: {_MARTENS}",
        ),
        "wang_tsiatis": Described(
            "Wang-Tsiatis boundary",
            "When something between one z at all looks (delta 0.5) and O'Brien-Fleming (delta 0) is wanted.",
            f"Wang & Tsiatis, Biometrics 1987;43:193, in binomial form: {_MARTENS}",
        ),
        "beta_binomial": Described(
            "beta-binomial boundary",
            "When earlier data give a prior: the posterior cutoff is calibrated, so that the false alarm is stated.",
            _GELLER,
        ),
        "chen_chaloner": Described(
            "Chen-Chaloner boundary",
            "When a rate that must not be missed (p1) can be named, and a surely smaller excess is no reason to stop.",
            "Chen & Chaloner, Statistics in Medicine 2006;25:2956",
        ),
        "sprt": Described(
            "truncated sequential probability ratio test",
            "When one rate to be detected (p1) is agreed: the fewest subjects to see that rate.",
            _GOLDMAN,
        ),
        "max_sprt": Described(
            "maximised sequential probability ratio test",
            "When no rate to be detected can be named: compares the null with whatever was observed.",
            _KULLDORFF,
        ),
        "posterior_cutoff": Described(
            "posterior cutoff as stated",
            "When a protocol already states a cutoff. It is not calibrated: read the attained false alarm first.",
            "Thall & Simon, Biometrics 1994;50:337",
        ),
        "table": Described(
            "the protocol's own table",
            "When a protocol prints its counts: nothing is calibrated, the false alarm of the table is computed.",
            "Recursion: Schultz, Nichol, Elfring & Weed, Biometrics 1973;29:293",
        ),
        "exposure_pocock": Described(
            "Pocock boundary on exposure",
            "When follow-up differs between subjects and harm must be seen early.",
            _EXPOSURE,
        ),
        "exposure_obrien_fleming": Described(
            "O'Brien-Fleming boundary on exposure",
            "When follow-up differs between subjects and early stopping on little exposure is to be avoided.",
            _EXPOSURE,
        ),
        "exposure_wang_tsiatis": Described(
            "Wang-Tsiatis boundary on exposure",
            "When follow-up differs between subjects; between Pocock (delta 0.5) and O'Brien-Fleming (delta 0).",
            _EXPOSURE,
        ),
        "exposure_gamma_poisson": Described(
            "gamma-Poisson boundary on exposure",
            "When follow-up differs between subjects and earlier data give a prior of the event rate.",
            f"{_GELLER}; {_EXPOSURE}",
        ),
        "exposure_sprt": Described(
            "truncated sequential probability ratio test on exposure",
            "When follow-up differs between subjects and one rate to be detected (p1) is agreed.",
            _GOLDMAN,
        ),
        "exposure_max_sprt": Described(
            "maximised sequential probability ratio test on exposure",
            "When follow-up differs between subjects and no rate to be detected can be named.",
            f"{_KULLDORFF}; Kulldorff & Silva, REVSTAT 2015;13:289",
        ),
    }
)
"""Method → its words."""
