"""How often harmless experiments are held, how often one is stopped for a loss that was accepted, how soon
severe harm is held: two weeks of looks at simulated users, judged by the product.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.stats.monitor import MIN_UNITS_PER_ARM
from metrics.definitions import Direction
from tests.calibration.monitored import Case, can_trip, outcome, run, scores
from tests.calibration.simulated_traffic import Traffic

Figures = dict[str, float]

STAYING, RETURNING = Traffic(4_000, returns=False), Traffic(4_000)
HARMLESS = {
    "mean": Case("mean", RETURNING),
    "ratio": Case("ratio", RETURNING),
    "ratio_first_visits": Case("ratio", STAYING),
    "ratio_hourly": Case("ratio", RETURNING, is_hourly=True),
    "quantile": Case("quantile", RETURNING),
    "mean_up_one_in_ten": Case("mean", Traffic(9_000), better=Direction.UP, treatment=1 / 9),
}
"""No effect at all, and no margin that could rule a loss out: every hold is a false one."""

MARGIN = 0.05
ACCEPTED = {
    kind: Case(kind, RETURNING, slowdown=MARGIN, margin=MARGIN) for kind in ("mean", "ratio", "quantile")
}
"""Slower by exactly the largest loss accepted: holding is right, stopping for a larger loss is false."""

SEVERE = {kind: Case(kind, Traffic(10_000, returns=False)) for kind in ("mean", "ratio", "quantile")}
SEVERE["ratio_returning"] = Case("ratio", Traffic(10_000))
ERRORS = 16.0


def harmless_holds(replicates=2_000, names=tuple(HARMLESS)) -> Figures:
    """Share of experiments without any effect that are held, that are stopped, and in which z passes 1.96 at
    some look."""
    figures: Figures = {}
    for seed, name in enumerate(HARMLESS):
        if name in names:
            found = [_harmless(rng, HARMLESS[name]) for rng in streams(500 + seed, replicates)]
            shares = map(float, np.mean(found, axis=0))
            figures |= zip((f"{name}_held", f"{name}_stopped", f"{name}_peeking"), shares, strict=True)
    return figures


def accepted_stops(replicates=2_000, names=tuple(ACCEPTED)) -> Figures:
    """Share of experiments that are stopped while the true loss equals the margin."""
    figures: Figures = {}
    for seed, name in enumerate(ACCEPTED):
        if name in names:
            stopped = [_stopped(rng, ACCEPTED[name]) for rng in streams(520 + seed, replicates)]
            figures[f"{name}_stopped"] = float(np.mean(stopped))
    return figures


def severe_hours(replicates=200, names=tuple(SEVERE)) -> Figures:
    """Hours until harm is held that is 16 standard errors after two weeks."""
    figures: Figures = {}
    for seed, name in enumerate(SEVERE):
        if name in names:
            hours = hours_to_hold(SEVERE[name], 540 + seed, replicates)
            figures[f"{name}_mean_hours"] = float(hours.mean())
            for share in (0.5, 0.9):
                figures[f"{name}_{share:.0%}_hours"] = float(np.quantile(hours, share))
    return figures


def hours_to_hold(case, seed, replicates):
    """Of one case with severe harm; infinite where nothing was held in a week."""
    harmed = replace(case, slowdown=slowdown_of(case, ERRORS))
    drawn = (run(rng, harmed, until=168) for rng in streams(seed, replicates))
    return np.array([outcome(each, stop_at_hold=True).held for each in drawn])


def slowdown_of(case, errors, replicates=20):
    """The slowdown whose z after two weeks is so large on average. Its own error grows with it, so the first
    guess, from harmless experiments, is corrected once."""
    still = np.mean([scores(run(rng, case))[1][-1] for rng in streams(560, replicates)])
    guess = replace(case, slowdown=errors * float(still))
    reached = np.mean([scores(run(rng, guess))[0][-1] for rng in streams(561, replicates)])
    return guess.slowdown * errors / float(reached)


def streams(seed, replicates):
    return map(np.random.default_rng, np.random.SeedSequence(seed).spawn(replicates))


def _harmless(rng, case):
    """(held, stopped, z passed 1.96 at some look)."""
    found = run(rng, case)
    peeked = bool((scores(found)[0][found.units >= MIN_UNITS_PER_ARM] > 1.96).any())
    if not can_trip(found):
        return False, False, peeked
    ended = outcome(found)
    return bool(np.isfinite(ended.held)), bool(np.isfinite(ended.rolled_back)), peeked


def _stopped(rng, case):
    found = run(rng, case)
    return can_trip(found, loss=case.margin) and bool(np.isfinite(outcome(found).rolled_back))
