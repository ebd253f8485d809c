# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Always-valid inference against the mixture integral itself; lifts, sides, tuning."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize

from analysis.stats.compare import Margin, difference, lift, noninferiority
from analysis.stats.results import Estimate, Inference, InvalidInput, NotEstimable, Scale, Why
from analysis.stats.sequential import AlwaysValid, clock_unit, running_minimum, tuned_tau2
from analysis.stats.simulate import z_paths


def mixture_e_value(estimate, error, tau2, sides):
    """The likelihood ratio averaged over the prior of effects, by quadrature."""
    tau, v = math.sqrt(tau2), error**2

    def integrand(effect):
        prior = math.exp(-0.5 * effect**2 / tau2) / (tau * math.sqrt(2 * math.pi))
        return prior * math.exp((effect * estimate - effect**2 / 2) / v)

    low, weight = (-10 * tau, 1.0) if sides == 2 else (0.0, 2.0)
    return weight * integrate.quad(integrand, low, 10 * tau, epsabs=0, epsrel=1e-11, limit=500)[0]


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize(("estimate", "error", "tau2"), [(0.5, 0.2, 0.1), (-0.3, 0.2, 0.1), (1.0, 1.0, 4.0)])
def test_e_value__is_the_likelihood_ratio_averaged_over_the_prior(estimate, error, tau2, sides):
    found = AlwaysValid(tau2, 0.05, sides).e_value(estimate, error)

    assert found == pytest.approx(mixture_e_value(estimate, error, tau2, sides), rel=1e-8)


@given(
    tau2=st.floats(1e-8, 1e8),
    error=st.floats(1e-3, 1e3),
    alpha=st.floats(1e-6, 0.4),
    sides=st.sampled_from([1, 2]),
)
def test_multiplier__at_the_interval_end_the_p_value_is_alpha(tau2, error, alpha, sides):
    test = AlwaysValid(tau2, alpha, sides)
    end = test.multiplier(error) * error

    assert test.p_value(end, error) == pytest.approx(alpha, rel=1e-6)


def test_multiplier__two_sided__the_published_formula():
    tau2, v, alpha = 0.3, 0.02, 0.05

    found = AlwaysValid(tau2, alpha).multiplier(math.sqrt(v))

    expected = math.sqrt((v + tau2) / tau2 * (math.log((v + tau2) / v) - 2 * math.log(alpha)))
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("v", [1e-4, 0.01, 1.0, 100.0])
def test_multiplier__one_sided__within_the_closed_form_bound_and_close_to_it(v):
    tau2, alpha = 1.0, 0.05

    found = AlwaysValid(tau2, alpha, sides=1).multiplier(math.sqrt(v))

    growth = (v + tau2) / v
    bound = math.sqrt(2 * (v + tau2) / tau2 * math.log(1 + math.sqrt(growth) / (2 * alpha)))
    assert 0.95 * bound < found < bound


def test_of__difference__same_estimate_wider_interval_larger_p_value():
    fixed = difference(Estimate(10.0, 0.04, 500), Estimate(10.7, 0.05, 400))

    found = AlwaysValid(tuned_tau2(0.02)).of(fixed)

    assert found.estimate == fixed.estimate
    assert found.p_value > fixed.p_value
    assert found.confidence_interval.half_width > fixed.confidence_interval.half_width
    assert found.rejects == (0.0 not in found.confidence_interval)
    assert found.inference is Inference.ALWAYS_VALID
    assert found.method == "welch, always valid"


@pytest.mark.parametrize("better", ["up", "down"])
def test_of__noninferiority__bound_and_p_value_agree_at_the_margin(better):
    control, treatment = Estimate(10.0, 0.04), Estimate(10.2, 0.05)
    fixed = noninferiority(control, treatment, margin=Margin(1.1), better=better)
    test = AlwaysValid(tuned_tau2(0.09, sides=1), sides=1)

    found = test.of(fixed)

    bound = found.confidence_interval.lower if better == "up" else -found.confidence_interval.upper
    assert found.rejects == (bound > -1.1)
    assert math.isinf(found.confidence_interval.half_width)
    assert found.p_value > fixed.p_value


@pytest.mark.parametrize("unit", [0.02, 7.0])
def test_of__clock_in_other_units__same_as_the_comparison_divided_by_them(unit):
    control, treatment = Estimate(10.0, 0.04), Estimate(10.9, 0.05)
    divided = [Estimate(arm.value / unit, arm.variance / unit**2) for arm in (control, treatment)]
    test = AlwaysValid(0.003)

    found = test.of(difference(control, treatment, null=0.1), unit=unit)

    expected = test.of(difference(*divided, null=0.1 / unit))
    assert found.p_value == pytest.approx(expected.p_value, rel=1e-9)
    assert found.confidence_interval.lower == pytest.approx(unit * expected.confidence_interval.lower)
    assert found.confidence_interval.upper == pytest.approx(unit * expected.confidence_interval.upper)
    lifted, expected_lift = test.lift(control, treatment, unit=unit), test.lift(*divided)
    assert lifted.p_value == pytest.approx(expected_lift.p_value, rel=1e-9)
    assert lifted.confidence_interval.lower == pytest.approx(expected_lift.confidence_interval.lower)
    assert lifted.confidence_interval.upper == pytest.approx(expected_lift.confidence_interval.upper)


