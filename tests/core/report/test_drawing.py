"""Pictures: valid, escaped, on the right side, readable without colour."""

import re
from xml.etree import ElementTree

import pytest

from analysis.report import drawing, page
from analysis.report.document import build
from tests.golden.report.cases import CASES
from tests.golden.report.parts import CREATED

AXIS = {"reach": 80.0, "text": "80 ms", "unit": "ms"}
SHOWN = {"point": -42.0, "low": -66.0, "high": -18.0, "limit": 30.0, "cut_low": "", "cut_high": ""}


def svgs(name):
    shown = page.present(build(CASES[name](), prev_sha256="", created_at=CREATED))
    groups = [*shown["groups"], *shown["monitored"]]
    rows = [arm["svg"] for group in groups for row in group["rows"] for arm in row["arms"]]
    return [text for text in [*rows, *(curve["svg"] for curve in shown["curves"])] if text]


@pytest.mark.parametrize("name", CASES)
def test_pictures__every_edge_case__well_formed_and_finite(name):
    for text in svgs(name):
        ElementTree.fromstring(text)
        assert not re.search(r"\b(nan|inf)\b", text)


@pytest.mark.parametrize("name", CASES)
def test_pictures__every_edge_case__no_style_no_script(name):
    for text in svgs(name):
        assert "style=" not in text
        assert "<script" not in text


def test_interval__of_a_loss__left_of_zero_and_inside_the_shaded_zone():
    text = drawing.interval(SHOWN, AXIS, tone="harm", ends=("worse", "better"))
    point = float(re.search(r'cx="([\d.]+)"', text)[1])
    zone = float(re.search(r'<rect x="0" y="4" width="([\d.]+)"', text)[1])

    assert point < zone < drawing.WIDTH / 2
    assert "80 ms worse" in text


def test_interval__beyond_the_axis__arrow_with_the_number():
    cut = {**SHOWN, "low": -350.0, "cut_low": "+350 ms"}

    text = drawing.interval(cut, AXIS, tone="harm", ends=None)

    assert 'class="arrow"' in text
    assert "+350 ms" in text


def test_interval__unbounded__drawn_to_both_edges():
    open_ended = {**SHOWN, "low": None, "high": None, "cut_low": "unbounded", "cut_high": "unbounded"}

    assert drawing.interval(open_ended, AXIS, tone="unproven", ends=None).count("unbounded") == 2


def test_interval__limit_outside_the_axis__no_zone():
    assert "zone" not in drawing.interval({**SHOWN, "limit": 90.0}, AXIS, tone="held", ends=None)


def test_texts__hostile__escaped():
    text = drawing.interval({**SHOWN, "low": -99.0, "cut_low": "<b>&"}, AXIS, tone="harm", ends=None)

    assert "&lt;b&gt;&amp;" in text


def test_labels__shared_axis__only_where_it_changes():
    shown = page.present(build(CASES["every_state"](), prev_sha256="", created_at=CREATED))
    guardrails = next(group for group in shown["groups"] if group["block"] == "guardrail")
    labelled = [row["metric"] for row in guardrails["rows"] for arm in row["arms"] if "tick" in arm["svg"]]

    assert labelled == ["checkout-p95", "errors"]


@pytest.mark.parametrize("name", sorted(drawing.GLYPHS))
def test_glyph__each__hidden_from_screen_readers(name):
    assert 'aria-hidden="true"' in drawing.glyph(name)
