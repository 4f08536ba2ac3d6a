"""Figures computed by other programs, with the call that gave each; copied as printed, nothing of their code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Golden:
    """One design of R package stoppingrule: table from calc.rule.surv, (rate, P(stop), E(events)) from OC.rule.surv.

    The reference solves for its cutoff to about 1e-4, so that alpha is met to `slack` (relative) only.
    """

    origin: str
    method: str
    null_rate: float
    alpha: float
    max_n: int
    window: float
    critical_value: float
    first_event: int
    up_to_exposure: tuple[float, ...]
    oc: tuple[tuple[float, float, float], ...]
    slack: float
    parameters: dict[str, Any] = field(default_factory=dict)


def exposures(text: str) -> tuple[float, ...]:
    """The exposures of a table, one for each event number."""
    return tuple(float(word) for word in text.split())


# calc.rule.surv(..., maxInf="expected") and OC.rule.surv(rule, ps=rate, MC=0, A=730), run unchanged.

GOLDEN = (
    Golden(
        origin='calc.rule.surv(n=50, p0=0.2, alpha=0.1, type="Pocock", tau=60, maxInf="expected")',
        method="exposure_pocock",
        null_rate=0.2,
        alpha=0.1,
        max_n=50,
        window=60,
        critical_value=3.50975259930209,
        first_event=1,
        up_to_exposure=exposures(
            "18.8715490550215 66.9308066845377 135.853077958864 220.649150619393 318.048954683666 425.771385424566 "
            "542.150223671042 665.924429505989 796.112307361962 931.93185974178 1072.7481574712 1218.0373046092 "
            "1367.36101838657 1520.3482355113 1676.68150752859 1836.08674406776 1998.32534892441 2163.18810012496 "
            "2330.49032334141 2500.06803949283 2671.77485647468 2845.47943653421 3000.0"
        ),
        oc=(
            (0.1, 0.0369848057973052, 5.07434834763418),
            (0.2, 0.100279043549856, 10.0832767544097),
            (0.3, 0.347014619313554, 13.2953131033098),
            (0.4, 0.83214110796076, 11.0169669859362),
        ),
        slack=5e-6,
    ),
    Golden(
        origin='calc.rule.surv(n=30, p0=0.1, alpha=0.05, type="GP", tau=84, maxInf="expected", param=1)',
        method="exposure_gamma_poisson",
        null_rate=0.1,
        alpha=0.05,
        max_n=30,
        window=84,
        critical_value=0.955544491097908,
        first_event=3,
        up_to_exposure=exposures(
            "249.949479086217 721.199463034732 1224.43696779728 1751.82966046672 2298.28253805297 2520.0"
        ),
        oc=(
            (0.1, 0.0510485891813789, 3.0793167409034),
            (0.2, 0.486816821889971, 5.087371202601),
            (0.3, 0.892224538961057, 4.9996843839751),
            (0.4, 0.991443216756477, 4.31851199001661),
        ),
        slack=8e-4,
        parameters={"shape": 1},
    ),
    Golden(
        origin='calc.rule.surv(n=50, p0=0.2, alpha=0.1, type="SPRT", tau=60, maxInf="expected", param=0.4)',
        method="exposure_sprt",
        null_rate=0.2,
        alpha=0.1,
        max_n=50,
        window=60,
        critical_value=1.96075664407668,
        first_event=3,
        up_to_exposure=exposures(
            "109.262770973673 281.997829701994 454.732888430316 627.467947158637 800.203005886959 972.93806461528 "
            "1145.6731233436 1318.40818207192 1491.14324080024 1663.87829952857 1836.61335825689 2009.34841698521 "
            "2182.08347571353 2354.81853444185 2527.55359317017 2700.2886518985 2873.02371062682 3000.0"
        ),
        oc=(
            (0.1, 0.00410653222740509, 5.24887250794633),
            (0.2, 0.101491438073518, 10.3305630833297),
            (0.3, 0.564795584307107, 11.3414740375114),
            (0.4, 0.947334946305738, 7.89955764302077),
        ),
        slack=2e-6,
        parameters={"p1": 0.4},
    ),
    Golden(
        origin='calc.rule.surv(n=40, p0=0.15, alpha=0.05, type="MaxSPRT", tau=84, maxInf="expected")',
        method="exposure_max_sprt",
        null_rate=0.15,
        alpha=0.05,
        max_n=40,
        window=84,
        critical_value=3.34273030410948,
        first_event=1,
        up_to_exposure=exposures(
            "6.80883254191048 77.0201401368033 215.041300777425 400.198317721096 619.070102496004 863.337384925746 "
            "1127.54845479925 1407.93203011217 1701.76100441035 2006.99167917252 2322.04745509612 2645.68268175615 "
            "2976.89335247484 3314.85643971191 3360.0"
        ),
        oc=(
            (0.1, 0.0165267720718337, 4.14810315822257),
            (0.2, 0.160168515988679, 7.99547544942077),
            (0.3, 0.653604503405077, 8.80213409515243),
            (0.4, 0.959028785077943, 6.69437593880308),
        ),
        slack=2e-6,
    ),
)

# R package Sequential: CV.Poisson(SampleSize=upper, D=0, M=min_events, alpha=0.05); for M = 1 the table printed in
# Kulldorff et al., Sequential Analysis 2011;30:58. (upper, M, critical value)
MAX_SPRT_POISSON = (
    (1, 1, 2.85393714904785),
    (1, 3, 1.77421808242798),
    (2, 1, 3.0469774628286),
    (2, 3, 2.34967932492501),
    (5, 1, 3.29718279728549),
    (5, 3, 2.80395477091307),
)

# calc.rule.surv(n, p0=0.2, alpha=0.1, type="OBF", tau=60, maxInf="expected"): P(stop) over n × tau. (n, attained)
OBRIEN_FLEMING_EXPECTED = ((30, 0.1156), (24, 0.1227))
