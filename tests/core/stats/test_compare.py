# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Comparisons against scipy and statsmodels; what the margins mean; degenerate pairs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_ind

from analysis.stats.compare import Margin, caution, contrast, difference, equivalence, lift, noninferiority
from analysis.stats.estimators import mean, quantile
from analysis.stats.moments import Moments
from analysis.stats.quantiles import QuantileStat
from analysis.stats.results import Estimate, InvalidInput, NotEstimable, Scale, Status, Why
from analysis.stats.simulate import Population, sessions


def arm(values):
    return mean(Moments.from_rows(values))


@pytest.fixture
def rows():
    rng = np.random.default_rng(1)
    return rng.normal(10, 2, 60), rng.normal(11, 5, 35)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_difference__against_scipy_welch(rows, alternative, alpha):
    control, treatment = rows

    found = difference(arm(control), arm(treatment), alternative=alternative, alpha=alpha)

    oracle = stats.ttest_ind(treatment, control, equal_var=False, alternative=alternative)
    interval = oracle.confidence_interval(1 - alpha)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-10)
    assert found.degrees_of_freedom == pytest.approx(oracle.df, rel=1e-12)
    assert found.confidence_interval.lower == pytest.approx(interval.low, rel=1e-9)
    assert found.confidence_interval.upper == pytest.approx(interval.high, rel=1e-9)


def test_difference__null_other_than_zero__against_statsmodels(rows):
    control, treatment = rows

    found = difference(arm(control), arm(treatment), null=0.7)

    oracle = CompareMeans(DescrStatsW(treatment), DescrStatsW(control)).ttest_ind(usevar="unequal", value=0.7)
    assert found.statistic == pytest.approx(oracle[0], rel=1e-10)
    assert found.p_value == pytest.approx(oracle[1], rel=1e-10)


@pytest.mark.parametrize("gap", [5.0, 15.0, 21.0])
def test_difference__hundred_orders_of_magnitude__p_value_still_right(gap):
    found = difference(Estimate(0.0, 0.5), Estimate(gap, 0.5))

    assert found.p_value == pytest.approx(math.erfc(gap / math.sqrt(2)), rel=1e-9)
    assert found.p_value > 0


@given(
    st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.floats(1, 1e12)
)
def test_difference__any_two_arms__interval_and_p_value_agree(m0, v0, m1, v1, df):
    found = difference(Estimate(m0, v0, df), Estimate(m1, v1, df))

    assert 0 <= found.p_value <= 1
    margin = abs(found.p_value - 0.05)
    assert margin < 1e-6 or found.rejects == (0.0 not in found.confidence_interval)


def test_difference__arms_swapped__mirror_image(rows):
    control, treatment = rows

    there, back = difference(arm(control), arm(treatment)), difference(arm(treatment), arm(control))

    assert there.estimate == -back.estimate
    assert there.p_value == back.p_value
    assert there.confidence_interval.lower == -back.confidence_interval.upper


def test_difference__both_arms_constant__not_estimable():
    assert difference(arm([1.0, 1.0]), arm([2.0, 2.0])) == NotEstimable(Why.NO_VARIATION)


def test_difference__one_arm_constant__the_other_arm_gives_error_and_df():
    values = [1.0, 2.0, 4.0, 4.5]

    found = difference(arm([3.0, 3.0, 3.0]), arm(values))

    oracle = stats.ttest_1samp(values, 3.0)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 5])
def test_difference__alpha_out_of_range__refused(alpha):
    with pytest.raises(InvalidInput, match="alpha"):
        difference(Estimate(0, 1), Estimate(1, 1), alpha=alpha)


def test_lift__log_method__against_lognormal_quantiles():
    control, treatment = Estimate(10.0, 0.09), Estimate(12.0, 0.16)

    found = lift(control, treatment)

    spread = math.hypot(0.3 / 10, 0.4 / 12)
    low, high = stats.lognorm(spread, scale=1.2).ppf([0.025, 0.975]) - 1
    assert found.confidence_interval.lower == pytest.approx(low, rel=1e-9)
    assert found.confidence_interval.upper == pytest.approx(high, rel=1e-9)
    assert found.estimate == pytest.approx(0.2)
    assert (found.method, found.scale) == ("lift, log", Scale.RELATIVE)
    assert found.p_value == difference(control, treatment).p_value


