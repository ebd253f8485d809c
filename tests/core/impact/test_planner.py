"""What a study can be expected to tell: users, slope, and the chance of a knee against a slow simulation."""

import time

import numpy as np
import pytest

from analysis.stats.impact import DoseArm, Hinge, knee
from analysis.stats.results import Estimate
from impact.caps import Proposal
from impact.planner import BEFORE, BEHIND, KNEE_MS, knee_chance, outlook

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("longer", "chance"), [((1000,), 0.32), ((1000, 2000), 0.77), ((1000, 2000, 3000), 0.95)]
)
def test_knee__usual_ladder_and_longer_doses__chances_of_the_published_table(longer, chance):
    assert knee_chance((50, 100, 200, 400, *longer), 0.05, MILLION) == pytest.approx(chance, abs=0.07)


def test_knee__no_knee_there__declared_in_hardly_any():
    assert knee_chance((100, 250, 500, 1000, 2000), 0.05, MILLION, behind=BEFORE) <= 0.04


def test_knee__against_the_estimator_itself__the_same_chance():
    doses, rng, declared = (250, 500, 1000, 2000), np.random.default_rng(5), 0

    for _ in range(60):
        arms = []
        for dose in (0, *doses):
            change = (BEFORE * min(dose, KNEE_MS) + BEHIND * max(dose - KNEE_MS, 0)) / 100
            share = 0.05 * (1 + change)
            variance = share * (1 - share) / MILLION
            arms.append(DoseArm(dose, dose, Estimate(float(rng.normal(share, variance**0.5)), variance)))
        declared += isinstance(knee(arms), Hinge)

    assert declared / 60 == pytest.approx(knee_chance(doses, 0.05, MILLION), abs=0.16)


def test_knee__two_doses_or_no_users__no_chance():
    assert knee_chance((100, 400), 0.05, MILLION) == 0
    assert knee_chance((100, 200, 400), 0.05, 0) == 0


def test_outlook__published_table__480_000_users_for_500_ms_at_five_per_cent():
    found = outlook(Proposal((500,), 20_000, 14, 1, 1), level=0.05, units_a_day=MILLION, slope=-0.005)

    assert found.lines[0].units_per_arm == pytest.approx(480_000, rel=0.03)
    assert found.lines[0].days == pytest.approx(24, rel=0.05)
    assert found.units_per_arm == 280_000


def test_outlook__smallest_slope__is_the_one_a_single_dose_was_sized_for():
    found = outlook(Proposal((500,), 20_000, 14, 1, 1), level=0.05, units_a_day=480_000 / 0.28, slope=-0.005)

    assert found.units_per_arm == pytest.approx(480_000, rel=0.01)
    assert found.smallest_slope == pytest.approx(0.005, rel=0.03)


def test_outlook__asked_by_a_page__too_fast_to_be_noticed():
    """It takes less than a tenth of a second of a processor; a slow one gets ten times as much."""
    began = time.process_time()
    outlook(Proposal((60, 110, 220, 440), 20_000, 14, 1, 1), level=0.051, units_a_day=3e6, slope=-0.003)

    assert time.process_time() - began < 1
