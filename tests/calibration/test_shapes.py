"""Calibration of curves, mixes of donors and changes of level."""

import pytest

from analysis.stats.simulate import share_band
from tests.calibration import measured_shapes as measured

pytestmark = pytest.mark.slow


def test_curves__truth_that_never_rises__band_covers_at_every_dose():
    found = measured.curves()

    for name in measured.CURVES:
        covered = round(found[f"{name}_coverage"] * 400)
        assert share_band(covered, 400).upper >= 0.95, name
        assert found[f"{name}_error"] <= 1.1, name


def test_mixes__one_series_among_twenty__told_at_its_level_and_near_its_size_where_plain_noise_must_fail():
    found = measured.mixes()

    assert found["nothing_told"] <= 0.05
    assert found["nothing_as_noise"] > 0.10
    assert found["two_told"] > 0.8
    assert found["four_told"] > 0.95
    for name in ("two", "four"):
        assert abs(found[f"{name}_bias"]) < 0.1
        assert found[f"{name}_off"] < 0.5


def test_levels__unchanged_and_stepped_series__told_rarely_and_found_near_their_place():
    found = measured.levels()

    assert found["unchanged_0"] <= 0.02
    assert found["unchanged_far_off"] <= 0.03
    assert max(found["unchanged_0.4"], found["unchanged_0.6"]) <= 0.06
    assert found["unchanged_0.8"] <= 0.13
    assert found["step_1.05"] > 0.85
    assert found["step_1.1"] > 0.98
    assert max(found["step_1.05_more"], found["step_1.1_more"]) <= 0.05
