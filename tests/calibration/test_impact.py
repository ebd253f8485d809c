"""What an ablation study promises: its interval, its knees, its placebo."""

import pytest

from tests.calibration import measured_impact as measured

pytestmark = pytest.mark.slow


def test_slope__200_studies__interval_covers_the_planted_one():
    found = measured.slopes()

    assert 0.92 <= found["coverage"] <= 0.98
    assert found["mean_percent"] == pytest.approx(-0.3, abs=0.02)
    assert found["stated_error_percent"] == pytest.approx(found["sd_percent"], rel=0.2)


def test_knee__by_the_longest_dose__declared_and_refused_at_the_stated_rates():
    found = measured.knees()

    assert found["to_1000"] == pytest.approx(0.32, abs=0.09)
    assert found["to_2000"] == pytest.approx(0.77, abs=0.09)
    assert found["to_3000"] == pytest.approx(0.95, abs=0.05)
    assert found["false"] <= 0.05


def test_placebo__against_an_untouched_group__silent_in_95_of_100():
    assert measured.placebos()["differ"] == pytest.approx(0.05, abs=0.016)


@pytest.mark.parametrize("shock", [0.0, 0.02])
def test_comparison__of_one_slice_with_eight__interval_covers_the_planted_slope(shock):
    found = measured.comparisons(shock=shock)

    assert 0.90 <= found["coverage"] <= 1.0
    assert found["mixed"] > 0.5
