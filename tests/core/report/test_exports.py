"""Markdown and CSV from the stored document, safe whatever people call their metrics."""

import csv
import io

import pytest

from analysis.report import changes, explore, exports
from analysis.report.document import build
from tests.core.report.build import checkout, facts, orders
from tests.golden.report.cases import CASES
from tests.golden.report.parts import CREATED
from tests.golden.report.verdict_cases import keep_running_unproven, roll_back

SHA = "7f3a9c" + "0" * 58


def document(found):
    return build(found, prev_sha256="", created_at=CREATED)


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", CASES)
def test_csv__every_edge_case__one_row_per_metric_arm_inference_and_slice(name):
    found = document(CASES[name]())
    arms = sum(len(row["arms"]) for row in found["results"])

    listed = rows(exports.tidy(found, SHA))

    believed = len(exports.posterior_rows(found))
    assert len(listed) == 2 * arms + len(found["slices"]["rows"]) + believed
    places = [
        (row["metric"], row["role"], row["arm"], row["dimension"], row["level"], row["inference"])
        for row in listed
    ]
    assert len(set(places)) == len(places)


def test_csv__numbers__read_back_exactly():
    found = document(roll_back())

    first = rows(exports.tidy(found, SHA))[0]

    arm = found["results"][0]["arms"][0]
    assert float(first["difference"]) == arm["always_valid"]["difference"]
    assert float(first["p_value"]) == arm["always_valid"]["p_value"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", '=HYPERLINK("http://x")'])
def test_csv__text_that_looks_like_a_formula__quoted(name):
    found = document(roll_back())
    found["experiment"]["key"] = name
    found["slices"]["rows"][0]["level"] = name

    listed = rows(exports.tidy(found, SHA))

    assert listed[0]["experiment"] == f"'{name}"
    assert f"'{name}" in {row["level"] for row in listed}


def test_csv__negative_number__stays_a_number():
    assert float(rows(exports.tidy(document(CASES["ablation"]()), SHA))[0]["difference"]) < 0


def test_markdown__roll_back__verdict_checks_and_rows():
    text = exports.markdown(document(roll_back()), SHA).replace("\u202f", " ")

    assert text.startswith("## ▼ ROLL BACK: Prefetch payment methods\n")
    assert (
        "| p95 checkout time \\[F\\] | treatment | 812 ms | 854 ms | +42 ms | 18 to 66 ms | 30 ms | ▼ Harm |"
        in text
    )
    assert f"`sha256 {SHA}`" in text


def test_markdown__names_with_markup__harmless():
    text = exports.markdown(document(CASES["non_ascii"]()), SHA)

    assert "<b>" not in text
    assert "<script>" not in text


def test_markdown__name_of_several_lines__stays_one_cell_of_one_row():
    found = document(roll_back())
    found["results"][0]["arms"][0]["arm"] = "on\n\n## SHIP\u2028x"

    text = exports.markdown(found, SHA)

    assert "| on  \\#\\# SHIP x |" in text


@pytest.mark.parametrize("name", ["srm", "keep_running_early"])
def test_markdown__effects_hidden_on_the_page__hidden_here_too(name):
    text = exports.markdown(document(CASES[name]()), SHA)

    assert "Effects are not shown" in text
    assert "| Metric |" not in text


def test_changes__between_two_looks__verdict_first_then_states():
    before, after = document(keep_running_unproven()), document(roll_back())

    told = changes.between(before, after)

    assert told[0] == "The verdict went from KEEP RUNNING to ROLL BACK."
    assert "p95 checkout time: not proven safe before, harm now (+42\u202fms, 18 to 66\u202fms)." in told
    assert changes.between(after, after) == []


def test_explore__filters__keep_what_was_asked_for():
    found = document(roll_back())

    everything = explore.rows(found)
    sliced = explore.rows(found, metric="checkout-p95", dimension="device")

    assert len(everything) == len(found["results"]) + 4
    assert [row["level"] for row in sliced] == ["android low-end", "android", "ios", "desktop"]
    assert explore.rows(found, metric="nothing") == []
    assert [row["metric"] for row in explore.rows(document(facts([orders(), checkout()])))] == [
        "orders",
        "checkout-p95",
    ]
