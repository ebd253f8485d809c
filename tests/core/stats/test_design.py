# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="arg-type, operator"
"""Planning against statsmodels; the factors of CUPED, clustering and margins."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from analysis.stats.design import (
    Design,
    clustering_design_effect,
    cuped_variance_ratio,
    duration,
    minimum_detectable_effect,
    power,
    power_per_guardrail,
    proportion_variance,
    sample_size,
)
from analysis.stats.results import InvalidInput, NotEstimable, Why


@pytest.mark.parametrize("share", [0.5, 0.2])
@pytest.mark.parametrize(("sides", "alternative"), [(1, "larger"), (2, "two-sided")])
@pytest.mark.parametrize("units", [20, 300, 40_000])
def test_power__against_statsmodels(share, sides, alternative, units):
    design = Design(4.0, treatment_share=share, sides=sides)
    effect = 2.5 * design.standard_error(units)

    found = power(design, effect, units)

    oracle = TTestIndPower().power(
        effect / 2, (1 - share) * units, 0.05, ratio=share / (1 - share), alternative=alternative
    )
    assert found == pytest.approx(oracle, rel=1e-8)


def test_sample_size__against_statsmodels():
    found = sample_size(Design(1.0), 0.05, 0.8)

    oracle = TTestIndPower().solve_power(effect_size=0.05, alpha=0.05, power=0.8)
    assert found == math.ceil(2 * oracle)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("effect", [3.0, 0.5, 0.02])
def test_sample_size__is_the_smallest_that_reaches_the_power(effect, sides):
    design = Design(2.0, treatment_share=0.3, sides=sides)

    units = sample_size(design, effect)

    assert power(design, effect, units) >= 0.8
    assert power(design, effect, units - 1) < 0.8


@pytest.mark.parametrize("units", [10, 1000, 10**7])
def test_minimum_detectable_effect__put_back__gives_the_power(units):
    design = Design(9.0, variance_ratio=0.6)

    effect = minimum_detectable_effect(design, units, 0.9)

    assert power(design, effect, units) == pytest.approx(0.9, abs=1e-9)


def test_power__no_effect__alpha():
    assert power(Design(1.0), 0.0, 1000) == pytest.approx(0.05, rel=1e-6)
    assert power(Design(1.0, sides=1), 0.0, 1000) == pytest.approx(0.05, rel=1e-6)
    assert power(Design(1.0), 1.0, 2) == 0.0


def test_power__same_as_simulated_welch():
    rng = np.random.default_rng(1)
    design, units, effect = Design(1.0), 200, 0.4

    control, treatment = rng.normal(size=(2, 4000, 100))
    p_values = stats.ttest_ind(treatment + effect, control, axis=1, equal_var=False).pvalue

    assert (p_values < 0.05).mean() == pytest.approx(power(design, effect, units), abs=0.02)


def test_design__cuped_and_clusters__are_factors_on_the_variance():
    plain = sample_size(Design(1.0), 0.01)

    halved = sample_size(Design(1.0, variance_ratio=cuped_variance_ratio(0.5**0.5)), 0.01)
    clustered = sample_size(Design(1.0, design_effect=clustering_design_effect(5, 0.25)), 0.01)

    assert halved == pytest.approx(plain / 2, rel=1e-4)
    assert clustered == pytest.approx(plain * 2, rel=1e-4)


def test_clustering_design_effect__against_simulated_session_means():
    rng = np.random.default_rng(2)
    users = rng.normal(size=(3000, 40, 1)) * 0.5
    sessions = users + rng.normal(size=(3000, 40, 4)) * np.sqrt(0.75)

    ratio = sessions.mean(axis=(1, 2)).var() / (1.0 / 160)

    assert ratio == pytest.approx(clustering_design_effect(4, 0.25), rel=0.1)


def test_standard_error__relative_margin__variance_of_the_contrast():
    design = Design(4.0, treatment_share=0.5, base_weight=1.1)

    assert design.standard_error(200) == pytest.approx(math.sqrt(4 / 100 + 1.21 * 4 / 100))


def test_duration__flattening_curve__first_day_with_enough():
    curve = [1000, 1800, 2400, 2800, 3000]
    design = Design(1.0)
    effect = minimum_detectable_effect(design, 2350)

    assert duration(design, effect, curve) == 3
    assert duration(design, effect / 10, curve) == NotEstimable(Why.TARGET_NOT_REACHED)
    assert duration(design, 0.0, curve) == NotEstimable(Why.TARGET_NOT_REACHED)
    assert duration(design, effect, []) == NotEstimable(Why.TARGET_NOT_REACHED)


def test_duration__curve_that_falls__refused():
    with pytest.raises(InvalidInput, match="fall"):
        duration(Design(1.0), 0.1, [100, 90])


def test_sample_size__effect_beyond_any_traffic__not_reached():
    assert sample_size(Design(1.0), 1e-9) == NotEstimable(Why.TARGET_NOT_REACHED)
    assert minimum_detectable_effect(Design(1.0), 2) == NotEstimable(Why.TOO_FEW_UNITS)


def test_power_per_guardrail__all_together__the_joint_power():
    assert power_per_guardrail(0.8, 10) ** 10 == pytest.approx(0.8)
    assert proportion_variance(0.1) == pytest.approx(0.09)


@pytest.mark.parametrize(
    "settings",
    [
        {"unit_variance": 0.0},
        {"unit_variance": 1.0, "treatment_share": 1.0},
        {"unit_variance": 1.0, "alpha": 0.0},
        {"unit_variance": 1.0, "sides": 0},
        {"unit_variance": 1.0, "design_effect": math.nan},
    ],
)
def test_design__impossible_settings__refused(settings):
    with pytest.raises(InvalidInput):
        Design(**settings)


def test_planning__impossible_targets__refused():
    for call in (
        lambda: sample_size(Design(1.0), 0.1, 1.0),
        lambda: minimum_detectable_effect(Design(1.0), 100, 0.01),
        lambda: cuped_variance_ratio(1.0),
        lambda: proportion_variance(0.0),
        lambda: power_per_guardrail(0.8, 0),
    ):
        with pytest.raises(InvalidInput):
            call()
