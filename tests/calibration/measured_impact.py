# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Simulated ablation studies: coverage of the slope, how often a knee is declared, a placebo that is silent.

Conversion of 5 %, a million users in each arm. Nothing is asserted here; `test_impact.py` holds the figures.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.stats.compare import difference
from analysis.stats.impact import DoseArm, Hinge, dose_response, knee
from analysis.stats.results import Estimate

Figures = dict[str, float]
BASE, USERS, STUDIES = 0.05, 1_000_000, 200
USUAL = (50, 100, 200, 400)
PER_100_MS, REACHED = -0.003, 0.9
KNEE_MS, BEFORE, BEHIND = 500.0, -0.001, -0.006


def arm(rng, dose, change, users=USERS):
    """An arm whose users buy or not; the delay reaches nine requests of ten, and so does its effect."""
    bought = rng.binomial(users, BASE * (1 + change))
    share = bought / users
    return DoseArm(dose, REACHED * dose, Estimate(share, share * (1 - share) / users, units=users))


def slopes(studies=STUDIES) -> Figures:
    """The planted slope per 100 ms that reached users, in the 95 % interval of each study."""
    rng = np.random.default_rng(701)
    covered, errors, found = 0, [], []
    for _ in range(studies):
        slope = dose_response([arm(rng, dose, PER_100_MS * REACHED * dose / 100) for dose in (0, *USUAL)])
        covered += PER_100_MS in slope.confidence_interval
        errors.append(slope.standard_error)
        found.append(slope.per_100_ms)
    return {
        "coverage": covered / studies,
        "mean_percent": float(np.mean(found)) * 100,
        "sd_percent": float(np.std(found)) * 100,
        "stated_error_percent": float(np.mean(errors)) * 100,
    }


def knees(studies=STUDIES) -> Figures:
    """How often a six-fold knee at 500 ms is declared by the longest dose, and one that is not there."""
    rng = np.random.default_rng(702)
    ladders = {"to_1000": (1000,), "to_2000": (1000, 2000), "to_3000": (1000, 2000, 3000)}
    figures = {name: _declared(rng, (0, *USUAL, *longer), _bent, studies) for name, longer in ladders.items()}
    straight = _declared(rng, (0, *USUAL, 1000, 2000), lambda ms: PER_100_MS * ms / 100, 2 * studies)
    return {**figures, "false": straight}


def placebos(studies=2000) -> Figures:
    """A placebo arm against a group that nobody touched: the share that differ at 5 %."""
    rng = np.random.default_rng(703)
    differ = 0
    for _ in range(studies):
        untouched, placebo = (arm(rng, 0, 0.0, users=100_000).outcome for _ in range(2))
        differ += difference(untouched, placebo).rejects
    return {"differ": differ / studies}


def _declared(rng, doses, change, studies):
    declared = 0
    for _ in range(studies):
        ladder = []
        for dose in doses:
            share = BASE * (1 + change(dose))
            variance = share * (1 - share) / USERS
            ladder.append(DoseArm(dose, dose, Estimate(rng.normal(share, math.sqrt(variance)), variance)))
        declared += isinstance(knee(ladder), Hinge)
    return declared / studies


def _bent(ms):
    return (BEFORE * min(ms, KNEE_MS) + BEHIND * max(ms - KNEE_MS, 0.0)) / 100
