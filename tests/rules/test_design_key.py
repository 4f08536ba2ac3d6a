"""The block `design:` of a configuration: every method it names can be built from it, and none that can never stop.

Catches: a method that the configuration offers and the statistics do not have, a parameter that is not handed on.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

from rules.errors import DesignError
from rules.kinds.design import NAMES, Design, Method
from rules.statistics import METHODS, calibrate

PRIOR = {"prior_a": 0.6, "prior_b": 2.4}
PARAMETERS: dict[str, dict[str, Any]] = {
    "pocock": {},
    "obrien_fleming": {},
    "wang_tsiatis": {"delta": 0.25},
    "beta_binomial": PRIOR,
    "chen_chaloner": PRIOR | {"p1": 0.4, "nu": 0.5},
    "sprt": {"p1": 0.4},
    "max_sprt": {"min_events": 3},
    "posterior_cutoff": PRIOR | {"cutoff": 0.95},
    "table": {"stop_at": (None, 2, 3, 4)},
}


def test_the_configuration_offers_what_the_statistics_have() -> None:
    assert list(get_args(Method)) == list(NAMES) == list(METHODS) == list(PARAMETERS)


@pytest.mark.parametrize("method", PARAMETERS)
def test_each_method_is_built_from_its_block(method: str) -> None:
    asked = {"null_rate": 0.2, "alpha": 0.1, "looks": (3, 6, 10, 15)}
    built = Design(method=method, **asked, **PARAMETERS[method]).boundary()  # type: ignore[arg-type]
    assert built == calibrate(method, **asked, **PARAMETERS[method])  # type: ignore[arg-type]
    assert built.attained_alpha > 0


def test_a_rule_that_can_never_stop_is_refused() -> None:
    """One event of one leaves .79 for a rate above .2: a cutoff of .99 with one subject would watch nothing."""
    block = Design(method="posterior_cutoff", null_rate=0.2, max_n=1, cutoff=0.99, **PRIOR)
    with pytest.raises(DesignError, match=r"cutoff = 0\.99 .* can never stop"):
        block.boundary()


def test_an_uncalibrated_design_needs_no_alpha() -> None:
    block = Design(method="posterior_cutoff", null_rate=0.3, max_n=40, prior_a=0.3, prior_b=0.7, cutoff=0.95)
    assert block.boundary().attained_alpha == pytest.approx(0.24, abs=0.005)
