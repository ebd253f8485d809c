"""The Bayesian read-out: only where the plan asks for it, beside the verdict and never in it."""

import math

import pytest

from analysis.report.bayesian import read_out
from analysis.report.document import build
from tests.core.report.build import checkout, errors, facts, missing, orders, unbounded
from tests.golden.report.parts import CREATED, monitored

ASKED = {"prior_sd": 0.02}


def made(metrics, planned=None):
    return build(facts(metrics, days=28, planned=planned), prev_sha256="", created_at=CREATED)


def test_read_out__not_asked_for__none_and_no_field_in_the_document():
    assert read_out(facts([orders()])) is None
    assert "posterior" not in made([orders()])


def test_read_out__normal_prior__precision_weighted_mean():
    error, lift = 0.0009 / 0.4121, 0.0037 / 0.4121

    [row] = read_out(facts([orders()], planned=ASKED))["rows"]

    weight = error**-2 / (error**-2 + 0.02**-2)
    assert row["mean"] == pytest.approx(lift * weight)
    assert row["high"] - row["mean"] == pytest.approx(1.959964 * math.sqrt(1 / (error**-2 + 0.02**-2)))


def test_read_out__roles__those_that_decide_and_no_monitored_metric():
    found = read_out(facts([orders(), checkout(), errors(), *monitored(3)], planned=ASKED))

    assert [row["metric"] for row in found["rows"]] == ["orders", "checkout-p95", "errors"]


def test_read_out__no_number_or_no_bound__left_out():
    loose = orders()
    result = loose.arms[0]
    wide = result.fixed.__class__(result.fixed.difference, unbounded(result.fixed.lift))
    loose = loose.__class__(
        loose.binding, loose.control, (result.__class__("treatment", result.treatment, wide, wide),)
    )

    assert read_out(facts([loose], planned=ASKED))["rows"] == []
    assert read_out(facts([missing(orders().binding)], planned=ASKED))["rows"] == []


@pytest.mark.parametrize(("lift_error", "text"), [(0.00001, "> 99.9\u202f%"), (5.0, "50\u202f%")])
def test_probability__nearly_sure_or_unknown__said_without_false_certainty(lift_error, text):
    [row] = read_out(facts([orders(error=lift_error)], planned=ASKED))["rows"]

    assert row["probability_text"] == text


@pytest.mark.parametrize("sd", [0.0001, 0.02, 1.0])
def test_verdict__any_prior__the_same_as_without(sd):
    metrics = [orders(), checkout(18.0, 9.0), errors()]
    without, asked = made(metrics), made(metrics, {"prior_sd": sd})

    assert asked["verdict"] == without["verdict"]
    assert [row["arms"][0]["state"] for row in asked["results"]] == [
        row["arms"][0]["state"] for row in without["results"]
    ]
