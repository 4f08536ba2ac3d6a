"""Whatever cannot be a design is refused with the parameter, what was given, and what to do instead."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scipy.special import betainc

from rules.errors import DesignError, RulesError
from rules.statistics import METHODS, calibrate, false_alarm_with_dropout, operating_characteristics
from rules.statistics.exposure import calibrate_exposure

GOOD: dict[str, Any] = {"method": "beta_binomial", "null_rate": 0.2, "alpha": 0.1, "looks": range(1, 11)} | {
    "prior_a": 0.6,
    "prior_b": 2.4,
}
TABLE: dict[str, Any] = {"method": "table", "null_rate": 0.2, "looks": (3, 5, 8), "stop_at": (2, 3, 4)}
LOOKS = "strictly increasing whole numbers"
COUNTS = "never falling"
OPEN_UNIT = "above 0 and below 1"


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5, "0.2", None, float("nan"), float("inf"), True, [0.2], 20,
                                  10**400, Decimal("sNaN")])  # fmt: skip
def test_null_rate(rate: object) -> None:
    refused(GOOD | {"null_rate": rate}, "null_rate", rate, OPEN_UNIT)


@pytest.mark.parametrize("alpha", [0, 1, -1, "5%", None, float("nan"), 5])
def test_alpha(alpha: object) -> None:
    refused(GOOD | {"alpha": alpha}, "alpha", alpha, OPEN_UNIT)


@pytest.mark.parametrize(
    "looks", [(), (0, 1), (1, 1), (3, 2), (1, 2.5), (1, True), "10", 20, None, (1, "2"), (-3, 4), (10**9,)]
)
def test_looks(looks: object) -> None:
    with pytest.raises(DesignError, match=f"looks = .* is not possible: {LOOKS}"):
        calibrate(**GOOD | {"looks": looks})


def test_too_many_looks_are_refused_at_once() -> None:
    with pytest.raises(DesignError, match="1000000000 looks"):
        calibrate(**GOOD | {"looks": range(10**9)})


def test_long_lists_of_looks_are_shortened_in_the_message() -> None:
    with pytest.raises(DesignError) as caught:
        calibrate(**GOOD | {"looks": [*range(1, 500), 3]})
    assert "1, 2, … 3 (500 looks)" in str(caught.value)


@pytest.mark.parametrize("name", ["prior_a", "prior_b"])
@pytest.mark.parametrize("prior", [0, -1, "weak", None, float("inf"), False, 1e-300, 1e12])
def test_priors(name: str, prior: object) -> None:
    refused(GOOD | {name: prior}, name, prior, "above 0")


PLAIN: dict[str, Any] = {"null_rate": 0.2, "alpha": 0.1, "looks": range(1, 21)}
SPRT = PLAIN | {"method": "sprt", "p1": 0.4}
CHEN = PLAIN | {"method": "chen_chaloner", "prior_a": 0.6, "prior_b": 2.4, "p1": 0.4, "nu": 0.2}
CUTOFF = PLAIN | {"method": "posterior_cutoff", "prior_a": 0.6, "prior_b": 2.4, "cutoff": 0.95}


@pytest.mark.parametrize("delta", [-0.01, 1.01, "half", None, float("nan"), True])
def test_delta(delta: object) -> None:
    refused(PLAIN | {"method": "wang_tsiatis", "delta": delta}, "delta", delta, "from 0 (O'Brien-Fleming)")


@pytest.mark.parametrize("design", [SPRT, CHEN], ids=["sprt", "chen_chaloner"])
@pytest.mark.parametrize(
    ("p1", "says"),
    [(0.2, "above the null rate 0.2"), (0.1, "above the null rate 0.2"), (0, OPEN_UNIT), (1, OPEN_UNIT),
     (1.4, OPEN_UNIT), ("0.4", OPEN_UNIT), (None, OPEN_UNIT)],
)  # fmt: skip
def test_a_rate_to_be_detected_lies_above_the_null(design: dict[str, Any], p1: object, says: str) -> None:
    refused(design | {"p1": p1}, "p1", p1, says)


@pytest.mark.parametrize("value", [0, 1, -0.2, 95, "0.2", None])
def test_posterior_probabilities(value: object) -> None:
    refused(CHEN | {"nu": value}, "nu", value, OPEN_UNIT)
    refused(CUTOFF | {"cutoff": value}, "cutoff", value, OPEN_UNIT)


@pytest.mark.parametrize("name", ["prior_a", "prior_b"])
def test_priors_of_every_design_that_has_one(name: str) -> None:
    refused(CHEN | {name: 0}, name, 0, "above 0")
    refused(CUTOFF | {name: -1}, name, -1, "above 0")


def test_a_nu_that_no_count_reaches() -> None:
    """Five of five leave .74 for a rate above .6: a ν of .8 would never stop, and says so rather than blame alpha."""
    highest = 1 - betainc(5.6, 2.4, 0.6)  # .7494935…, named as .749493: rounded up it would be refused in its turn
    refused(CHEN | {"p1": 0.6, "nu": 0.8, "looks": range(1, 6)}, "nu", 0.8, "at most 0.749493, the posterior")
    assert highest == pytest.approx(0.7494935, abs=5e-7)
    assert calibrate(**CHEN | {"p1": 0.6, "nu": 0.749493, "looks": range(1, 6)}).stop_at[-1] == 5


def test_a_cutoff_that_the_prior_reaches_without_an_event() -> None:
    """Beta(1, 1) leaves .94 for a rate above .02 after 2 without an event: no rule of safety stops there."""
    asked = CUTOFF | {"null_rate": 0.02, "prior_a": 1, "prior_b": 1, "looks": range(2, 9)}
    without = 0.98**3
    refused(asked | {"cutoff": 0.94}, "cutoff", 0.94, f"above {without:.6g}, the posterior after 2 without an event")
    assert calibrate(**asked | {"cutoff": 0.95}).stop_at[0] == 1


def test_a_cutoff_that_no_count_reaches_never_stops() -> None:
    """Refused where a rule is watched; here it is a design with a false alarm of nothing."""
    boundary = calibrate(**CUTOFF | {"looks": (1,), "cutoff": 0.99})
    assert (boundary.stop_at, boundary.attained_alpha) == ((None,), 0.0)


@pytest.mark.parametrize("least", [0, -1, 1.5, "3", None, True, 21])
def test_minimum_events(least: object) -> None:
    refused(PLAIN | {"method": "max_sprt", "min_events": least}, "min_events", least, "1")


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ((3, 2, 4), "entry 2 is 2 after 3"),
        ((2, None, 4), "entry 2 is None after 2"),
        ((0, 1, 2), COUNTS),
        ((2, 3), "each of the 3 looks"),
        ((2, 3, 4, 5), "each of the 3 looks"),
        ((None, None, None), "at least one count"),
        ((9, 9, 9), "at least one count"),
        ((2, 2.5, 3), COUNTS),
        ("234", COUNTS),
        (4, COUNTS),
        (None, COUNTS),
    ],
)
def test_protocol_tables(counts: object, says: str) -> None:
    with pytest.raises(DesignError) as caught:
        calibrate(**TABLE | {"stop_at": counts})
    assert caught.value.parameter == "stop_at"
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "parameter", "says"),
    [
        (GOOD | {"method": "beta_binomal"}, "method", "did you mean 'beta_binomial'?"),
        (GOOD | {"method": "Pocok"}, "method", "did you mean 'pocock'?"),
        (GOOD | {"method": "beta-binomial"}, "method", "did you mean 'beta_binomial'?"),
        (GOOD | {"method": "xyz"}, "method", "one of pocock, obrien_fleming, wang_tsiatis, beta_binomial"),
        (GOOD | {"method": None}, "method", "sprt, max_sprt, posterior_cutoff, table"),
        (GOOD | {"method": "maxsprt"}, "method", "did you mean 'max_sprt'?"),
        (GOOD | {"method": "O'Brien-Fleming"}, "method", "did you mean 'obrien_fleming'?"),
        (GOOD | {"method": ["pocock"]}, "method", "one of pocock"),
        (GOOD | {"prior_alpha": 1}, "prior_alpha", "did you mean 'prior_a'?"),
        (GOOD | {"method": "pocock"}, "prior_a", "pocock takes no parameters"),
        (TABLE | {"stopat": (1, 2, 3)}, "stopat", "did you mean 'stop_at'?"),
        ({k: v for k, v in GOOD.items() if k != "prior_b"}, "prior_b", "beta_binomial takes prior_a, prior_b"),
        ({k: v for k, v in TABLE.items() if k != "stop_at"}, "stop_at", "table takes stop_at"),
        ({k: v for k, v in GOOD.items() if k != "alpha"}, "alpha", OPEN_UNIT),
        (TABLE | {"alpha": 2}, "alpha", OPEN_UNIT),
    ],
)
def test_words(asked: dict[str, Any], parameter: str, says: str) -> None:
    with pytest.raises(DesignError) as caught:
        calibrate(**asked)
    assert caught.value.parameter == parameter
    assert says in caught.value.allowed


@pytest.mark.parametrize(
    ("method", "looks", "rate", "smallest"), [("pocock", (1,), 0.2, "0.2"), ("pocock", (2, 4), 0.5, "0.0625")]
)
def test_alpha_that_no_boundary_reaches(method: str, looks: tuple[int, ...], rate: float, smallest: str) -> None:
    with pytest.raises(DesignError) as caught:
        calibrate(method, null_rate=rate, alpha=float(smallest) * 0.99, looks=looks)
    assert caught.value.parameter == "alpha"
    assert f"attains {smallest};" in caught.value.allowed
    assert calibrate(method, null_rate=rate, alpha=float(smallest), looks=looks).attained_alpha == float(smallest)


@pytest.mark.parametrize("rate", [0.2310561, 0.0123456789, 0.3333333])
def test_who_asks_for_the_smallest_alpha_that_is_named_gets_it(rate: float) -> None:
    """Six digits rounded to the nearest would be too little in half the cases, and the advice refused in its turn."""
    with pytest.raises(DesignError) as caught:
        calibrate("pocock", null_rate=rate, alpha=rate / 2, looks=(1,))
    named = float(caught.value.allowed.split("attains ")[1].split(";")[0])
    assert calibrate("pocock", null_rate=rate, alpha=named, looks=(1,)).stop_at == (1,)
    assert named == pytest.approx(rate, rel=1e-5)


def test_an_alpha_of_one_is_not_advised() -> None:
    with pytest.raises(DesignError) as caught:
        calibrate("pocock", null_rate=1 - 1e-9, alpha=0.1, looks=(1, 2))
    assert caught.value.allowed == "the most conservative boundary of this design attains 1; look at more subjects"


ON_EXPOSURE: dict[str, Any] = {"method": "exposure_pocock", "null_rate": 0.2, "alpha": 0.1, "max_n": 24, "window": 28}


def test_designs_on_exposure_are_calibrated_by_the_same_name() -> None:
    given = {"max_exposure": "expected", "shape": 2}
    asked = ON_EXPOSURE | {"method": "exposure_gamma_poisson"} | given
    assert calibrate(**asked) == calibrate_exposure(**asked)


@pytest.mark.parametrize(
    ("change", "parameter", "says"),
    [
        ({"method": "exposure_pocok"}, "method", "did you mean 'exposure_pocock'?"),
        ({"method": "exposure_table"}, "method", "posterior_cutoff, table, exposure_pocock"),
        ({"looks": range(1, 25)}, "looks", "looks at every event; say max_n and window"),
        ({"max_n": None}, "max_n", "a whole number of subjects"),
        ({"window": "28"}, "window", "a positive length of time"),
        ({"alpha": None}, "alpha", OPEN_UNIT),
        ({"delta": 0.5}, "delta", "exposure_pocock takes no parameters"),
    ],
)
def test_words_of_designs_on_exposure(change: dict[str, Any], parameter: str, says: str) -> None:
    refused(ON_EXPOSURE | change, parameter, (ON_EXPOSURE | change)[parameter], says)


@pytest.mark.parametrize("name", ["max_n", "window"])
def test_a_design_on_exposure_names_what_is_missing(name: str) -> None:
    refused({k: v for k, v in ON_EXPOSURE.items() if k != name}, name, None, "it must be given")


def test_a_binary_design_without_looks_says_so() -> None:
    refused({"method": "pocock", "null_rate": 0.2, "alpha": 0.1}, "looks", None, LOOKS)


@pytest.mark.parametrize("rates", [[0.2, 1.1], [-0.1], ["0.3"], [None], 0.2, "0.2", [float("nan")]])
def test_rates_of_characteristics(rates: Any) -> None:
    with pytest.raises(DesignError, match="rates"):
        operating_characteristics(calibrate(**GOOD), rates)


@pytest.mark.parametrize("dropout", [1, -0.1, 2, "none"])
def test_dropout(dropout: Any) -> None:
    with pytest.raises(DesignError, match="dropout"):
        false_alarm_with_dropout(calibrate(**GOOD), dropout)


def test_the_error_is_caught_as_ours_and_as_a_value_error() -> None:
    assert issubclass(DesignError, RulesError)
    assert issubclass(DesignError, ValueError)


def test_numbers_of_other_libraries_are_numbers() -> None:
    plain = calibrate(**GOOD)
    fancy = calibrate(
        "beta_binomial",
        null_rate=np.float64(0.2),  # type: ignore[arg-type]
        alpha=np.float64(0.1),  # type: ignore[arg-type]
        looks=np.arange(1, 11),
        prior_a=np.float64(0.6),
        prior_b=np.float64(2.4),
    )
    assert fancy == plain
    assert all(type(look) is int for look in fancy.looks)
    assert type(fancy.null_rate) is float


def test_the_methods_name_their_parameters_in_contract_order() -> None:
    assert {name: design.parameters() for name, design in METHODS.items()} == {
        "pocock": (),
        "obrien_fleming": (),
        "wang_tsiatis": ("delta",),
        "beta_binomial": ("prior_a", "prior_b"),
        "chen_chaloner": ("prior_a", "prior_b", "p1", "nu"),
        "sprt": ("p1",),
        "max_sprt": ("min_events",),
        "posterior_cutoff": ("prior_a", "prior_b", "cutoff"),
        "table": ("stop_at",),
    }


def refused(asked: dict[str, Any], parameter: str, value: object, says: str) -> None:
    with pytest.raises(DesignError) as caught:
        calibrate(**asked)
    assert caught.value.parameter == parameter
    assert caught.value.value is value or str(caught.value.value) == str(value)
    assert says in caught.value.allowed
