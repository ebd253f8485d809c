# A NotEstimable in place of a number stops these simulations by itself.
# mypy: disable-error-code="union-attr, arg-type, operator"
"""Simulated histories in which nothing happened, panels with few units, and the rest of the comparisons.

Each function returns the shares it measured. Nothing is asserted here; `test_history.py` holds the figures.
"""

from __future__ import annotations

import numpy as np
import statsmodels.api as sm
from scipy import stats

from analysis.stats.compare import Margin, difference, equivalence
from analysis.stats.impact.panels import difference_in_differences, event_study
from analysis.stats.impact.series import difference_of_slices, interrupted_time_series
from analysis.stats.meta import interaction
from analysis.stats.multiplicity import benjamini_hochberg, holm
from analysis.stats.results import Estimate

Figures = dict[str, float]


def lasting(rng, days, persistence, burn_in=60):
    """Autoregressive noise whose innovations have standard deviation 0.05."""
    noise = np.zeros(days + burn_in)
    for day, shock in enumerate(rng.normal(0, 0.05, days + burn_in)):
        noise[day] = shock + (persistence * noise[day - 1] if day else 0.0)
    return noise[burn_in:]


def steps(replicates=2_000, days=120, at=80) -> Figures:
    """A daily series in which nothing happened, by how much its noise lasts: coverage of no step; and of the
    textbook's Newey-West interval."""
    rng = np.random.default_rng(801)
    return {f"at_{share:g}": _covered(rng, share, replicates, days, at) for share in (0.0, 0.3, 0.6, 0.8)} | {
        "newey_west_at_0.6": _covered_by_the_book(rng, replicates, days, at)
    }


def _covered(rng, share, replicates, days, at):
    found = (interrupted_time_series(5 + lasting(rng, days, share), at=at) for _ in range(replicates))
    return sum(0.0 in each.confidence_interval for each in found) / replicates


def _covered_by_the_book(rng, replicates, days, at):
    day = np.arange(days)
    weekdays = [day % 7 == each for each in range(1, 7)]
    columns = np.column_stack([np.ones(days), day, day >= at, np.maximum(day - at, 0), *weekdays]).astype(
        float
    )
    covered = 0
    for _ in range(replicates):
        fit = sm.OLS(lasting(rng, days, 0.6), columns).fit(cov_type="HAC", cov_kwds={"maxlags": 7})
        covered += abs(fit.params[2]) < 1.96 * fit.bse[2]
    return covered / replicates


def drifts(replicates=1_000, days=200, start=180) -> Figures:
    """Two slices that run alike: how often a drift is told, by how much their gap lasts."""
    rng = np.random.default_rng(802)
    flat = 800 + 400.0 * (np.arange(days) >= start)
    found = {}
    for share in (0.0, 0.5, 0.8):
        gaps = (np.exp(lasting(rng, days, share)) for _ in range(replicates))
        told = sum(
            not difference_of_slices(
                (gap, np.ones(days)), (flat, np.full(days, 800.0)), start=start, end=start + 5
            ).was_parallel
            for gap in gaps
        )
        found[f"at_{share:g}"] = told / replicates
    return found


def panels(replicates=2_000, units=20, periods=10, at=6) -> Figures:
    """Seven of twenty units treated without effect: coverage of both estimators, size of the trend test."""
    rng, treated = np.random.default_rng(803), (np.arange(units) < 7).tolist()
    whole = last = trend = 0
    for _ in range(replicates):
        panel = rng.normal(0, 3, (units, 1)) + rng.normal(0, 1, periods) + rng.normal(0, 1, (units, periods))
        whole += 0.0 in difference_in_differences(panel.tolist(), treated, at=at).confidence_interval
        study = event_study(panel.tolist(), treated, at=at)
        last += abs(study.effects[-1]) < 2.093 * study.standard_errors[-1]
        trend += study.trend_p_value < 0.05
    return {"whole": whole / replicates, "last": last / replicates, "trend": trend / replicates}


