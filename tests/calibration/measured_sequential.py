# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Simulations of looking often: the guardrail monitor, always-valid intervals, the sample-ratio e-value.

The monitor is simulated on its score process (z at equal steps of information), with the bounds taken from
the product's own functions; a check on single paths shows that `GuardrailMonitor.judge` says the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from analysis.health_checks import BALANCE_FAIL, IMBALANCE
from analysis.stats import srm
from analysis.stats.compare import difference
from analysis.stats.estimators import mean, proportion
from analysis.stats.moments import Moments
from analysis.stats.monitor import GuardrailMonitor, MonitorLook, look_of
from analysis.stats.results import Estimate, NotEstimable
from analysis.stats.sequential import AlwaysValid, clock_unit, tuned_tau2
from analysis.stats.simulate import z_paths
from analysis.stats.spending import bounds_that_spend, spent

Figures = dict[str, float]

HOURS = 336
SCHEDULED = np.array([hour for hour in range(1, HOURS + 1) if hour <= 24 or hour % 24 == 0])
MONITOR = GuardrailMonitor(planned_information=1.0)


def hourly_bounds():
    """z bounds of the hybrid at each of 336 hourly looks: the lower of its two halves where both ask."""
    shares = np.arange(1, HOURS + 1) / HOURS
    bounds = np.array([MONITOR.always_valid.multiplier(share**-0.5) for share in shares])
    first_day = MONITOR.alpha * MONITOR.first_day_share
    rest = MONITOR.alpha * (1 - MONITOR.always_valid_share) - first_day
    totals = [first_day * min(1.0, hour / 24) + spent(hour / HOURS, rest) for hour in SCHEDULED]
    at = SCHEDULED - 1
    bounds[at] = np.minimum(bounds[at], bounds_that_spend(shares[at].tolist(), totals))
    return bounds


def monitor_over_two_weeks(replicates=20_000) -> Figures:
    """336 hourly looks, one-sided alpha 5 %; drift in units of the final z, 2.486 = 80 % power when fixed."""
    bounds = hourly_bounds()
    figures: Figures = {}
    for seed, (name, drift) in enumerate(
        {"no_effect": 0.0, "drift_2.5": 2.486, "drift_4": 4.0, "drift_8": 8.0, "drift_16": 16.0}.items()
    ):
        paths = z_paths(np.random.default_rng(300 + seed), replicates, HOURS, drift)
        beyond = paths > bounds
        alarmed = beyond.any(axis=1)
        hours = np.where(alarmed, beyond.argmax(axis=1) + 1, HOURS)
        figures |= {f"{name}_alarms": float(alarmed.mean()), f"{name}_mean_hours": float(hours.mean())}
        figures[f"{name}_90%_hours"] = float(np.quantile(hours, 0.9))
        figures[f"{name}_naive"] = float((paths > 1.645).any(axis=1).mean())
        figures[f"{name}_fixed"] = float((paths[:, -1] > 1.645).mean())
    return figures


def judge_on_paths(paths=200) -> Figures:
    """Share of paths on which `GuardrailMonitor.judge` alarms at the very look the bounds say."""
    bounds, same = hourly_bounds(), 0
    shares = np.arange(1, HOURS + 1) / HOURS
    for z in z_paths(np.random.default_rng(310), paths, HOURS, drift=2.0):
        looks = [
            MonitorLook(score / i**0.5, i**-0.5, 10_000, hour, scheduled=hour in SCHEDULED)
            for hour, (score, i) in enumerate(zip(z, shares, strict=True), start=1)
        ]
        beyond = z > bounds
        expected = int(beyond.argmax()) if beyond.any() else None
        same += MONITOR.judge(looks).alarm_look == expected
    return {"same": same / paths}


def always_valid_two_sided(replicates=20_000) -> Figures:
    """336 hourly looks without effect, two-sided 5 %: always valid, and 1.96 at every look."""
    shares = np.arange(1, HOURS + 1) / HOURS
    paths = np.abs(z_paths(np.random.default_rng(320), replicates, HOURS))
    test = AlwaysValid(tuned_tau2(1.0))
    bounds = np.array([test.multiplier(share**-0.5) for share in shares])
    return {
        "always_valid": float((paths > bounds).any(axis=1).mean()),
        "peeking_at_1.96": float((paths > 1.96).any(axis=1).mean()),
    }