def test_lift__fieller__limits_are_where_the_exact_contrast_test_turns():
    control, treatment = Estimate(4.0, 0.8), Estimate(5.0, 1.5)

    found = lift(control, treatment)

    assert found.method == "lift, fieller"
    for limit in (found.confidence_interval.lower, found.confidence_interval.upper):
        at_limit = contrast(control, treatment, base_weight=1 + limit)
        assert at_limit.p_value == pytest.approx(0.05, abs=1e-9)


def test_lift__base_not_told_from_zero__unbounded():
    found = lift(Estimate(1.0, 1.0), Estimate(5.0, 1.0))

    assert found.status is Status.UNBOUNDED
    assert (found.confidence_interval.lower, found.confidence_interval.upper) == (-math.inf, math.inf)


def test_lift__wide_multiplier__unbounded_although_the_base_is_six_errors_from_zero():
    control, treatment = Estimate(6.0, 1.0), Estimate(9.0, 1.0)

    assert lift(control, treatment).method == "lift, log"
    assert lift(control, treatment, multiplier=7.0).status is Status.UNBOUNDED


def test_lift__base_zero_or_negative__not_estimable():
    for value in (0.0, -3.0):
        assert lift(Estimate(value, 1.0), Estimate(5.0, 1.0)) == NotEstimable(
            Why.BASE_NOT_POSITIVE, "control"
        )


def test_lift__signs_differ__fieller_even_for_a_precise_base():
    found = lift(Estimate(10.0, 0.01), Estimate(-1.0, 0.01))

    assert found.method == "lift, fieller"
    assert found.estimate == pytest.approx(-1.1)
    assert found.estimate in found.confidence_interval


def test_lift__delta__symmetric_and_close_to_log_for_a_precise_base():
    control, treatment = Estimate(1000.0, 1.0), Estimate(1010.0, 1.0)

    delta, log = lift(control, treatment, method="delta"), lift(control, treatment)

    rng = np.random.default_rng(2)
    draws = rng.normal(30.0, 3.0, 400_000) / rng.normal(100.0, 0.5, 400_000)
    far = lift(Estimate(100.0, 0.25), Estimate(30.0, 9.0))
    assert far.standard_error == pytest.approx(draws.std(), rel=0.01)
    assert delta.confidence_interval.half_width == pytest.approx(1.96 * delta.standard_error, rel=1e-4)
    assert delta.confidence_interval.lower == pytest.approx(log.confidence_interval.lower, rel=1e-2)


def test_lift__both_positive_and_below_one__log():
    assert lift(Estimate(0.5, 1e-4), Estimate(0.4, 1e-4)).method == "lift, log"


def test_lift__method_unknown_or_log_of_a_negative_value__refused():
    with pytest.raises(InvalidInput, match="no such lift method"):
        lift(Estimate(1.0, 0.001), Estimate(1.0, 0.001), method="bayes")
    with pytest.raises(InvalidInput, match="not positive"):
        lift(Estimate(1.0, 0.001), Estimate(-1.0, 0.001), method="log")


@pytest.mark.parametrize(("better", "weight", "side"), [("up", 0.9, "greater"), ("down", 1.1, "less")])
def test_noninferiority__relative_margin__exact_contrast_on_rescaled_rows(rows, better, weight, side):
    control, treatment = rows

    found = noninferiority(arm(control), arm(treatment), margin=Margin(0.1, relative=True), better=better)

    oracle = stats.ttest_ind(treatment, weight * control, equal_var=False, alternative=side)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-10)
    assert found.base_weight == pytest.approx(weight)
    assert found.margin == 0.1


