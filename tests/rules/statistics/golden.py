"""Figures computed by other programs, with the call that gave each; copied as printed, nothing of their code.

`stop_at` is written as the programs print it: a count above its look cannot stop there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Golden:
    """One design: the R call it came from, and (rate, P(stop), expected events) from `OC.rule.bin(rule, ps=rate)`."""

    origin: str
    method: str
    null_rate: float
    alpha: float
    looks: tuple[int, ...]
    stop_at: tuple[int, ...]
    critical_value: float
    oc: tuple[tuple[float, float, float], ...]
    parameters: dict[str, Any] = field(default_factory=dict)


def counts(text: str) -> tuple[int, ...]:
    """The counts of a table, one for each look."""
    return tuple(int(word) for word in text.split())


# R package stoppingrule (Martens, Lian, Logan): calc.rule.bin and OC.rule.bin, run unchanged.

POCOCK_50 = Golden(
    origin='calc.rule.bin(ns=1:50, p0=0.2, alpha=0.1, type="Pocock")',
    method="pocock",
    null_rate=0.2,
    alpha=0.1,
    looks=tuple(range(1, 51)),
    stop_at=counts(
        "2 3 3 3 4 4 5 5 5 6 6 6 7 7 7 7 8 8 8 9 9 9 9 10 10 10 11 11 11 11 12 12 12 12 13 13 13 13 14 14 "
        "14 15 15 15 15 16 16 16 16 17"
    ),
    critical_value=0.0297577380315674,
    oc=(
        (0.2, 0.0997725382210105, 9.34483789302017),
        (0.05, 0.000539382823320467, 2.49876443761134),
        (0.1, 0.00526306483096115, 4.97686066185332),
        (0.3, 0.539740162996605, 10.3989641749206),
        (0.4, 0.926841483769487, 7.85190284115441),
        (0.5, 0.997342767740768, 5.57769128240539),
    ),
)

POCOCK_GROUPS = Golden(
    origin='calc.rule.bin(ns=c(5, 10, 15, 20, 30, 40), p0=0.2, alpha=0.05, type="Pocock")',
    method="pocock",
    null_rate=0.2,
    alpha=0.05,
    looks=(5, 10, 15, 20, 30, 40),
    stop_at=counts("4 6 7 9 11 14"),
    critical_value=0.0321423050859728,
    oc=(
        (0.1, 0.000882714666663259, 3.99739631510408),
        (0.2, 0.0486869117442845, 7.81997865000063),
        (0.3, 0.382834278668148, 10.1776114991898),
        (0.4, 0.832780037139471, 9.72601715504804),
    ),
)

BETA_BINOMIAL_100 = Golden(
    origin='calc.rule.bin(ns=1:100, p0=0.1, alpha=0.05, type="BB", param=c(1, 9))',
    method="beta_binomial",
    null_rate=0.1,
    alpha=0.05,
    looks=tuple(range(1, 101)),
    stop_at=counts(
        "3 3 4 4 4 4 4 5 5 5 5 5 5 6 6 6 6 6 6 7 7 7 7 7 7 8 8 8 8 8 8 8 9 9 9 9 9 9 9 10 10 10 10 10 10 "
        "11 11 11 11 11 11 11 11 12 12 12 12 12 12 12 13 13 13 13 13 13 13 14 14 14 14 14 14 14 15 15 15 "
        "15 15 15 15 15 16 16 16 16 16 16 16 17 17 17 17 17 17 17 17 18 18 18"
    ),
    critical_value=0.981201873225623,
    oc=(
        (0.1, 0.0496682766438199, 9.71864632219703),
        (0.05, 0.000816888407972828, 4.99668759809612),
        (0.2, 0.830333643913838, 10.5773176957448),
        (0.3, 0.999042490128829, 6.72269386441925),
        (0.4, 0.999999774856444, 5.2994257170765),
        (0.5, 0.999999999997941, 4.66518289243316),
    ),
    parameters={"prior_a": 1, "prior_b": 9},
)

WANG_TSIATIS_50 = Golden(
    origin='calc.rule.bin(ns=1:50, p0=0.2, alpha=0.1, type="WT", param=0.25)',
    method="wang_tsiatis",
    null_rate=0.2,
    alpha=0.1,
    looks=tuple(range(1, 51)),
    stop_at=counts(
        "3 3 4 4 4 5 5 5 6 6 6 7 7 7 7 8 8 8 8 9 9 9 9 10 10 10 10 11 11 11 11 12 12 12 12 12 13 13 13 13 14 "
        "14 14 14 15 15 15 15 15 16"
    ),
    critical_value=1.81846395420896,
    oc=(
        (0.2, 0.0999361700737217, 9.52367791469278),
        (0.05, 4.7429342448229e-05, 2.49989749602844),
        (0.1, 0.00148703034291795, 4.99449095817686),
        (0.3, 0.5982211226916, 10.7194895948973),
        (0.4, 0.950694650228887, 8.47741439383805),
        (0.5, 0.998691411946229, 6.51035199491425),
    ),
    parameters={"delta": 0.25},
)

OBRIEN_FLEMING_45 = Golden(
    origin='calc.rule.bin(ns=1:45, p0=0.12, alpha=0.05, type="OBF")',
    method="obrien_fleming",
    null_rate=0.12,
    alpha=0.05,
    looks=tuple(range(1, 46)),
    stop_at=counts("5 5 5 5 6 6 6 6 6 6 6 6 7 7 7 7 7 7 7 7 7 8 8 8 8 8 8 8 8 9 9 9 9 9 9 9 9 10 10 10 10 10 10 10 10"),
    critical_value=2.03678296548377,
    oc=(
        (0.12, 0.049585494097585, 5.32493591917992),
        (0.05, 0.000169184229171579, 2.24986302354984),
        (0.1, 0.0174349465385447, 4.47764789792614),
        (0.2, 0.445006989130086, 7.70088540023468),
        (0.3, 0.916351563077845, 7.74238138024689),
        (0.4, 0.996846992789022, 6.92654314985241),
        (0.5, 0.999972160323608, 6.43007598418873),
    ),
)

CHEN_CHALONER_40 = Golden(
    origin='calc.rule.bin(ns=1:40, p0=0.2, alpha=0.1, type="CC", param=c(0.2, 0.8, 0.4, 0.2))',
    method="chen_chaloner",
    null_rate=0.2,
    alpha=0.1,
    looks=tuple(range(1, 41)),
    stop_at=counts("2 3 3 3 4 4 5 5 5 6 6 6 7 7 7 7 8 8 8 9 9 9 10 10 10 10 11 11 11 12 12 12 12 13 13 13 13 14 14 14"),
    critical_value=0.978830070328837,
    oc=(
        (0.2, 0.0863665682454644, 7.54895311452235),
        (0.05, 0.000539215476696974, 1.99903426299953),
        (0.1, 0.00520779539096971, 3.98218631509998),
        (0.3, 0.450955918744785, 8.99809236900059),
        (0.4, 0.862267835969345, 7.56356994748827),
        (0.5, 0.98901589988418, 5.59222494653932),
    ),
    parameters={"prior_a": 0.2, "prior_b": 0.8, "p1": 0.4, "nu": 0.2},
)

SPRT_100 = Golden(
    origin='calc.rule.bin(ns=1:100, p0=0.1, alpha=0.05, type="SPRT", param=0.3)',
    method="sprt",
    null_rate=0.1,
    alpha=0.05,
    looks=tuple(range(1, 101)),
    stop_at=counts(
        "3 3 3 3 3 4 4 4 4 4 4 5 5 5 5 5 6 6 6 6 6 7 7 7 7 7 7 8 8 8 8 8 9 9 9 9 9 9 10 10 10 10 10 11 11 11 "
        "11 11 12 12 12 12 12 12 13 13 13 13 13 14 14 14 14 14 15 15 15 15 15 15 16 16 16 16 16 17 17 17 17 "
        "17 17 18 18 18 18 18 19 19 19 19 19 20 20 20 20 20 20 21 21 21"
    ),
    critical_value=2.57064287951416,
    oc=(
        (0.1, 0.04964533250194, 9.59940663927064),
        (0.05, 0.00310742835015336, 4.98603918379579),
        (0.2, 0.686723484701446, 10.8385066935423),
        (0.3, 0.994396874706379, 5.8897048310056),
        (0.4, 0.999995776462487, 4.25194033700695),
        (0.5, 0.999999999879005, 3.6539433710986),
    ),
    parameters={"p1": 0.3},
)

MAX_SPRT_30 = Golden(
    origin='calc.rule.bin(ns=1:30, p0=0.05, alpha=0.05, type="MaxSPRT")',
    method="max_sprt",
    null_rate=0.05,
    alpha=0.05,
    looks=tuple(range(1, 31)),
    stop_at=counts("2 2 2 2 3 3 3 3 3 3 4 4 4 4 4 4 4 4 5 5 5 5 5 5 5 5 5 5 6 6"),
    critical_value=2.99573227355399,
    oc=(
        (0.05, 0.0327802661692609, 1.468175364457),
        (0.1, 0.203553203984844, 2.67231551776026),
        (0.2, 0.735257334762593, 3.51164520498548),
        (0.3, 0.963383804381193, 3.10990113256304),
        (0.4, 0.997756004189067, 2.65251715078799),
        (0.5, 0.999943942762911, 2.36441883444786),
    ),
)

BINARY = (
    POCOCK_50,
    POCOCK_GROUPS,
    OBRIEN_FLEMING_45,
    WANG_TSIATIS_50,
    BETA_BINOMIAL_100,
    CHEN_CHALONER_40,
    SPRT_100,
    MAX_SPRT_30,
)

# R package Sequential: CV.Binomial(N=events, alpha=0.05, M=1, z=1): (events, critical value). The first is 4 ln 2
# rounded up, so that 4 of 4 does not signal: the table that the value implies is compared, at the null 1 / (1 + z).
MAX_SPRT_BINOMIAL = ((10, 2.77259), (20, 3.09884))

# R package clinfun (Venkatraman): toxbdry(pLo=0.2, pHi=0.35, n=seq(15, 75, 5), cP0=0.1, cP1=0.9, delta=0), upper
# boundary `hi`; clinfun stops when events EXCEED it, so that `hi + 1` is the count that stops.
TOXBDRY_LOOKS = tuple(range(15, 80, 5))
TOXBDRY_HI = counts("6 7 9 10 11 13 14 15 16 17 19 20 21")

# README of R package stoppingrule: Beta(0.6, 2.4), n = 30, p0 = 0.20, alpha = 0.10.
PUBLISHED_30 = {
    3: 3,
    4: 3,
    5: 4,
    6: 4,
    7: 5,
    10: 5,
    11: 6,
    13: 6,
    14: 7,
    17: 7,
    18: 8,
    20: 8,
    21: 9,
    24: 9,
    25: 10,
    28: 10,
    29: 11,
    30: 11,
}
PUBLISHED_30_OC = (  # rate, P(stop), expected events, expected subjects (the last by an exact recursion elsewhere)
    (0.20, 0.09957367, 5.651197, 28.255984),
    (0.25, 0.23832301, 6.536293, 26.145172),
    (0.30, 0.43615256, 6.926712, 23.089040),
    (0.35, 0.64555222, 6.819377, 19.483933),
    (0.40, 0.81491087, 6.355803, 15.889508),
)
