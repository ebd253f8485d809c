"""The Bayesian read-out in every form of a report: the same words, beside the verdict, or in none of them."""

import csv
import io
import json
import re
import zlib

import pytest

from analysis.report import exports, messages, typesetting
from analysis.report.document import build, serialise
from analysis.report.forms import FORMS, Stored
from tests.core.report.build import checkout, facts, orders
from tests.golden.report.cases import CASES
from tests.golden.report.parts import CREATED
from tests.golden.report.rendering import html

URL = "https://headway.example.com/experiments/checkout/report/abc/"
READ = ("bayesian", "bayesian_arms")
WORDED = ("md", "txt", "blocks.json", "eml", "html")


def document(name):
    return build(CASES[name](), prev_sha256="", created_at=CREATED)


def written(found, form):
    """One form as plain text."""
    text, sha256 = serialise(found)
    if form == "html":
        return html(found, sha256)
    if form == "eml":
        made = messages.mail(found, sha256, URL, sender="headway@example.com")
        bodies = [made.get_body((kind,)) for kind in ("plain", "html")]
        return "\n".join(body.get_content() for body in bodies)
    stored = Stored(text=text, document=found, sha256=sha256, url=URL)
    return FORMS[form].write(stored)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("form", WORDED)
def test_read_out__planned__change_range_and_probability_in_this_form(name, form):
    found = document(name)

    said = written(found, form).replace("&gt;", ">").replace("&lt;", "<")

    assert found["posterior"]["rows"]
    for row in found["posterior"]["rows"]:
        for text in (row["change_text"], row["range_text"], row["probability_text"]):
            assert text in said, (form, text)


@pytest.mark.parametrize("form", WORDED)
def test_read_out__nothing_to_read__said_in_this_form(form):
    assert "No relative change can be read yet." in written(document("bayesian_unread"), form)


@pytest.mark.parametrize("form", WORDED)
def test_read_out__not_planned__not_in_this_form(form):
    assert "posterior" not in written(document("ship"), form).lower()


@pytest.mark.parametrize("form", ["txt", "blocks.json", "eml"])
def test_read_out__effects_hidden__not_in_what_is_sent(form):
    found = {**document("bayesian"), "effects_hidden": True}

    assert "posterior" not in written(found, form).lower()


@pytest.mark.parametrize("name", READ)
def test_csv__planned__one_row_a_posterior_with_its_numbers_in_full(name):
    found = document(name)

    listed = list(csv.DictReader(io.StringIO(written(found, "csv"), newline="")))

    told = [row for row in listed if row["inference"] == "bayesian"]
    wanted = [
        (row["metric"], row["arm"], row["mean"], row["low"], row["high"], row["probability_positive"])
        for row in found["posterior"]["rows"]
    ]
    columns = ("lift", "lift_low", "lift_high", "probability_positive")
    assert [(row["metric"], row["arm"], *(float(row[name]) for name in columns)) for row in told] == wanted


def test_json__planned__stored_text_holds_it():
    stored = json.loads(written(document("bayesian"), "json"))

    assert {row["metric"] for row in stored["posterior"]["rows"]} == {"orders", "checkout-p95", "errors"}


def drawn_letters(made):
    """How many glyphs a PDF shows: what its text operators hold, two bytes a glyph in hexadecimal or not."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", made, re.DOTALL)
    return sum(len(_inflated(stream)) for stream in streams)


def _inflated(stream):
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_pdf__planned__the_sheet_has_a_block_more_and_is_one_page():
    metrics = [orders(), checkout()]
    asked = build(facts(metrics, planned={"prior_sd": 0.02}), prev_sha256="", created_at=CREATED)
    without = {name: value for name, value in asked.items() if name != "posterior"}

    with_it, bare = (
        typesetting.pdf(each, "ab" * 32, show_effects=exports.shows_effects(each))
        for each in (asked, without)
    )

    assert drawn_letters(with_it) > drawn_letters(bare) + 100
    assert re.search(rb"/Count 1\b", with_it)
