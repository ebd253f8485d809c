"""Calibration of steps, drifts and panels, of equivalence, interactions and families."""

import pytest

from tests.calibration import measured_history as measured
from tests.calibration.test_estimators import holds

pytestmark = pytest.mark.slow


def test_steps__noise_that_lasts__covered_where_newey_west_by_the_book_must_fail():
    found = measured.steps()

    assert all(0.915 <= found[f"at_{share}"] <= 0.985 for share in ("0", "0.3", "0.6"))
    assert found["at_0.8"] >= 0.90
    assert found["newey_west_at_0.6"] < 0.85


def test_drifts__slices_that_run_alike__told_apart_rarely():
    found = measured.drifts()

    assert found["at_0"] <= 0.08
    assert found["at_0.8"] <= 0.12


def test_panels__few_units__both_estimators_cover_and_the_trend_test_is_at_alpha():
    found = measured.panels()

    assert holds(found["whole"], 0.95, 2_000)
    assert holds(found["last"], 0.95, 2_000)
    assert holds(found["trend"], 0.05, 2_000)


def test_trends__small_groups_and_many_periods__told_at_alpha_where_clustered_f_must_fail():
    found = measured.trends()

    assert holds(found["ten_of_fifty"], 0.05, 1_000)
    # Welch's test of five units against nineteen is a little above its level, eight times over.
    assert found["five_of_24"] <= 0.09
    assert found["clustered_f_ten_of_fifty"] > 0.10


def test_equivalence__difference_of_exactly_the_margin__shown_at_alpha():
    found = measured.equivalences()

    assert holds(found["size"], 0.05, 10_000)
    assert found["power"] > 0.8


def test_interaction__no_effects__told_at_alpha():
    assert holds(measured.interactions()["false"], 0.05, 10_000)


def test_families__some_true_effects__holm_and_benjamini_hochberg_keep_what_they_promise():
    found = measured.families()

    assert found["holm"] <= 0.05
    assert found["false_discovery"] <= 0.05
