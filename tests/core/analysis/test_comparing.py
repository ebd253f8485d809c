"""Both kinds of inference, the level each metric gets, and the scale that is frozen."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from analysis import comparing
from analysis.comparing import Contrast, History
from analysis.stats.results import Estimate, NotEstimable, Why
from analysis.stats.sequential import AlwaysValid, tuned_tau2
from experiments.plan import Role
from metrics.definitions import Direction, Kind, Margin
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.store import START
from tests.core.analysis.world import definition

UP = definition("orders", Kind.COUNT, "purchase", direction=Direction.UP)
DOWN = definition("latency", Kind.MEAN, "request")
NONE = definition("size", Kind.MEAN, "request", direction=Direction.NONE)
CUT = START + timedelta(days=7)


def both(units=500, *, plan=None, history=None, of=None, treatment=11.0):
    arms = Contrast(Estimate(10.0, 0.02, 499, units), Estimate(treatment, 0.02, 499, units), units)
    return comparing.both_readings(
        plan or locked_plan(), of or binding(), arms, history or History(), cut=CUT
    )


def test_family__primary_and_success_times_treatments__share_alpha():
    listed = (
        binding(UP, Role.PRIMARY),
        binding(DOWN, Role.SUCCESS),
        binding(NONE, Role.DIAGNOSTIC),
        binding(replace(DOWN, key="p95"), Role.GUARDRAIL),
    )
    arms = locked_plan().arms
    plan = locked_plan(bindings=listed, arms=(*arms, replace(arms[1], key="other", variant="other")))

    assert comparing.family_size(plan) == 4
    assert [comparing.interval_alpha(plan, each) for each in listed] == [0.0125, 0.0125, 0.05, 0.05]


@pytest.mark.parametrize(
    ("of", "margin", "weight"),
    [
        (UP, Margin(0.02, relative=True), 0.98),
        (DOWN, Margin(0.05, relative=True), 1.05),
        (DOWN, Margin(0.05, relative=False), None),
        (NONE, Margin(0.05, relative=True), None),
        (DOWN, None, None),
    ],
)
def test_base_weight__direction_and_margin__which_multiple_of_the_control(of, margin, weight):
    assert comparing.base_weight(replace(binding(of), margin=margin)) == weight


def test_readings__always_valid__wider_than_fixed_and_same_estimate():
    found = both()

    fixed, valid = found.fixed.difference, found.always_valid.difference
    assert valid.estimate == fixed.estimate == 1.0
    assert valid.confidence_interval.lower < fixed.confidence_interval.lower
    assert valid.p_value > fixed.p_value


def test_readings__planned_units__information_scaled_by_them():
    found = both(units=500)

    assert found.frozen_information == pytest.approx(found.fixed.difference.information * 2)


def test_readings__no_planned_units__information_scaled_by_the_time_that_may_pass():
    found = both(plan=locked_plan(planned_units=None, max_days=28))

    assert found.frozen_information == pytest.approx(found.fixed.difference.information * 4)


def test_readings__fewer_than_a_hundred_units__nothing_is_frozen_yet():
    assert both(units=99).frozen_information is None
    assert both(units=100).frozen_information is not None


def test_readings__scale_frozen_before__kept_whatever_is_seen_now():
    found = both(history=History(planned_information=7.0))

    expected = AlwaysValid(tuned_tau2(1 / 7.0, 0.05), 0.05).of(found.fixed.difference)
    assert found.frozen_information == 7.0
    assert found.always_valid.difference == expected


def test_readings__relative_margin__contrast_under_both():
    found = both(of=replace(binding(DOWN, Role.GUARDRAIL), margin=Margin(0.05, relative=True)))

    assert found.fixed.contrast.estimate == pytest.approx(11.0 - 1.05 * 10.0)
    assert found.fixed.contrast.standard_error == pytest.approx(math.sqrt(0.02 + 1.05**2 * 0.02))
    assert found.always_valid.contrast.estimate == found.fixed.contrast.estimate


def test_readings__arm_cannot_be_estimated__said_under_both_and_nothing_frozen():
    arms = Contrast(Estimate(10.0, 0.02, 499, 500), NotEstimable(Why.NO_UNITS), 0)

    found = comparing.both_readings(locked_plan(), binding(), arms, History(), cut=CUT)

    assert found.fixed == found.always_valid
    assert found.fixed.difference.why is Why.NO_UNITS
    assert found.frozen_information is None
