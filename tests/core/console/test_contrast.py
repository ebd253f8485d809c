"""Every colour of text reads well on every ground it stands on, in light and in dark (WCAG AA)."""

import re
from itertools import product
from pathlib import Path

import pytest

CSS = (Path(__file__).resolve().parents[3] / "static" / "css" / "console.css").read_text(encoding="utf-8")
INKS = (
    "ink",
    "muted",
    "accent",
    "state-better",
    "state-held",
    "state-within",
    "state-unproven",
    "state-harm",
)
GROUNDS = ("page", "surface", "sunken")
READABLE = 4.5


def palette(selector):
    """Custom properties of the first block of a selector."""
    block = CSS.split(f"{selector} {{")[1].split("}")[0]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


PALETTES = {"light": palette(":root"), "dark": palette(':root[data-theme="dark"]')}


def luminance(colour):
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast__black_on_white__twenty_one():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", PALETTES)
@pytest.mark.parametrize(("ink", "ground"), list(product(INKS, GROUNDS)))
def test_text__on_its_ground__readable(theme, ink, ground):
    colours = PALETTES[theme]

    assert contrast(colours[ink], colours[ground]) >= READABLE


@pytest.mark.parametrize("theme", PALETTES)
def test_button__its_text__readable(theme):
    assert contrast(PALETTES[theme]["accent-ink"], PALETTES[theme]["accent"]) >= READABLE
    assert contrast(PALETTES[theme]["surface"], PALETTES[theme]["state-harm"]) >= READABLE


def test_dark__by_preference_and_by_choice__the_same():
    assert palette(':root:not([data-theme="light"])') == PALETTES["dark"]
