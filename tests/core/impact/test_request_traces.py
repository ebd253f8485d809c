"""Real request traces with injected delays as a study: what reached users, and the planted slope."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from analysis.stats.compare import difference
from analysis.stats.estimators import mean, proportion
from analysis.stats.impact import DoseArm, InstrumentedArm, dose_response, two_stage_least_squares
from analysis.stats.moments import Moments

DATA = Path(__file__).resolve().parents[3] / "demo" / "data"
BASE, PER_100_MS = 0.5, -0.3
"""Every user would buy in half of the cases; 100 ms more cost three in ten of those."""
SHIFTS = {
    "requests_trainticket_049": (33.3, 37.4),
    "requests_trainticket_162": (50.0, 67.4),
    "requests_eshopper_000": (104.6, 100.4),
}


def latencies(name):
    """Latency of requests by arm: 0 without a delay, 1 and 2 with one in other calls."""
    arms = {"0": [], "1": [], "2": []}
    with gzip.open(DATA / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            arms[row["anomaly"]].append(float(row["Latency"]))
    return [np.array(values) for values in arms.values()]


def bought(latency, usual, rng):
    """Planted: the chance to buy falls with latency."""
    return rng.random(len(latency)) < BASE * (1 + PER_100_MS * (latency - usual) / 100)


@pytest.mark.parametrize("name", SHIFTS)
def test_traces__injected_delays__shifts_recovered_and_a_bootstrap_agrees(name):
    none, *delayed = latencies(name)
    rng = np.random.default_rng(1)

    for values, shift in zip(delayed, SHIFTS[name], strict=True):
        found = difference(mean(Moments.from_rows(none)), mean(Moments.from_rows(values)))
        drawn = [
            rng.choice(values, len(values)).mean() - rng.choice(none, len(none)).mean() for _ in range(400)
        ]

        assert found.estimate == pytest.approx(shift, abs=0.1)
        assert found.standard_error == pytest.approx(np.std(drawn), rel=0.15)
        assert shift in found.confidence_interval


def test_traces__as_a_delivered_dose_study__planted_slope_covered():
    none, *delayed = latencies("requests_eshopper_000")
    usual, covered = float(none.mean()), 0
    arms = [none, *delayed]

    for seed in range(60):
        rng = np.random.default_rng(seed)
        outcomes = [bought(values, usual, rng) for values in arms]
        ladder = [
            DoseArm(
                at, float(values.mean()) - usual if at else 0.0,
                proportion(Moments.from_rows(out)),
            )
            for at, (values, out) in enumerate(zip(arms, outcomes, strict=True))
        ]  # fmt: skip
        covered += PER_100_MS in dose_response(ladder).confidence_interval

    assert covered >= 53


def test_traces__dose_as_instrument__slow_visitors_do_not_bias_it():
    none, *delayed = latencies("requests_trainticket_162")
    rng, arms = np.random.default_rng(4), []
    for dose, values in zip((0.0, 50.0, 67.0), (none, *delayed), strict=True):
        many = rng.choice(values, 60_000)
        own = (many - values.mean()) / 100
        # Whoever is slow without any delay buys far less for other reasons.
        outcome = rng.random(len(many)) < 0.5 * (1 - 0.2 * (values.mean() - none.mean()) / 100) - 0.6 * own
        arms.append(InstrumentedArm(dose, Moments.from_rows(np.column_stack([outcome, many]))))

    found = two_stage_least_squares(arms)

    assert found.first_stage_f > 1000
    assert found.first_stage_slope == pytest.approx(1, abs=0.05)
    assert -0.1 in found.confidence_interval
    assert found.naive_per_100_ms < -0.15
