"""What an ablation study promises, from the SDK's delay through edge and worker to the slope."""

import pytest

from tests.calibration import measured_impact_pipeline as measured

pytestmark = pytest.mark.slow


def test_pipeline__200_studies__interval_covers_the_planted_slope_and_the_placebo_is_silent(
    django_db_blocker,
):
    with django_db_blocker.unblock():
        found = measured.pipeline()

    assert 0.92 <= found["coverage"] <= 0.98
    assert found["mean_percent"] == pytest.approx(-20, abs=2)
    assert found["stated_error_percent"] == pytest.approx(found["sd_percent"], rel=0.2)
    assert found["reached"] == pytest.approx(0.9, abs=0.02)
    assert found["strayed_ms"] < 0.001
    assert found["placebo_differs"] <= 0.1
