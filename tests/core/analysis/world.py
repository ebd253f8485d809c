"""A random but repeatable experiment with every oddity the engine has to get right."""

from datetime import timedelta

import numpy as np

from analysis.plan import AnalysisPlan, planned_metric
from metrics.definitions import Cap, Direction, Kind, Measure, MetricDefinition, Source
from tests.core.analysis.store import START, at, event, exposure

HOURS = 14 * 24


def definition(key, kind, event_name, *, value=Measure.VALUE, where=(), **more):
    settings = {
        "title": key,
        "question": "?",
        "unit": "ms",
        "direction": Direction.DOWN,
        "owner": "o",
        "hypothesis": "h",
        **more,
    }
    return MetricDefinition(key=key, kind=kind, source=Source(event_name, value, where), **settings)


DEFINITIONS = {
    of.key: of
    for of in (
        definition("spend", Kind.MEAN, "purchase", covariate_days=7, cap=Cap(percentile=95)),
        definition("spend-day", Kind.MEAN, "purchase", window_hours=24, cap=Cap(absolute=12.0, floor=0.5)),
        definition("orders", Kind.COUNT, "purchase", value=Measure.COUNT, window_hours=48),
        definition("buyers", Kind.PROPORTION, "purchase", value=Measure.COUNT, covariate_days=3),
        definition(
            "errors-per-request",
            Kind.RATIO,
            "request",
            value=Measure.COUNT,
            where=(("status", "error"),),
            denominator=Source("request", Measure.COUNT),
            covariate_days=7,
            window_hours=72,
        ),
        definition("latency-p90", Kind.QUANTILE, "request", quantile=0.9, where=(("status", "ok"),)),
    )
}


def plan(*keys, **changes):
    """A plan over some of the definitions (all of them when none is named)."""
    chosen = [DEFINITIONS[key] for key in keys] if keys else DEFINITIONS.values()
    settings = {
        "experiment": "speed",
        "unit_type": "user",
        "arms": ("control", "treatment"),
        "variants": ("off", "on"),
        "since": START,
        "until": at(HOURS),
        "metrics": tuple(planned_metric(of) for of in chosen),
        "dimensions": ("device",),
    }
    return AnalysisPlan(**{**settings, **changes})


def rows(seed=1, units=300):
    """Exposures and events of so many units, in a random order."""
    random = np.random.default_rng(seed)
    exposures, events = [], []
    for number in range(units):
        unit = int(random.integers(-(2**63), 2**63 - 1))
        exposures += _exposures(random, unit, number)
        events += _events(random, unit, exposures[-1]["ts"])
    return [exposures[i] for i in random.permutation(len(exposures))], [
        events[i] for i in random.permutation(len(events))
    ]


def _exposures(random, unit, number):
    variant = "on" if random.random() < 0.5 else "off"
    first = at(float(random.uniform(0, HOURS)))
    dims = {} if number % 11 == 0 else {"device": str(random.choice(["ios", "android", "web"]))}
    found = [exposure(unit, variant, first + timedelta(hours=h), dims=dims) for h in (0, 5, 9)]
    if number % 23 == 0:
        found.append(exposure(unit, "on" if variant == "off" else "off", first + timedelta(hours=1)))
    if number % 29 == 0:
        found = [{**row, "forced": True} for row in found]
    if number % 31 == 0:
        found = [{**row, "variant": "sideways"} for row in found]
    if number % 37 == 0:
        found.append(exposure(unit, variant, first - timedelta(hours=2), experiment="another"))
        found.append(exposure(unit, variant, first - timedelta(hours=2), unit_type="device"))
        found.append(exposure(unit, variant, first - timedelta(hours=3), forced=True))
    return [row for row in found if row["ts"] >= START - timedelta(days=1)][::-1]


def _events(random, unit, first):
    scale = float(random.lognormal(0, 1))
    found = []
    for _ in range(int(random.poisson(3))):
        ts = at(float(random.uniform(-10 * 24, HOURS + 24)))
        found.append(event(unit, "purchase", ts, round(float(random.lognormal(1, 1)) * scale, 3)))
    for _ in range(int(random.poisson(6))):
        ts = at(float(random.uniform(-10 * 24, HOURS + 24)))
        status = {"status": "error" if random.random() < 0.1 else "ok"}
        value = None if random.random() < 0.05 else float(np.round(random.lognormal(5, 1), 1))
        found.append(event(unit, "request", ts, value, dims=status))
    # On the edges: the first instant of an exposure counts, the last instant of a window does not.
    edges = [timedelta(0), timedelta(hours=24), timedelta(hours=48), timedelta(days=-3), timedelta(days=-7)]
    found += [event(unit, "purchase", first + edge, 1.0) for edge in edges if random.random() < 0.3]
    found.append(event(unit, "ignored", first, 1e9))
    return found
