"""Calibration of everything that is looked at more than once."""

import pytest

from analysis.stats.simulate import share_band
from tests.calibration import measured_sequential as measured

pytestmark = pytest.mark.slow


def test_monitor__two_weeks_of_hourly_looks__false_alarms_power_and_delay():
    found = measured.monitor_over_two_weeks()

    assert found["no_effect_alarms"] <= 0.05
    assert found["drift_2.5_alarms"] >= 0.72
    assert found["drift_4_alarms"] >= 0.97
    assert found["drift_16_mean_hours"] <= 20
    assert found["no_effect_naive"] > 0.3


def test_monitor__judge__alarms_where_the_bounds_say():
    assert measured.judge_on_paths()["same"] == 1.0


def test_confirmed_harm__at_the_whole_level_after_an_alarm__keeps_it_and_confirms_earlier():
    found = measured.confirmed_harm()

    assert found["no_loss_whole"] <= 0.05
    assert found["margin_whole"] <= 0.05
    assert found["twice_whole"] > found["twice_hourly"]
    assert found["twice_whole_mean_hours"] < found["twice_hourly_mean_hours"]


def test_always_valid__two_sided__keeps_alpha_and_peeking_must_fail():
    found = measured.always_valid_two_sided()

    assert found["always_valid"] <= 0.05
    assert found["peeking_at_1.96"] > 0.4


def test_always_valid__rare_events__no_more_alarms_than_promised():
    assert measured.rare_events()["false_alarms"] <= 0.05


def test_growing_totals__clock_in_the_level__keeps_alpha_and_power_where_the_clock_in_events_must_fail():
    found = measured.growing_totals()

    assert found["no_effect_level_monitor"] <= share_band(20, 400).upper
    assert found["no_effect_level_always_valid"] <= 0.05
    assert found["effect_fixed"] > 0.9
    assert found["effect_level_monitor"] > 0.9
    assert found["effect_absolute_monitor"] < 0.5


def test_pre_periods__every_look__told_at_their_level_where_welch_at_every_look_must_fail():
    found = measured.pre_periods()

    assert found["alike_check"] <= share_band(1, 1_000).upper
    assert found["alike_welch"] > 0.005
    assert found["by_5_check"] > 0.3
    assert found["by_10_check"] > 0.99


def test_sample_ratio__hourly_refresh__e_value_keeps_its_level_and_finds_51_49():
    found = measured.sample_ratio()

    for level in (0.05, 0.01, 0.001):
        assert found[f"healthy_e_value_{level}"] <= level
    assert found["healthy_chi_square_0.05"] > 0.3
    assert found["51_49_e_value_0.01"] >= 0.95
