"""Calibration of holds: two weeks of looks at simulated experiments, held and stopped as by the product."""

import pytest

from analysis.stats.simulate import share_band
from tests.calibration import measured_holds as measured

pytestmark = pytest.mark.slow

ALPHA, REPLICATES = 0.05, 2_000
AT_MOST = share_band(round(ALPHA * REPLICATES), REPLICATES).upper
"""A procedure that keeps alpha exactly stays below this in 1,999 of 2,000 calibrations."""


@pytest.mark.parametrize("name", measured.HARMLESS)
def test_harmless__two_weeks_of_looks__held_no_more_often_than_alpha_and_peeking_must_fail(name):
    found = measured.harmless_holds(REPLICATES, (name,))

    assert found[f"{name}_held"] <= AT_MOST
    assert found[f"{name}_stopped"] <= ALPHA / 2
    assert found[f"{name}_peeking"] > 2 * ALPHA


@pytest.mark.parametrize("name", measured.ACCEPTED)
def test_loss_as_large_as_the_margin__two_weeks_of_looks__stopped_no_more_often_than_alpha(name):
    assert measured.accepted_stops(REPLICATES, (name,))[f"{name}_stopped"] <= AT_MOST


@pytest.mark.parametrize("name", measured.SEVERE)
def test_harm_of_16_standard_errors__held_within_20_hours(name):
    found = measured.severe_hours(names=(name,))

    assert found[f"{name}_mean_hours"] <= 20
    assert found[f"{name}_50%_hours"] <= 15
