"""Both kinds of inference, the level each metric gets, and the scale that is frozen."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from analysis import comparing
from analysis.comparing import Clock, Contrast, History
from analysis.report.facts import Reading
from analysis.stats.results import Comparison, Estimate, NotEstimable, Why
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


def both(units=500, *, plan=None, history=None, of=None, treatment=11.0, scale=1.0, cut=CUT):
    """Readings of a control of 10 and this treatment, all of it measured in a unit `scale` times as small."""
    values = [Estimate(value * scale, 0.02 * scale**2, 499, units) for value in (10.0, treatment)]
    arms = Contrast(*values, units)
    return comparing.both_readings(
        plan or locked_plan(), of or binding(), arms, history or History(), cut=cut
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


def in_levels(found, level=10.5):
    """The information of the fixed difference, in units of the metric's level."""
    return found.fixed.difference.information * level**2


def test_readings__planned_units__information_scaled_by_them():
    found = both(units=500)

    assert found.clock == Clock(pytest.approx(in_levels(found) * 2), is_relative=True)
    assert found.unit == 10.5


def test_readings__no_planned_units__information_scaled_by_the_time_that_may_pass():
    found = both(plan=locked_plan(planned_units=None, max_days=28))

    assert found.clock.planned_information == pytest.approx(in_levels(found) * 4)


def test_readings__metric_measured_in_another_unit__same_verdict_of_the_test():
    small, large = both(), both(scale=1000.0)

    assert large.clock.planned_information == pytest.approx(small.clock.planned_information)
    assert large.always_valid.difference.p_value == pytest.approx(small.always_valid.difference.p_value)


def test_readings__level_below_zero__clock_in_the_metrics_own_unit():
    found = both(scale=-1.0)

    assert found.clock == Clock(found.fixed.difference.information * 2, is_relative=False)
    assert found.unit == 1.0


def test_readings__level_gone_at_a_later_look__this_look_says_nothing_and_the_clock_stays():
    clock = Clock(5000.0, is_relative=True)

    found = both(scale=-1.0, history=History(clock))

    assert (found.clock, found.unit) == (clock, None)
    assert found.always_valid.difference == NotEstimable(Why.BASE_NOT_POSITIVE)
    assert isinstance(found.fixed.difference, Comparison)


@pytest.mark.parametrize(("units", "hours"), [(99, 168), (10, 168), (500, 0.5)])
def test_readings__too_few_units_or_too_early__nothing_that_holds_at_every_look_and_no_clock(units, hours):
    found = both(units, treatment=100.0, cut=START + timedelta(hours=hours))

    assert found.clock is None
    nothing = NotEstimable(Why.TOO_FEW_UNITS)
    assert found.always_valid == Reading(nothing, lift=nothing)
    assert found.fixed.difference.rejects


def test_readings__a_hundred_units__the_clock_starts():
    assert both(units=100).clock is not None


@pytest.mark.parametrize(("is_relative", "unit"), [(True, 10.5), (False, 1.0)])
def test_readings__clock_set_before__kept_whatever_is_seen_now(is_relative, unit):
    clock = Clock(7.0, is_relative)

    found = both(history=History(clock))

    expected = AlwaysValid(tuned_tau2(1 / 7.0, 0.05), 0.05).of(found.fixed.difference, unit=unit)
    assert (found.clock, found.unit) == (clock, unit)
    assert found.always_valid.difference == expected


@pytest.mark.parametrize(("planned_units", "expected"), [(None, 0.5), (1000, 0.3), (200, 1.0)])
def test_plan_share__units_where_planned_else_time__never_above_one(planned_units, expected):
    plan = locked_plan(planned_units=planned_units, max_days=28)

    assert comparing.plan_share(plan, units=300, hours=14 * 24.0) == expected


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
    assert found.clock is None
