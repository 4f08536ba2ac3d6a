"""Pictures are read back: their size, their ink, what differs with the data, and the words that go with them."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from bot.figures import boundary as boundary_module
from bot.figures.boundary import boundary_figure
from bot.figures.canvas import ACCENT, INK, MUTED, PAPER, SMALL, STOP, TINT, Picture, rendered
from bot.figures.characteristics import characteristics_figure
from bot.figures.exposure import exposure_figure
from bot.figures.words import form_of, share
from rules.statistics import Course, calibrate, operating_characteristics
from rules.statistics.exposure import calibrate_exposure

SHIPPED = calibrate("beta_binomial", null_rate=0.2, alpha=0.1, looks=range(1, 21), prior_a=0.6, prior_b=2.4)
GROUPS = calibrate("pocock", null_rate=0.2, alpha=0.05, looks=(5, 10, 15, 20, 30, 40))
ON_EXPOSURE = calibrate_exposure("exposure_pocock", null_rate=0.2, alpha=0.1, max_n=24, window=28)
WAITING = Course(
    (True, False, False, True, False, False, True, False),
    (True, True, True, True, False, True, False, False),
    (0, 1, 1, 0, 0.9, 1, 0, 0.25),
)
CROSSED = Course((True, True, False, True, False), (True,) * 4 + (False,), (0.5,) * 5)
WORDS = {"title": "Stop when events reach the boundary", "subtitle": "Beta-binomial boundary, null rate 20 %"}


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(picture.content)).convert("RGB")).astype(int)


def grey(colour: str) -> float:
    """Luminance as a printer sees it, 0 to 255."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def amount(picture: Picture, colour: str) -> int:
    """Pixels of exactly this colour."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((pixels(picture) == wanted).all(axis=2).sum())


def words_of(picture: Picture) -> int:
    return len(picture.alt.split())


@pytest.mark.parametrize("course", [None, WAITING, CROSSED, Course((), (), ())])
@pytest.mark.parametrize("boundary", [SHIPPED, GROUPS], ids=["every subject", "groups"])
def test_a_picture_is_1200_pixels_wide_and_not_empty(boundary: object, course: Course | None) -> None:
    picture = boundary_figure(boundary, course=course, **WORDS)  # type: ignore[arg-type]
    assert pixels(picture).shape[1] == 1200
    assert amount(picture, INK) > 2_000
    assert (amount(picture, ACCENT) > 500) == (course is not None and len(course) > 0)


def test_only_a_crossing_is_marked_as_one() -> None:
    """Catches a crossing that the drawing does not show, and a mark where nothing crossed."""
    assert amount(boundary_figure(SHIPPED, course=CROSSED, **WORDS), STOP) > 500
    assert amount(boundary_figure(SHIPPED, course=WAITING, **WORDS), STOP) == 0


def test_open_circles_are_the_pending() -> None:
    closed = Course(WAITING.events, (True,) * 8, (1,) * 8)
    waiting = pixels(boundary_figure(SHIPPED, course=WAITING, **WORDS))
    assert (waiting != pixels(boundary_figure(SHIPPED, course=closed, **WORDS))).any()


def test_the_same_data_give_the_same_bytes() -> None:
    for form in ("png", "pdf"):
        first, again = (boundary_figure(SHIPPED, course=WAITING, form=form, **WORDS) for _ in range(2))
        assert first == again


def test_inks_stay_apart_in_grey() -> None:
    """What lies on what: text and lines on paper and on the region that stops; the boundary against the path."""
    for ink in (INK, MUTED, ACCENT, STOP):
        for ground in (PAPER, TINT):
            assert abs(grey(ink) - grey(ground)) > 110
    assert abs(grey(INK) - grey(ACCENT)) > 45


@pytest.mark.parametrize(("form", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_every_form_carries_its_words(form: str, begins: bytes) -> None:
    picture = boundary_figure(SHIPPED, course=WAITING, form=form, **WORDS)
    assert picture.content.startswith(begins)
    assert picture.media_type in ("image/png", "image/svg+xml", "application/pdf")
    if form == "png":
        assert Image.open(BytesIO(picture.content)).text["Description"] == picture.alt  # type: ignore[attr-defined]
    if form == "svg":
        assert picture.alt in "".join(ElementTree.fromstring(picture.content).itertext())


def test_alt_text_says_the_table_and_where_the_trial_stands() -> None:
    alt = boundary_figure(SHIPPED, course=WAITING, **WORDS).alt
    assert alt == (
        "Stopping boundary, Beta-binomial boundary, null rate 20 %: stop at this many events or more: 3 at looks 3–4, "
        "4 at looks 5–7, 5 at looks 8–10, 6 at looks 11–14, 7 at looks 15–18, 8 at looks 19–20. So far 3 events among "
        "8 dosed subjects. 2 subjects still in follow-up count as no event yet. The boundary is not crossed."
    )
    crossed = boundary_figure(SHIPPED, course=CROSSED, **WORDS).alt
    assert crossed.endswith(
        "So far 3 events among 5 dosed subjects. 1 subject still in follow-up counts as no event yet. "
        "The boundary is crossed at subject 4, with 3 events."
    )
    beyond = Course((False,) * 22, (True,) * 22, (1.0,) * 22)
    assert boundary_figure(SHIPPED, course=beyond, **WORDS).alt.endswith("nothing beyond subject 20.")


def test_alt_text_of_a_large_design_stays_short() -> None:
    large = calibrate("pocock", null_rate=0.2, alpha=0.05, looks=range(1, 401))
    picture = boundary_figure(large, **WORDS)
    assert words_of(picture) < 80
    assert "… (99 steps)" in picture.alt
    assert picture.alt.endswith("102 at look 400.")


def test_characteristics_say_what_they_show() -> None:
    rates = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    rows = operating_characteristics(SHIPPED, rates)
    picture = characteristics_figure(rows, null_rate=0.2, title="How often", subtitle="Beta-binomial boundary")
    assert "9.6 % at a true rate of 20 % (after 19.0 subjects on average)" in picture.alt
    assert "70.3 % at a true rate of 40 % (after 12.7 subjects on average)" in picture.alt
    assert amount(picture, STOP) > 100
    on_exposure = operating_characteristics(ON_EXPOSURE, rates)
    other = characteristics_figure(on_exposure, null_rate=0.2, title="How often", subtitle="Pocock on exposure")
    assert "10 % at a true rate of 20 %" in other.alt
    assert pixels(other).shape[0] < pixels(picture).shape[0]


def test_exposure_boundary_with_its_path() -> None:
    quiet = exposure_figure(ON_EXPOSURE, path=([200.0], 300.0), **WORDS)
    assert quiet.alt.endswith("So far 1 event in an exposure of 300. The boundary is not crossed.")
    assert amount(quiet, STOP) == 0
    crossed = exposure_figure(ON_EXPOSURE, path=([20.0, 80, 100, 130, 140], 200.0), **WORDS)
    assert crossed.alt.endswith("So far 5 events in an exposure of 200. The boundary is crossed at event 5.")
    assert amount(crossed, STOP) > 500
    assert exposure_figure(ON_EXPOSURE, **WORDS).alt.startswith("Stopping boundary on total exposure")


def test_type_is_large_enough_and_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every word at least 11 pt at 1,200 pixels, and inside the sheet: catches a label that runs off the edge."""
    drawn: list[Figure] = []

    def kept(figure: Figure, form: str, alt: str) -> Picture:
        drawn.append(figure)
        return rendered(figure, form, alt)

    monkeypatch.setattr(boundary_module, "rendered", kept)
    last = Course((False, True) * 10, (True,) * 15 + (False,) * 5, (0.5,) * 20)
    first = Course((True,), (True,), (0,))
    for course in (None, WAITING, CROSSED, last, first):
        for boundary in (SHIPPED, GROUPS):
            boundary_figure(boundary, course=course, **WORDS)
    for figure in drawn:
        texts = [t for t in figure.findobj(lambda artist: hasattr(artist, "get_fontsize")) if t.get_text()]
        assert min(t.get_fontsize() for t in texts) >= SMALL >= 11
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0964, "9.6 %"), (0.2, "20 %"), (1e-6, "< 0.1 %"), (0.99999, "> 99.9 %"), (0, "0 %"), (1, "100 %")],
)
def test_shares_are_never_rounded_to_nothing_or_everything(value: float, text: str) -> None:
    assert share(value) == text


def test_forms_are_known_by_their_ending() -> None:
    assert [form_of(name) for name in ("a.png", "b.SVG", "c.pdf", "d.jpg", "png")] == ["png", "svg", "pdf", None, None]


def test_no_window_system_and_no_pyplot() -> None:
    """Catches an import that would keep figures alive between calls or look for a display."""
    code = (
        "import sys, bot.figures.boundary, bot.figures.characteristics, bot.figures.exposure;"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
