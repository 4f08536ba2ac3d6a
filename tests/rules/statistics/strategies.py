"""Random looks, tables and designs for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


@st.composite
def look_sets(draw: st.DrawFn, max_n: int = 40) -> tuple[int, ...]:
    """Looks after every subject, or at some numbers of subjects only."""
    n = draw(st.integers(1, max_n))
    if draw(st.booleans()):
        return tuple(range(1, n + 1))
    return tuple(sorted(draw(st.sets(st.integers(1, n), min_size=1, max_size=12))))


@st.composite
def tables(draw: st.DrawFn, max_n: int = 40) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    """Looks and counts that never fall; early looks may have none; at least one count can be reached."""
    looks = draw(look_sets(max_n))
    stop = draw(st.integers(1, looks[-1]))
    counts: list[int | None] = []
    for look in looks:
        stop += draw(st.integers(0, 2)) if counts else 0
        if any(counts):
            stop = min(stop, look)
        counts.append(stop if stop <= look else None)
    if not any(counts):
        counts[-1] = looks[-1]
    return looks, tuple(counts)


FAMILIES = ("pocock", "obrien_fleming", "wang_tsiatis", "beta_binomial", "chen_chaloner", "sprt", "max_sprt")


@st.composite
def designs(draw: st.DrawFn, max_n: int = 40) -> dict[str, Any]:
    """Arguments of `calibrate` for a calibrated design, from plausible to extreme."""
    method = draw(st.sampled_from(FAMILIES))
    rate = draw(st.sampled_from([0.05, 0.1, 0.2, 0.25, 0.5]) | st.floats(0.001, 0.999))
    asked: dict[str, Any] = {
        "method": method,
        "null_rate": rate,
        "alpha": draw(st.sampled_from([0.01, 0.05, 0.1, 0.2]) | st.floats(0.001, 0.999)),
        "looks": draw(look_sets(max_n)),
    }
    if method in ("beta_binomial", "chen_chaloner"):
        asked |= {
            name: draw(st.sampled_from([0.1, 0.6, 1, 2.4, 30]) | st.floats(0.01, 50)) for name in ("prior_a", "prior_b")
        }
    if method in ("sprt", "chen_chaloner"):
        asked["p1"] = rate + (1 - rate) * draw(st.sampled_from([0.01, 0.1, 0.3]) | st.floats(0.001, 0.99))
    if method == "chen_chaloner":
        asked["nu"] = draw(st.sampled_from([0.05, 0.2, 0.5]) | st.floats(0.001, 0.99))
    if method == "wang_tsiatis":
        asked["delta"] = draw(st.sampled_from([0, 0.25, 0.5, 1]) | st.floats(0, 1))
    if method == "max_sprt":
        asked["min_events"] = draw(st.sampled_from([1, 1, 3]))
    return asked
