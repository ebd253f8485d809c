# A NotEstimable in place of a number stops these simulations by itself.
# mypy: disable-error-code="union-attr"
"""Simulated curves, mixes of donors and series with and without a change of level.

Each function returns the shares it measured. Nothing is asserted here; `test_shapes.py` holds the figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from analysis.stats.changepoints import change_points
from analysis.stats.impact import DoseArm, isotonic_curve
from analysis.stats.impact.panels import Synthetic, synthetic_control
from analysis.stats.results import Estimate
from tests.calibration.measured_history import lasting

Figures = dict[str, float]

DOSES = (0, 50, 100, 200, 400)
CURVES: dict[str, Callable[[float], float]] = {
    "flat": lambda ms: 0.0,
    "line": lambda ms: -0.003 * ms / 100,
    "steep": lambda ms: -0.02 * ms / 100,
    "bent": lambda ms: -0.02 * max(ms - 100, 0.0) / 100,
}


def curves(studies=400, users=1_000_000, base=0.05) -> Figures:
    """Ablation studies whose truth is nowhere rising: coverage of the band at the dose where it is worst, and
    how far the fitted curve is from the truth at most, in errors of one arm's change."""
    rng = np.random.default_rng(901)
    error = math.sqrt(2 * (1 - base) / base / users)
    figures: Figures = {}
    for name, change in CURVES.items():
        truth = np.array([change(dose) for dose in DOSES])
        found = [_curve(rng, base * (1 + truth), users, seed) for seed in range(studies)]
        inside = [
            (np.array(each.lower) <= truth + 1e-12) & (truth <= np.array(each.upper) + 1e-12)
            for each in found
        ]
        off = np.array([each.changes for each in found]) - truth
        figures[f"{name}_coverage"] = float(np.mean(inside, axis=0).min())
        figures[f"{name}_error"] = float(np.sqrt(np.square(off).mean(axis=0)).max() / error)
    return figures


def _curve(rng, shares, users, seed):
    arms = []
    for dose, share in zip(DOSES, rng.binomial(users, shares) / users, strict=True):
        arms.append(DoseArm(dose, dose, Estimate(share, share * (1 - share) / users, units=users)))
    return isotonic_curve(arms, seed=seed, draws=400)


def mixes(studies=300, donors=19, periods=60, at=40) -> Figures:
    """One series among twenty that share three tides, hit by nothing, by two and by four standard deviations
    of its own noise: how often an effect is told at 5 % (the lowest rank there is), how far its size is off
    on average and as a rule (in deviations), and how often the gap before taken as noise of single periods
    tells one that is not there."""
    figures: Figures = {}
    for name, effect in {"nothing": 0.0, "two": 1.0, "four": 2.0}.items():
        rng = np.random.default_rng(902)
        told, as_noise, off = 0, 0, []
        for _ in range(studies):
            panel = _tides(rng, donors + 1, periods)
            panel[0, at:] += effect
            found = synthetic_control(panel[0].tolist(), panel[1:].tolist(), at=at)
            told += isinstance(found, Synthetic) and found.p_value <= 0.05
            as_noise += abs(found.change) > 1.96 * found.error_before / math.sqrt(periods - at)
            off.append((found.change - effect) / 0.5)
        figures |= {f"{name}_told": told / studies, f"{name}_bias": float(np.mean(off))}
        figures |= {f"{name}_off": float(np.std(off)), f"{name}_as_noise": as_noise / studies}
    return figures


def _tides(rng, units, periods):
    shared = np.array([lasting(rng, periods, 0.7) for _ in range(3)]) * 20
    return 100 + rng.dirichlet(np.ones(3), units) @ shared + rng.normal(0, 0.5, (units, periods))


def levels(series=300, points=100) -> Figures:
    """Series of 100 points that spread by 3 %: in which share of unchanged ones a change is told, by how much
    their noise lasts, and with one value in thirty far off; in which share a step of 5 and of 10 % is found
    within three points of its place, and how often something else is told beside it."""
    figures: Figures = {}
    for share in (0.0, 0.4, 0.6, 0.8):
        rng = np.random.default_rng(903)
        told = sum(bool(change_points(_unchanged(rng, points, share), seed=at)) for at in range(series))
        figures[f"unchanged_{share:g}"] = told / series
    rng = np.random.default_rng(904)
    told = sum(bool(change_points(_far_off(rng, points), seed=at)) for at in range(series))
    figures["unchanged_far_off"] = told / series
    for step in (1.05, 1.10):
        rng = np.random.default_rng(905)
        found = [_stepped(rng, points, step, seed) for seed in range(series)]
        near = [any(abs(each.at - 60) <= 3 for each in changes) for changes in found]
        figures[f"step_{step:g}"] = float(np.mean(near))
        figures[f"step_{step:g}_more"] = float(np.mean([len(changes) > 1 for changes in found]))
    return figures


def _unchanged(rng, points, share):
    noise = lasting(rng, points, share) / 0.05 * math.sqrt(1 - share**2)
    return 100 * np.exp(0.03 * noise)


def _far_off(rng, points):
    values = _unchanged(rng, points, 0.0)
    values[rng.random(points) < 1 / 30] *= 1.5
    return values


def _stepped(rng, points, step, seed):
    values = _unchanged(rng, points, 0.0)
    values[60:] *= step
    return change_points(values, seed=seed)