@pytest.mark.parametrize(("better", "shift", "side"), [("up", -0.5, "greater"), ("down", 0.5, "less")])
def test_noninferiority__absolute_margin__shifted_welch(rows, better, shift, side):
    control, treatment = rows

    found = noninferiority(arm(control), arm(treatment), margin=Margin(0.5), better=better)

    oracle = stats.ttest_ind(treatment, control + shift, equal_var=False, alternative=side)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)
    bound = found.confidence_interval.lower if better == "up" else found.confidence_interval.upper
    assert found.rejects == (bound > shift if better == "up" else bound < shift)


def test_noninferiority__clustered_p95__uses_both_quantile_errors():
    rng = np.random.default_rng(3)
    control, treatment = (
        quantile(QuantileStat.from_sessions(found.values, found.users, 0.95))
        for found in (sessions(rng, Population(), 2000), sessions(rng, Population(), 2000))
    )

    found = noninferiority(control, treatment, margin=Margin(0.15, relative=True), better="down")

    expected = math.hypot(treatment.standard_error, 1.15 * control.standard_error)
    assert found.standard_error == pytest.approx(expected)
    assert found.rejects


def test_noninferiority__large_true_loss__never_passes():
    found = noninferiority(
        Estimate(100.0, 1.0), Estimate(90.0, 1.0), margin=Margin(0.05, relative=True), better="up"
    )

    assert found.p_value > 0.99


def test_noninferiority__base_not_positive__not_estimable():
    found = noninferiority(
        Estimate(-1.0, 1.0), Estimate(0.0, 1.0), margin=Margin(0.1, relative=True), better="up"
    )

    assert found == NotEstimable(Why.BASE_NOT_POSITIVE, "control")


@pytest.mark.parametrize("arguments", [(0.0,), (-0.1,), (math.nan,), (5.0, True)])
def test_margin__not_a_positive_size__refused(arguments):
    with pytest.raises(InvalidInput, match="margin"):
        Margin(*arguments)


def test_noninferiority__unknown_direction__refused():
    with pytest.raises(InvalidInput, match="direction"):
        noninferiority(Estimate(1, 1), Estimate(1, 1), margin=Margin(1.0), better="higher")


def test_equivalence__against_statsmodels_tost(rows):
    control, treatment = rows

    found = equivalence(arm(control), arm(treatment), margin=Margin(3.0))

    oracle = ttost_ind(treatment, control, -3.0, 3.0, usevar="unequal")
    assert found.p_value == pytest.approx(oracle[0], rel=1e-9)
    inside = found.confidence_interval.lower > -3 and found.confidence_interval.upper < 3
    assert found.rejects == inside


def test_equivalence__arm_missing__says_which():
    found = equivalence(Estimate(1.0, 1.0), NotEstimable(Why.NO_UNITS), margin=Margin(1.0))

    assert found == NotEstimable(Why.NO_UNITS, "treatment")


def test_caution__small_arm_without_its_large_values__error_of_both_arms_put_together():
    control, treatment = Estimate(10.0, 400.0 / 9_000, units=9_000), Estimate(9.0, 100.0 / 1_000, units=1_000)

    together = (9_000 * 400.0 + 1_000 * 100.0) / 10_000
    error = math.sqrt(together * (1 / 9_000 + 1 / 1_000))

    found = difference(control, treatment)
    assert caution(control, treatment) * found.standard_error == pytest.approx(error, rel=1e-12)
    assert caution(treatment, control) == caution(control, treatment)


@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        (Estimate(10.0, 0.4, units=1_000), Estimate(9.0, 0.1, units=1_000)),
        (Estimate(10.0, 100.0 / 9_000, units=9_000), Estimate(9.0, 400.0 / 1_000, units=1_000)),
        (Estimate(10.0, 0.4), Estimate(9.0, 0.1)),
        (Estimate(10.0, 0.0, units=9_000), Estimate(9.0, 0.0, units=1_000)),
    ],
    ids=["one size", "small arm spreads more", "units unknown", "no spread"],
)
def test_caution__nothing_to_be_cautious_of__1(control, treatment):
    assert caution(control, treatment) == pytest.approx(1.0, rel=1e-12)