def rare_events(replicates=1_000) -> Figures:
    """14 daily looks at a share of 0.1 % growing to 4,000 units an arm, no effect: one-sided always-valid
    alarms while there are few events."""
    days = np.arange(1, 15)
    sizes = 4_000 * days // 14
    alarms = 0
    for stream in np.random.SeedSequence(330).spawn(replicates):
        rng = np.random.default_rng(stream)
        events = [np.cumsum(rng.binomial(np.diff(sizes, prepend=0), 0.001)) for _ in range(2)]
        test = AlwaysValid(tuned_tau2(2 * 0.001 / 4_000, sides=1), sides=1)
        looks = (
            difference(*(share(arm[k], sizes[k]) for arm in events), alternative="greater")
            for k in range(len(days))
        )
        alarms += any(test.of(look).rejects for look in looks)
    return {"false_alarms": alarms / replicates}


LOOKS_HOURS = (4, 8, 12, 18, *range(24, HOURS + 1, 24))


def growing_totals(replicates=400, users=6_000) -> Figures:
    """Events per user to date, users arriving evenly over two weeks, scales set at the first look with enough
    users. Without effect, and with four standard errors at the end: the clock in the metric's level with
    alpha spent by time, against the clock in events, whose early information says nothing about the end."""
    figures: Figures = {}
    for seed, (name, effect) in enumerate({"no_effect": 0.0, "effect": 0.12}.items()):
        alarms: Counter[str] = Counter()
        for stream in np.random.SeedSequence(350 + seed).spawn(replicates):
            rng = np.random.default_rng(stream)
            arms = [totals_to_date(rng, users, 1 + change) for change in (0.0, effect)]
            alarms.update(alarms_on_totals(arms, users))
        figures |= {f"{name}_{kind}": alarms[kind] / replicates for kind in KINDS}
    return figures


KINDS = ("fixed", "level_monitor", "level_always_valid", "absolute_monitor")


def totals_to_date(rng, users, factor):
    """Moments of events per user to date at each look; rates differ between users for good."""
    arrival = np.sort(rng.uniform(0, HOURS, users))
    per_hour = factor * rng.gamma(1.0, 0.3 / 24, users)
    total, before, found = np.zeros(users), 0.0, []
    for hour in LOOKS_HOURS:
        here = np.searchsorted(arrival, hour)
        total[:here] += rng.poisson(per_hour[:here] * (hour - np.maximum(arrival[:here], before)))
        before = hour
        found.append(Moments.from_rows(total[:here]))
    return found


def alarms_on_totals(arms, users):
    """Which of the procedures alarm on one experiment."""
    looks: dict[str, list[MonitorLook]] = {"level": [], "absolute": []}
    planned: dict[str, float] = {}
    always_valid = False
    for hour, *moments in zip(LOOKS_HOURS, *arms, strict=True):
        control, treatment = map(mean, moments)
        compared, level = difference(control, treatment), clock_unit(control, treatment)
        enrolled = min(part.n for part in moments)
        if enrolled < 100 or isinstance(compared, NotEstimable) or level is None:
            continue
        at = {"better": "down", "units": enrolled, "hours": hour, "scheduled": hour % 24 == 0}
        looks["level"].append(look_of(compared, **at, unit=level, plan_share=hour / HOURS))
        looks["absolute"].append(look_of(compared, **at))
        for clock, found in looks.items():
            planned.setdefault(clock, found[0].information * users / enrolled)
        always_valid |= AlwaysValid(tuned_tau2(1 / planned["level"])).of(compared, unit=level).rejects
    return {
        "fixed": compared.rejects,
        "level_monitor": GuardrailMonitor(planned["level"]).judge(looks["level"]).is_alarm,
        "level_always_valid": always_valid,
        "absolute_monitor": GuardrailMonitor(planned["absolute"]).judge(looks["absolute"]).is_alarm,
    }


def pre_periods(replicates=1_000, users=20_000) -> Figures:
    """A skewed value from before, 20,000 users an arm arriving evenly, a look every hour of the first day and
    every day: how often the arms are called different at 0.001 when they are alike, and when one of them is 5
    or 10 % higher; by the check of the product, and by Welch's test at every look."""
    looks = np.array([*range(1, 25), *range(48, HOURS + 1, 24)]) * users // HOURS
    figures: Figures = {}
    for seed, (name, factor) in enumerate({"alike": 1.0, "by_5": 1.05, "by_10": 1.1}.items()):
        told = Counter(
            kind
            for stream in np.random.SeedSequence(370 + seed).spawn(replicates)
            for kind in _told_before(np.random.default_rng(stream), looks, factor)
        )
        figures |= {f"{name}_{kind}": told[kind] / replicates for kind in ("check", "welch")}
    return figures


