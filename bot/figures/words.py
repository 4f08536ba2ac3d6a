"""What figures say in words: titles, and alternative text made from the data that is drawn. Draws nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TypeAlias

from rules.statistics import Boundary, Characteristics, Course, replay
from rules.statistics.exposure import ExposureBoundary, ExposureCharacteristics, replay_exposure

Row: TypeAlias = Characteristics | ExposureCharacteristics
"""Characteristics at one rate, of either kind of boundary."""

MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
"""The forms in which a figure can be had."""


STEPS = 12
"""Steps of a boundary that are all said; of more, the first and the last."""


def form_of(name: str) -> str | None:
    """The form that a file name asks for by its ending; None where figures have no such form."""
    ending = PurePath(name).suffix.removeprefix(".").lower()
    return ending if ending in MEDIA_TYPES else None


def share(value: float, digits: int = 1, *, trim: bool = True) -> str:
    """A probability in per cent, never rounded to nothing or to everything: "9.6 %", "< 0.1 %".

    `trim` leaves out zeros at the end, which a column of figures keeps.
    """
    least = 10.0**-digits
    percent = 100 * value
    if 0 < percent < least:
        return f"< {least:g} %"
    if 100 - least < percent < 100:
        return f"> {100 - least:g} %"
    text = f"{percent:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if trim and '.' in text else text} %"


def counted(number: int, one: str) -> str:
    """A number with its noun: "1 event", "1,200 subjects"."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def runs(boundary: Boundary) -> tuple[tuple[int, int, int], ...]:
    """The boundary as runs of looks with one count: first look, last look, count; looks without one are left out."""
    found: list[tuple[int, int, int]] = []
    for look, stop in zip(boundary.looks, boundary.stop_at, strict=True):
        if stop is None:
            continue
        if found and found[-1][2] == stop:
            found[-1] = (found[-1][0], look, stop)
        else:
            found.append((look, look, stop))
    return tuple(found)


def boundary_alt(boundary: Boundary, title: str, course: Course | None) -> str:
    """What a drawing of this boundary, and of the trial on it, shows."""
    table = [
        f"{stop} at {'look' if first == last else 'looks'} {first if first == last else f'{first}–{last}'}"
        for first, last, stop in runs(boundary)
    ]
    said = [f"Stopping boundary, {title}: stop at this many events or more: {_shortened(table)}."]
    if course is not None:
        said += path_words(boundary, course)
    return " ".join(said)


def path_words(boundary: Boundary, course: Course) -> Iterable[str]:
    """Where the trial's path stands, in sentences."""
    pending = int(course.pending.sum())
    at = replay(boundary, course.event).first_look
    yield f"So far {counted(sum(course.events), 'event')} among {counted(len(course), 'dosed subject')}."
    if pending:
        verb = "counts" if pending == 1 else "count"
        yield f"{counted(pending, 'subject')} still in follow-up {verb} as no event yet."
    if at is None:
        yield "The boundary is not crossed."
    else:
        yield f"The boundary is crossed at subject {at}, with {counted(sum(course.events[:at]), 'event')}."
    if len(course) > boundary.max_n:
        yield f"The design says nothing beyond subject {boundary.max_n}."


def figure_of(exposure: float) -> str:
    """An exposure with four digits at least, and never in powers of ten: `12,340`, `83.5`."""
    return f"{exposure:,.0f}" if exposure >= 1000 else f"{exposure:,.4g}"


def enrolment_alt(months: Sequence[tuple[str, int]], planned: int, title: str) -> str:
    """What a drawing of enrolment shows: every month while they are few, else the first and the last."""
    steps = [f"{number:,} by the end of {label}" for label, number in months]
    return f"{title}: {_shortened(steps)}. Planned: {planned:,}."


def exposure_alt(boundary: ExposureBoundary, title: str, path: tuple[Sequence[float], float] | None) -> str:
    """What a drawing of this boundary on exposure, and of the trial on it, shows."""
    table = [f"event {e} up to {figure_of(x)}" for e, x in zip(boundary.events, boundary.up_to_exposure, strict=True)]
    said = f"Stopping boundary on total exposure, {title}: stop at {_shortened(table)}."
    if path is None:
        return said
    times, now = path
    at = replay_exposure(boundary, times, now).crossed_event
    crossed = "The boundary is not crossed." if at is None else f"The boundary is crossed at event {at}."
    return f"{said} So far {counted(len(times), 'event')} in an exposure of {figure_of(now)}. {crossed}"


def _shortened(steps: list[str]) -> str:
    if len(steps) > STEPS:
        steps = [*steps[: STEPS // 2], f"… ({len(steps)} steps)", *steps[-STEPS // 2 :]]
    return ", ".join(steps)


def characteristics_alt(rows: Sequence[Row], null_rate: float, title: str) -> str:
    """What a drawing of these characteristics shows: some of its points, those in the middle of the curve first."""
    first, last = rows[0].rate, rows[-1].rate
    wanted = [m * null_rate for m in (1, 1.5, 2, 3) if first <= m * null_rate <= last] or [first, last]
    shown = {_nearest(rows, at).rate for at in wanted}
    points = ", ".join(
        f"{share(row.p_stop)} at a true rate of {share(row.rate)}"
        + (f" (after {row.expected_n:.1f} subjects on average)" if isinstance(row, Characteristics) else "")
        for row in rows
        if row.rate in shown
    )
    return f"Operating characteristics, {title}: probability to stop {points}."


def _nearest(rows: Sequence[Row], rate: float) -> Row:
    return min(rows, key=lambda row: abs(row.rate - rate))