@pytest.mark.parametrize("unit", [0.0, -1.0, math.nan, math.inf])
def test_of__unit_not_positive__refused(unit):
    with pytest.raises(InvalidInput, match="positive unit"):
        AlwaysValid(1.0).of(difference(Estimate(0, 1), Estimate(1, 1)), unit=unit)


def test_clock_unit__level_of_both_arms__none_without_a_positive_level():
    assert clock_unit(Estimate(2.0, 1.0), Estimate(4.0, 1.0)) == 3.0
    assert clock_unit(Estimate(0.02, 1.0), Estimate(0.04, 1.0)) == pytest.approx(0.03)
    assert clock_unit(Estimate(-2.0, 1.0), Estimate(2.0, 1.0)) is None
    assert clock_unit(NotEstimable(Why.NO_UNITS), Estimate(2.0, 1.0)) is None
    assert clock_unit(Estimate(2.0, 1.0), NotEstimable(Why.NO_UNITS)) is None


def test_of__sides_do_not_match_the_comparison__refused():
    with pytest.raises(InvalidInput, match="sides"):
        AlwaysValid(1.0, sides=1).of(difference(Estimate(0, 1), Estimate(1, 1)))


def test_of__nothing_to_compare__passed_on():
    assert AlwaysValid(1.0).of(NotEstimable(Why.NO_UNITS)) == NotEstimable(Why.NO_UNITS)
    assert AlwaysValid(1.0).lift(Estimate(0, 1), Estimate(0, 1)).why is Why.BASE_NOT_POSITIVE
    assert AlwaysValid(1.0).lift(NotEstimable(Why.NO_UNITS), Estimate(0, 1)).arm == "control"


@pytest.mark.parametrize("method", ["log", "fieller", "delta"])
def test_lift__always_valid__wider_than_fixed_and_excludes_zero_when_the_difference_does(method):
    control, treatment = Estimate(100.0, 1.0), Estimate(107.0, 1.0)
    test = AlwaysValid(tuned_tau2(2.0))

    found = test.lift(control, treatment, method=method)

    fixed = lift(control, treatment, method=method)
    assert found.scale is Scale.RELATIVE
    assert found.confidence_interval.lower < fixed.confidence_interval.lower
    assert found.confidence_interval.upper > fixed.confidence_interval.upper
    assert found.rejects
    assert 0.0 not in found.confidence_interval
    assert found.p_value == test.of(difference(control, treatment)).p_value


@pytest.mark.parametrize("sides", [1, 2])
def test_tuned_tau2__narrowest_interval_at_the_chosen_error(sides):
    tuned = tuned_tau2(1.0, 0.05, sides)

    best = optimize.minimize_scalar(
        lambda log_tau2: AlwaysValid(math.exp(log_tau2), 0.05, sides).multiplier(1.0), (0.0, 3.0)
    )
    assert AlwaysValid(tuned, 0.05, sides).multiplier(1.0) == pytest.approx(best.fun, rel=0.002)


def test_running_minimum__never_rises():
    assert running_minimum([0.3, 0.01, 0.5]) == [0.3, 0.01, 0.01]


def test_p_value__four_hundred_looks_without_effect__rarely_ever_below_alpha():
    z = z_paths(np.random.default_rng(1), 2000, 400)
    errors = (np.arange(1, 401) / 400) ** -0.5
    test = AlwaysValid(tuned_tau2(1.0))
    limits = np.array([test.multiplier(error) for error in errors])

    ever_valid = (np.abs(z) > limits).any(axis=1).mean()
    ever_naive = (np.abs(z) > 1.96).any(axis=1).mean()

    assert ever_valid <= 0.05
    assert ever_naive > 0.3


@pytest.mark.parametrize(
    ("arguments", "field"),
    [((0.0,), "tau2"), ((math.nan,), "tau2"), ((1.0, 1.0), "alpha"), ((1.0, 0.05, 3), "sides")],
)
def test_always_valid__impossible_settings__refused(arguments, field):
    with pytest.raises(InvalidInput) as caught:
        AlwaysValid(*arguments)

    assert caught.value.field == field


def test_tuned_tau2__published_formula__one_sided_at_twice_the_level():
    logs = -2 * math.log(0.05)

    assert tuned_tau2(3.0, 0.05) == pytest.approx(3 * (logs + math.log(1 + logs)), rel=1e-12)
    assert tuned_tau2(3.0, 0.05, sides=1) == tuned_tau2(3.0, 0.1, sides=2)


@pytest.mark.parametrize(("alpha", "sides"), [(0.6, 1), (1.2, 2), (0.0, 2)])
def test_tuned_tau2__impossible_level__refused(alpha, sides):
    with pytest.raises(InvalidInput):
        tuned_tau2(1.0, alpha, sides)


def test_tuned_tau2__no_variance__refused():
    with pytest.raises(InvalidInput):
        tuned_tau2(0.0)
