"""The designs: each says what its parameters are, and which boundary it means for a rate, an alpha and looks.

A design that is calibrated is a `Family`: it says how strong the evidence of s events in n subjects is, and
`search.least_conservative` does the rest. A design with another way to its boundary overrides `fit`. This room
knows nothing of subjects or outcomes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from rules.statistics.designs.bayesian import BetaBinomial, ChenChaloner, PosteriorCutoff
from rules.statistics.designs.design import Design, Family
from rules.statistics.designs.group_sequential import OBrienFleming, Pocock, WangTsiatis
from rules.statistics.designs.likelihood import MaxSprt, Sprt
from rules.statistics.designs.table import Table

METHODS: Mapping[str, type[Design]] = MappingProxyType(
    {
        "pocock": Pocock,
        "obrien_fleming": OBrienFleming,
        "wang_tsiatis": WangTsiatis,
        "beta_binomial": BetaBinomial,
        "chen_chaloner": ChenChaloner,
        "sprt": Sprt,
        "max_sprt": MaxSprt,
        "posterior_cutoff": PosteriorCutoff,
        "table": Table,
    }
)
"""Name in YAML, Python and on the command line → design."""

__all__ = ["METHODS", "Design", "Family"]
