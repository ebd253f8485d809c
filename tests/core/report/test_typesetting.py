"""PDFs and pictures: there for every case, the same bytes every time, nothing from outside."""

import re
from xml.etree import ElementTree

import pytest

from analysis.report import exports, pictures, typesetting
from analysis.report.document import build, serialise
from ledger.refusals import NotFound
from tests.golden.report.cases import CASES
from tests.golden.report.parts import CREATED

BUILT = {name: build(made(), prev_sha256="", created_at=CREATED) for name, made in CASES.items()}
PAGE_COUNT = re.compile(rb"/Type\s*/Pages\b[^>]*?/Count\s+(\d+)|/Count\s+(\d+)[^>]*?/Type\s*/Pages\b")


def pdf(name):
    found = BUILT[name]
    return typesetting.pdf(
        found, serialise(found)[1], show_effects=exports.shows_effects(found), url="https://h"
    )


def pages_of(made):
    found = PAGE_COUNT.search(made)
    return int(found[1] or found[2])


@pytest.mark.parametrize("name", CASES)
def test_pdf__every_edge_case__there_and_short(name):
    made = pdf(name)

    assert made.startswith(b"%PDF-")
    assert pages_of(made) <= 2


@pytest.mark.parametrize("name", ["roll_back", "ship", "decide", "three_arms", "srm"])
def test_pdf__usual_report__one_page(name):
    assert pages_of(pdf(name)) == 1


def test_pdf__same_snapshot__same_bytes():
    assert pdf("roll_back") == pdf("roll_back")


def test_pdf__names_with_markup__are_text():
    typst_code = '#panic("run") $x$ *bold* // comment'
    found = {**BUILT["ship"], "experiment": {**BUILT["ship"]["experiment"], "title": typst_code}}

    assert typesetting.pdf(found, "ab" * 32, show_effects=True).startswith(b"%PDF-")


@pytest.mark.parametrize("name", CASES)
def test_svg__every_picture__stands_alone(name):
    for chart in pictures.charts(BUILT[name]):
        text = pictures.standalone(chart.svg)
        root = ElementTree.fromstring(text)

        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(" not in text
        assert not re.search(r"(href|src)=|url\(|<script|@import", text)
        assert not re.search(r"\b(nan|inf)\b", text)


def test_svg__names_with_markup__escaped():
    text = pictures.standalone(pictures.chart(BUILT["non_ascii"], "what-moved").svg)

    assert "<b>" not in text
    ElementTree.fromstring(text)


@pytest.mark.parametrize("name", ["what-moved", "curve-1", "histogram-1"])
def test_png__a_chart__as_wide_as_asked_for(name):
    made = typesetting.png(pictures.chart(BUILT["distribution"], name).svg, width_px=600)

    assert made.startswith(b"\x89PNG\r\n\x1a\n")
    assert abs(int.from_bytes(made[16:20], "big") - 600) <= 1


def test_chart__unknown_name__says_which_there_are():
    with pytest.raises(NotFound) as refused:
        pictures.chart(BUILT["roll_back"], "curve-9")

    assert "what-moved, curve-1" in refused.value.problems[0].fix


def test_charts__nothing_to_draw__none():
    assert pictures.charts(BUILT["no_metrics_delivered"]) == ()


def test_forest__many_rows__says_how_many_are_left_out():
    svg = pictures.chart(BUILT["sixty_metrics"], "what-moved").svg

    assert "and 6 more rows on the page" in svg


def test_tones__of_every_sign__have_a_colour():
    from analysis.report import vocabulary

    signs = [*vocabulary.STATES.values(), *vocabulary.VERDICTS.values(), *vocabulary.CHECKS.values()]
    signs += [
        vocabulary.SAFE,
        vocabulary.PRICED,
        vocabulary.AGREED,
        vocabulary.DISAGREED,
        vocabulary.CONFIRMED,
    ]

    assert {sign.tone for sign in signs} <= set(pictures.STATE_OF_TONE)