def _told_before(rng, looks, factor):
    """Which of the two tests told a difference at any look with 100 units."""
    sizes = looks[looks >= 100]
    arms = [_means_to_date(scale * rng.lognormal(0.0, 1.0, sizes[-1]), sizes) for scale in (1.0, factor)]
    told = set()
    for control, treatment in zip(*arms, strict=True):
        compared = difference(control, treatment)
        always = IMBALANCE.of(compared, unit=clock_unit(control, treatment))
        told |= {"welch"} if compared.p_value < BALANCE_FAIL else set()
        told |= {"check"} if always.p_value < BALANCE_FAIL else set()
    return told


def _means_to_date(values, sizes):
    sums, squares = np.cumsum(values)[sizes - 1], np.cumsum(values**2)[sizes - 1]
    variances = (squares - sums**2 / sizes) / (sizes - 1)
    return [
        Estimate(total / n, variance / n, n - 1, n)
        for total, variance, n in zip(sums.tolist(), variances.tolist(), sizes.tolist(), strict=True)
    ]


def share(events, trials):
    return proportion(Moments.from_events(int(events), int(trials)))


def sample_ratio(replicates=2_000, per_hour=300) -> Figures:
    """336 hourly refreshes at 300 users an hour: e-value and chi-square, on a healthy split and on 51/49."""
    figures: Figures = {}
    for seed, (name, probability) in enumerate({"healthy": 0.5, "51_49": 0.51}.items()):
        rng = np.random.default_rng(340 + seed)
        first = np.cumsum(rng.binomial(per_hour, probability, (replicates, HOURS)), axis=1)
        totals = per_hour * np.arange(1, HOURS + 1)
        smallest_e, smallest_chi = smallest_p_values(first, totals)
        for level in (0.05, 0.01, 0.001):
            figures[f"{name}_e_value_{level}"] = float((smallest_e < level).mean())
            figures[f"{name}_chi_square_{level}"] = float((smallest_chi < level).mean())
    return figures


def smallest_p_values(first, totals):
    """Smallest p value over the looks of each path. Both p values depend on the two counts only, so the
    thousands of paths share one table of p values by (look, count)."""
    smallest = np.ones((2, len(first)))
    for look, total in enumerate(totals):
        column = first[:, look]
        for count in np.unique(column):
            pair = (int(count), int(total - count))
            at = column == count
            for row, test in enumerate((srm.e_value, srm.chi_square)):
                smallest[row, at] = np.minimum(smallest[row, at], test(pair, (1, 1)).p_value)
    return smallest


def confirmed_harm(replicates=20_000, margin=4.0) -> Figures:
    """336 hourly looks at a loss of nothing, of exactly the margin and of twice as much (margin in standard
    errors at the end): in which share harm is confirmed and after how many hours, with the whole alpha as in
    `analysis.guardrails` and with that of the hourly half."""
    shares = np.arange(1, HOURS + 1) / HOURS
    bounds = hourly_bounds()
    figures: Figures = {}
    confirming = {
        "whole": replace(MONITOR.always_valid, alpha=MONITOR.alpha),
        "hourly": MONITOR.always_valid,
    }
    for seed, (name, drift) in enumerate({"no_loss": 0.0, "margin": margin, "twice": 2 * margin}.items()):
        paths = z_paths(np.random.default_rng(360 + seed), replicates, HOURS, drift)
        alarmed = np.logical_or.accumulate(paths > bounds, axis=1)
        for level, test in confirming.items():
            beyond = paths - margin * np.sqrt(shares) > [test.multiplier(share**-0.5) for share in shares]
            confirmed = alarmed & beyond
            hours = np.where(confirmed.any(axis=1), confirmed.argmax(axis=1) + 1, HOURS)
            figures[f"{name}_{level}"] = float(confirmed.any(axis=1).mean())
            figures[f"{name}_{level}_mean_hours"] = float(hours.mean())
    return figures
