"""Calibration of holds: harmless experiments run on, a severe slowdown is held within a day."""

import pytest

from analysis.stats.simulate import share_band
from tests.calibration import measured_holds as measured

pytestmark = pytest.mark.slow

REPLICATES = 120


def test_holds__two_weeks_of_hourly_looks__few_false_ones_and_harm_is_held_within_20_hours():
    found = measured.holds(REPLICATES)

    for kind in measured.ESTIMATORS:
        assert found[f"{kind}_harmless_held"] <= share_band(round(0.05 * REPLICATES), REPLICATES).upper
        assert found[f"{kind}_severe_held"] == 1.0
        assert found[f"{kind}_mean_hours"] <= 20
