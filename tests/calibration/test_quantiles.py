"""Calibration of clustered quantiles."""

import pytest

from tests.calibration import measured_quantiles as measured
from tests.calibration.test_estimators import holds

pytestmark = pytest.mark.slow


def test_quantiles__eight_hundred_users__coverage_where_independent_sessions_must_fail():
    found = measured.coverage_of_quantiles()

    for name in ("p50", "p90", "p95"):
        assert 0.94 <= found[name] <= 0.96
    assert 0.93 <= found["p99"] <= 0.97
    assert all(found[f"{name}_independent"] < 0.90 for name in ("p50", "p90", "p95", "p99"))


def test_margins__loss_of_exactly_the_margin__passes_at_alpha_and_a_known_control_must_fail():
    found = measured.margins()

    assert holds(found["p95"], 0.05, 3_000)
    assert holds(found["ratio"], 0.05, 3_000)
    assert found["p95_control_taken_as_known"] > 0.08


def test_quantiles__sixteen_looks__always_valid_keeps_alpha_and_peeking_must_fail():
    found = measured.looking_often_at_a_quantile()

    for name in ("p50", "p95"):
        assert found[f"{name}_always_valid"] <= 0.05
        assert found[f"{name}_peeking"] > 0.15
