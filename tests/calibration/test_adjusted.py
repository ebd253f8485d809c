"""Calibration of adjusted, capped, trimmed and pooled estimates; 99.9 % Monte-Carlo bands."""

import pytest

from tests.calibration import measured_adjusted as measured
from tests.calibration.test_estimators import holds

pytestmark = pytest.mark.slow


def test_lin__unequal_arms__honest_and_more_precise_where_a_common_slope_must_fail():
    found = measured.unequal_arms()

    assert found["lin_over_plain"] < 0.8
    assert found["cuped_over_plain"] > 1.3
    assert found["reported_over_true"] == pytest.approx(1.0, abs=0.08)
    assert 0.935 <= found["coverage"] <= 0.96


def test_strata__effects_of_their_own__covered():
    found = measured.strata_with_own_effects()

    assert holds(found["coverage"], 0.95, 6_000)
    assert found["reported_over_true"] == pytest.approx(1.0, abs=0.08)


def test_ratios__with_a_pre_period__less_variance_reported_honestly():
    found = measured.ratios_with_a_past()

    for name in ("cuped", "lin"):
        assert found[f"{name}_over_plain"] < 0.75
        assert found[f"{name}_reported_over_true"] == pytest.approx(1.0, abs=0.09)
        assert holds(found[f"{name}_coverage"], 0.95, 4_000)


def test_lifts__of_ratios_with_a_pre_period__covered_by_the_log_where_delta_errs_on_one_side():
    found = measured.lifts_of_adjusted_ratios()

    assert holds(found["log_coverage"], 0.95, 2_500)
    assert holds(found["log_below"], 0.025, 2_500)
    assert found["delta_below"] > found["log_below"] + 0.004


def test_lin__spread_that_grows_with_the_covariate__as_honest_from_moments_as_with_hc2():
    found = measured.spread_by_covariate()

    for name in ("moments", "hc2"):
        assert holds(found[f"{name}_coverage"], 0.95, 3_000)
        assert found[f"{name}_reported_over_true"] == pytest.approx(1.0, abs=0.1)


def test_caps__shared_by_the_arms__unbiased_where_own_caps_must_fail():
    found = measured.caps()

    assert holds(found["coverage"], 0.95, 4_000)
    assert abs(found["bias_in_errors"]) < 0.1
    assert found["own_caps_coverage"] < 0.93
    assert found["own_caps_reported_over_true"] < 0.8


def test_trimming__yuen_at_alpha__welch_on_what_is_left_must_fail():
    found = measured.trimming()

    assert 0.04 <= found["yuen"] <= 0.057
    assert found["as_if_nothing_was_cut"] > 0.10


def test_pooling__five_studies__hartung_knapp_covers_where_the_normal_interval_must_fail():
    found = measured.few_studies()

    assert found["hartung_knapp"] >= 0.93
    assert found["normal"] < 0.88


def test_beta_binomial__truth_drawn_from_the_prior__covered():
    assert holds(measured.posterior_of_shares()["coverage"], 0.95, 2_000)