def trends(replicates=1_000) -> Figures:
    """Panels without effect: size of the test of the trend before, ten of fifty units treated and five
    earlier periods; five of 24 and eight; and of the joint F test of clustered coefficients by the book."""
    rng = np.random.default_rng(807)
    wide = [rng.normal(0, 1, (50, 10)) for _ in range(replicates)]
    long = [rng.normal(0, 1, (24, 12)) for _ in range(replicates)]
    told = {
        "ten_of_fifty": [_trend(panel, 10, 6) < 0.05 for panel in wide],
        "five_of_24": [_trend(panel, 5, 9) < 0.05 for panel in long],
        "clustered_f_ten_of_fifty": [_clustered_f(panel, 10, 6) < 0.05 for panel in wide],
    }
    return {name: float(np.mean(each)) for name, each in told.items()}


def _trend(panel, treated, at):
    hit = np.arange(len(panel)) < treated
    return event_study(panel.tolist(), hit.tolist(), at=at).trend_p_value


def _clustered_f(panel, treated, at):
    """Wald's test of the gaps to the reference, errors clustered by unit, F with G - 1 degrees of freedom."""
    gaps = panel[:, : at - 1] - panel[:, [at - 1]]
    hit, units, earlier = np.arange(len(panel)) < treated, len(panel), at - 1
    change = gaps[hit].mean(axis=0) - gaps[~hit].mean(axis=0)
    within = [gaps[group] - gaps[group].mean(axis=0) for group in (hit, ~hit)]
    spread = sum(each.T @ each / len(each) ** 2 for each in within) * units / (units - 1)
    statistic = change @ np.linalg.solve(spread, change) / earlier
    return stats.f.sf(statistic, earlier, units - 1)


def arms_of(rng, replicates, arms, units):
    """Skewed values, as estimates [replicates][arms]."""
    rows = rng.gamma(2.0, 1.0, (replicates, arms, units))
    means, variances = rows.mean(axis=2), rows.var(axis=2, ddof=1) / units
    return [
        [Estimate(float(m), float(v), units - 1) for m, v in zip(*each, strict=True)]
        for each in zip(means, variances, strict=True)
    ]


def equivalences(replicates=10_000, margin=0.2) -> Figures:
    """A true difference as large as the margin, and none: how often equivalence is shown."""
    rng, limit = np.random.default_rng(804), Margin(margin)
    pairs = arms_of(rng, replicates, 2, 1_000)
    moved = [(a, Estimate(b.value + margin, b.variance, b.degrees_of_freedom)) for a, b in pairs]
    size = sum(equivalence(a, b, margin=limit).rejects for a, b in moved)
    power = sum(equivalence(a, b, margin=limit).rejects for a, b in pairs)
    return {"size": size / replicates, "power": power / replicates}


def interactions(replicates=10_000) -> Figures:
    """Two experiments without any effect on the same units, a hundred in each pair of arms."""
    rng = np.random.default_rng(805)
    cells = arms_of(rng, replicates, 4, 100)
    told = sum(interaction(difference(a, b), difference(c, d)).rejects for a, b, c, d in cells)
    return {"false": told / replicates}


def families(replicates=10_000, nulls=15, effects=5) -> Figures:
    """Twenty comparisons, five of them with an effect of three errors: wrong ones at all, and their share."""
    rng = np.random.default_rng(806)
    z = rng.normal(size=(replicates, nulls + effects))
    z[:, nulls:] += 3.0
    p_values = np.vectorize(lambda at: difference(Estimate(0.0, 0.5), Estimate(at, 0.5)).p_value)(z)
    any_wrong = sum((holm(row)[:nulls] <= 0.05).any() for row in p_values)
    shares = []
    for row in p_values:
        told = benjamini_hochberg(row) <= 0.05
        shares.append(told[:nulls].sum() / max(told.sum(), 1))
    return {"holm": any_wrong / replicates, "false_discovery": float(np.mean(shares))}
