# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Nothing that data can hold turns into nan: a number comes back, or a named reason for having none."""

import dataclasses
import math
from enum import Enum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.stats import adjusted, bayes, estimators, meta, robust, sequential
from analysis.stats.compare import Margin, contrast, difference, equivalence, lift, noninferiority
from analysis.stats.design import Design, minimum_detectable_effect, power, sample_size
from analysis.stats.moments import Moments
from analysis.stats.monitor import GuardrailMonitor, look_of
from analysis.stats.quantiles import QuantileStat
from analysis.stats.results import Comparison, Counts, Estimate, Interval, NotEstimable

SIZES = st.floats(1e-9, 1e9)
VALUES = st.one_of(st.just(0.0), SIZES, SIZES.map(lambda size: -size))
VARIANCES = st.one_of(st.just(0.0), st.floats(1e-18, 1e18))


def numbers(result):
    """Every number in a result, however deep."""
    if isinstance(result, bool | str | Enum | None):
        return
    if isinstance(result, int | float | np.floating):
        yield float(result)
    elif dataclasses.is_dataclass(result):
        for field in dataclasses.fields(result):
            yield from numbers(getattr(result, field.name))
    elif isinstance(result, np.ndarray):
        yield from result.ravel().tolist()
    elif isinstance(result, list | tuple):
        for item in result:
            yield from numbers(item)
    else:
        raise TypeError(type(result))


def has_no_nan(result):
    return not any(math.isnan(number) for number in numbers(result))


def is_sound(result):
    """A comparison with a p value in 0..1 and an interval whose ends are in order, or a reason."""
    if isinstance(result, NotEstimable):
        return bool(result.why)
    interval = result.confidence_interval
    return has_no_nan(result) and 0 <= result.p_value <= 1 and interval.lower <= interval.upper


def estimates():
    return st.builds(Estimate, VALUES, VARIANCES, st.sampled_from([1.0, 3.5, 1e3, 1e12, math.inf]))


@settings(max_examples=300, deadline=None)
@given(estimates(), estimates(), st.sampled_from([0.3, 0.05, 1e-6]))
def test_procedures__any_two_estimates__a_sound_comparison_or_a_reason(control, treatment, alpha):
    margin, share = Margin(0.3), Margin(0.1, relative=True)
    two_sided, one_sided = sequential.AlwaysValid(1.0, alpha), sequential.AlwaysValid(1.0, alpha, sides=1)
    worse = noninferiority(control, treatment, margin=share, better="down", alpha=alpha)
    compared = difference(control, treatment, alpha=alpha)

    found = [
        compared,
        worse,
        contrast(control, treatment, base_weight=1.05, alternative="less", alpha=alpha),
        lift(control, treatment, alpha=alpha),
        lift(control, treatment, alpha=alpha, method="fieller"),
        noninferiority(control, treatment, margin=margin, better="up", alpha=alpha),
        equivalence(control, treatment, margin=margin, alpha=alpha),
        two_sided.of(compared),
        two_sided.lift(control, treatment),
        one_sided.of(worse),
    ]

    assert all(map(is_sound, found))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 5000), st.integers(0, 5000))
def test_proportions__any_counts__sound(events0, events1, rest0, rest1):
    arms = [
        estimators.proportion(Moments.from_events(events, events + rest))
        for events, rest in ((events0, rest0), (events1, rest1))
    ]

    found = [difference(*arms), lift(*arms), noninferiority(*arms, margin=Margin(0.01), better="up")]

    assert all(map(is_sound, found))


@pytest.mark.parametrize("rows", [[], [[1.0, 2.0]], [[1.0, 2.0]] * 5, [[0.0, 0.0]] * 5, [[1e9, 1e-9]] * 2])
def test_estimators__hardly_any_or_constant_units__number_or_reason(rows):
    moments = Moments.from_rows(np.array(rows).reshape(-1, 2))
    other = Moments.from_rows(np.random.default_rng(1).gamma(2.0, 1.0, (50, 2)))

    found = [
        estimators.mean(moments),
        estimators.count(moments),
        estimators.ratio(moments),
        *adjusted.cuped([moments, other]),
        *adjusted.lin([moments, other]),
        *adjusted.cuped_ratio([moments.select([0, 1, 0, 1]), other.select([0, 1, 0, 1])]),
        *adjusted.lin_ratio([moments.select([0, 1, 0, 1]), other.select([0, 1, 0, 1])]),
        *adjusted.post_stratified([{"a": moments}, {"a": other}]),
        robust.trimmed_mean(moments.mean if rows else []),
        estimators.quantile(QuantileStat(5, 0.5, 1.0, 1.0, 1.0, moments)),
    ]

    assert all(has_no_nan(each) for each in found)
    assert all(is_sound(difference(each, estimators.mean(other))) for each in found)


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-12, 1e12), st.floats(-1e6, 1e6), st.floats(3, 1e14), st.sampled_from([1, 2]))
def test_planning__any_effect_and_size__power_between_zero_and_one(variance, effect, units, sides):
    design = Design(variance, sides=sides)

    found = power(design, effect, units)

    assert 0 <= found <= 1
    assert has_no_nan(minimum_detectable_effect(design, units))


@pytest.mark.parametrize("effect", [1e-12, 1e-3, 1.0, 1e6, -1.0, 0.0])
@pytest.mark.parametrize("sides", [1, 2])
def test_sample_size__effects_of_every_size__number_or_reason(effect, sides):
    found = sample_size(Design(1.0, sides=sides), effect)

    assert isinstance(found, NotEstimable) or found >= 3


@settings(max_examples=100, deadline=None)
@given(st.lists(estimates(), max_size=5))
def test_pooling__any_effects__number_or_reason(effects):
    for pool in (meta.cochran_q, meta.fixed_effect, meta.random_effects):
        found = pool(effects)

        assert has_no_nan(found)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([30, 10_000, 10**8]))
def test_beta_binomial__any_counts__finite(events0, events1, trials):
    found = bayes.beta_binomial(Counts(events0, trials), Counts(events1, trials))

    assert has_no_nan(found)
    assert 0 <= found.probability_positive <= 1
    assert found.mean in found.credible_interval


@settings(max_examples=100, deadline=None)
@given(VALUES, st.floats(1e-9, 1e9), st.floats(1e-9, 1e9), st.floats(1e-12, 1e12))
def test_monitor__any_harm_and_scale__says_something(harm, error, unit, planned):
    compared = Comparison(harm, error, math.inf, harm / error, 0.5, Interval(-1, 1))
    looks = [
        look_of(compared, better="up", units=500, hours=hours, scheduled=True, unit=unit, plan_share=0.5)
        for hours in (24.0, 48.0)
    ]

    assert has_no_nan(GuardrailMonitor(planned).judge(looks))
