# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Simulated ablation studies: coverage of the slope, how often a knee is declared, a placebo that is silent.

Conversion of 5 %, a million users in each arm. Nothing is asserted here; `test_impact.py` holds the figures.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np

from analysis.stats.compare import difference
from analysis.stats.impact import DoseArm, Hinge, dose_response, knee
from analysis.stats.results import Estimate
from impact.history import Donor, Value
from impact.natural import estimate

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


def comparisons(studies=200, *, shock: float = 0.02) -> Figures:
    """An incident of 400 ms for a week in one of nine slices that share three tides: how often the interval
    of the method that the rules choose holds the planted slope. With a shock, every slice strays then."""
    rng = np.random.default_rng(704)
    found = [_incident(rng, shock) for _ in range(studies)]
    covered = [abs(each.per_100_ms - IN_SLICE) <= Z95 * each.standard_error for each in found]
    mixed = [each.method.startswith("synthetic") for each in found]
    return {"coverage": float(np.mean(covered)), "mixed": float(np.mean(mixed))}


IN_SLICE, DAYS, FROM, FOR, OTHERS, Z95 = -0.004, 132, 120, 7, 8, 1.96
FIRST = date(2026, 1, 1)


def _incident(rng, shock):
    tides = np.zeros((3, DAYS))
    for day in range(1, DAYS):
        tides[:, day] = 0.8 * tides[:, day - 1] + rng.normal(0, 0.02, 3)
    hit = (np.arange(DAYS) >= FROM) & (np.arange(DAYS) < FROM + FOR)
    logs = rng.dirichlet(np.ones(3), OTHERS + 1) @ tides + rng.normal(0, 0.01, (OTHERS + 1, DAYS))
    logs += np.outer(rng.normal(0, shock, OTHERS + 1), hit)
    logs[0] += IN_SLICE * 4 * hit
    outcome, latency = BASE * np.exp(logs), 800 + rng.normal(0, 10, logs.shape)
    latency[0] += 400 * hit
    values = [
        Value(
            FIRST + timedelta(days=at),
            (outcome[0, at], outcome[1:, at].mean()),
            (latency[0, at], latency[1:, at].mean()),
        )
        for at in range(DAYS)
    ]
    rest = [Donor(str(at), list(outcome[at]), list(latency[at])) for at in range(1, OTHERS + 1)]
    began = FIRST + timedelta(days=FROM)
    return estimate(values, began_on=began, ended_on=began + timedelta(days=FOR), donors=rest)


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
