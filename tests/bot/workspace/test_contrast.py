"""Every pair of text and ground that the page uses has a contrast of 5.8 : 1 or more, light and dark (WCAG 2.2)."""

from __future__ import annotations

import re

import pytest

from bot.workspace.page import STATIC

CSS = (STATIC / "app.css").read_text(encoding="utf-8")
PAIRS = [
    *((text, ground) for text in ("ink", "muted", "accent") for ground in ("bg", "rail", "hover")),
    *((text, "bg") for text in ("stop", "warn", "ok")),  # alerts are cards, and cards stand on the plain ground
    *((text, "tint") for text in ("ink", "muted")),
    ("ink", "stripe"),
    ("on-accent", "accent"),
    ("on-warn", "warn"),
    ("bg", "ink"),
]
WANTED = {
    "light": {
        "bg": "#FFFFFF",
        "rail": "#F6F4F1",
        "ink": "#1D1C1D",
        "muted": "#5C5A57",
        "accent": "#0B5FA5",
        "stop": "#B3261E",
        "warn": "#8A5300",
        "ok": "#1B6B3A",
    },
    "dark": {
        "bg": "#17181A",
        "rail": "#1F2124",
        "ink": "#E8E6E3",
        "muted": "#A9A6A1",
        "accent": "#7DB7F0",
        "stop": "#FF8A80",
        "warn": "#F2B24C",
        "ok": "#7FCB98",
    },
}


def colours(scheme: str) -> dict[str, str]:
    light, _, rest = CSS.partition("@media (prefers-color-scheme: dark)")
    text = light if scheme == "light" else rest.partition("\n}")[0]
    return dict(re.findall(r"--([a-z-]+): (#[0-9A-F]{6});", text))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    found = colours(scheme)
    weak = {
        f"{text} on {ground}": round(contrast(found[text], found[ground]), 2)
        for text, ground in PAIRS
        if contrast(found[text], found[ground]) < 5.8
    }
    assert weak == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_are_those_of_the_design(scheme: str) -> None:
    found = colours(scheme)
    assert {name: found[name] for name in WANTED[scheme]} == WANTED[scheme]
    assert set(found) == set(colours("light"))


def test_nothing_is_loaded_from_elsewhere() -> None:
    for name in ("index.html", "app.css", "app.js"):
        text = (STATIC / name).read_text(encoding="utf-8")
        outside = [address for address in re.findall(r"https?://[^\s\"')]+", text) if "www.w3.org" not in address]
        assert outside == []
        assert "innerHTML" not in text
        assert "@font-face" not in text
        assert "@import" not in text


def test_shadows_only_on_modals() -> None:
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", re.sub(r"/\*.*?\*/", "", CSS, flags=re.DOTALL))
    shadowed = {
        selector.strip()
        for selector, body in rules
        if "box-shadow" in body and "inset" not in body.partition("box-shadow")[2]
    }
    assert shadowed == {".modal", ".drawer"}
