"""The whole reading against plain Python, on small random sets of rows in which all that is odd happens.

Times lie on whole hours, so that events meet the ends of windows, midnight, the data cut and exposures; rows
come late, between looks; plans differ in arms, filters, exclusions, trigger and windows. What looks keep of
earlier days is held against the same computation.
"""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from analysis.engines.contract import Arrivals, Group
from analysis.engines.duckdb import DuckDBEngine
from analysis.plan import CURVE_SHARES, AnalysisPlan, planned_metric
from analysis.stats.quantiles import QuantileStat
from experiments.plan import Trigger
from metrics.definitions import Cap, Kind, Measure, Source
from tests.core.analysis import brute_force
from tests.core.analysis.growing import Store
from tests.core.analysis.store import START, at, event, exposure
from tests.core.analysis.world import definition

DAYS = 5
QUICK = (2, 7)
SEEDS = [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in range(40)]
LEVELS = ("ios", "web", "", "日本")
VALUES = (None, 0.0, -2.0, 1.0, 1.5, 3.0, 40.0, 0.01, -7.0)


def metrics(draw):
    """Some of every kind, with windows, covariates and caps that differ from time to time."""
    hours = lambda: draw.choice([None, 1, 24, 48, 200])  # noqa: E731
    days = lambda: draw.choice([None, 1, 3])  # noqa: E731
    caps = [None, Cap(percentile=80), Cap(absolute=2.0, floor=-1.0)]
    where = draw.choice([(), (("ok", "yes"),)])
    all_of_them = [
        definition(
            "spend", Kind.MEAN, "a", window_hours=hours(), covariate_days=days(), cap=draw.choice(caps)
        ),
        definition("total", Kind.MEAN, "a", where=where, window_hours=hours()),
        definition("uses", Kind.COUNT, "b", value=Measure.COUNT, window_hours=hours(), covariate_days=days()),
        definition("users", Kind.PROPORTION, "b", value=Measure.COUNT, where=where, window_hours=hours()),
        definition(
            "rate",
            Kind.RATIO,
            "a",
            denominator=Source("b", draw.choice(list(Measure))),
            window_hours=hours(),
            covariate_days=days(),
            cap=draw.choice(caps),
        ),
        definition("slow", Kind.QUANTILE, "b", quantile=0.9, where=where, window_hours=hours()),
    ]
    return draw.sample(all_of_them, 4)


def a_plan(draw, definitions):
    arms = draw.choice([("control", "treatment"), ("control", "treatment", "other")])
    return AnalysisPlan(
        experiment="speed",
        unit_type="user",
        arms=arms,
        variants=tuple({"control": "off", "treatment": "on", "other": "high"}[arm] for arm in arms),
        since=at(draw.choice([0, 5.5])),
        began_at=draw.choice([None, None, at(-30)]),
        until=START,
        metrics=tuple(map(planned_metric, definitions)),
        filters=draw.choice([(), (("country", "NL"),)]),
        dimensions=draw.choice([(), ("device",), ("device", "country")]),
        excluded=draw.choice([(), (("traffic", "bot"), ("traffic", "internal"))]),
        trigger=draw.choice([None, None, Trigger("b"), Trigger("a", (("ok", "yes"),))]),
    )


def rows(draw, units=24):
    """One bucket, so that a look reads few files."""
    exposures, events = [], []
    variants = draw.choice([("off", "on", "high"), ("off", "on"), ("on",)])
    for number in range(units):
        exposures += _exposures(draw, number * 16, draw.choice(variants))
        events += _events(draw, number * 16, exposures[-1]["ts"])
    return exposures, events


def _exposures(draw, unit, variant):
    found = []
    for _ in range(draw.choice([1, 1, 2, 4])):
        dims = {name: draw.choice(of) for name, of in (("device", LEVELS), ("country", ("NL", "NL", "BE")))}
        dims |= {"traffic": draw.choice(["bot", "internal"])} if draw.random() < 0.05 else {}
        dims = {name: value for name, value in dims.items() if draw.random() < 0.9}
        seen = draw.choice(["off", "on", "sideways"]) if draw.random() < 0.05 else variant
        found.append(
            exposure(
                unit,
                seen,
                at(draw.randrange(-6, DAYS * 24)),
                dims=dims,
                forced=draw.random() < 0.08,
                experiment="speed" if draw.random() < 0.95 else "another",
                unit_type="user" if draw.random() < 0.95 else "device",
            )
        )
    return found


def _events(draw, unit, seen_at):
    """Half of them on whole hours around an exposure; some exactly at it, some twice."""
    found = []
    for _ in range(draw.choice([0, 0, 3, 8])):
        near = seen_at + timedelta(hours=draw.choice([-72, -24, -1, 0, 0, 1, 24, 48]))
        when = draw.choice([near, near - timedelta(microseconds=1), at(draw.randrange(-96, DAYS * 24))])
        dims = {"ok": draw.choice(["yes", "no"])} if draw.random() < 0.8 else {}
        found.append(event(unit, draw.choice("abc"), when, draw.choice(VALUES), dims=dims))
    return found + found[:1]


def batches(draw, exposures, events, looks):
    """Rows by the look before which they come in: most in time, some later."""
    parts = [([], []) for _ in looks]
    for kind, listed in enumerate((exposures, events)):
        for row in draw.sample(listed, len(listed)):
            in_time = [number for number, hours in enumerate(looks) if row["ts"] < at(hours)]
            if in_time:
                parts[in_time[0] if draw.random() < 0.8 else draw.choice(in_time)][kind].append(row)
    return parts


def assert_equal(found, plan, definitions, exposures, events):
    units, left_out = brute_force.enrolled(plan, exposures, events)
    enrolment = found.enrolment
    assert {name: getattr(enrolment, name) for name in left_out} == left_out
    assert enrolment.by_day == Counter((first["ts"].date(), arm) for arm, first in units.values())
    groups = members(plan, units)
    assert enrolment.units == {group: len(of) for group, of in groups.items()}
    for of in definitions:
        if of.kind is Kind.QUANTILE:
            assert_same_quantiles(found, plan, of, groups, exposures, events)
        else:
            assert_same_moments(found, plan, of, groups, exposures, events)
    assert_same_arrivals(found.arrivals, plan, units, events)


def members(plan, units):
    """Units by group."""
    found = {}
    for unit, (arm, first) in units.items():
        levels = [(name, level_of(plan, first, name)) for name in plan.dimensions]
        for place in [("", ""), *levels]:
            found.setdefault(Group(arm, *place), []).append(unit)
    return found


def level_of(plan, first, name):
    return first["levels"].get(name, "(none)")


def assert_same_moments(found, plan, of, groups, exposures, events):
    planned = planned_metric(of)
    for vector, cap in ((planned.vector, True), (planned.uncapped, False)):
        if vector is None:
            continue
        values, _ = brute_force.vectors(plan, of, exposures, events, cap=cap)
        expected = {g: [values[u] for u in listed if u in values] for g, listed in groups.items()}
        expected = {group: brute_force.moments(listed) for group, listed in expected.items() if listed}
        assert found.moments[vector].keys() == expected.keys()
        for group, (n, mean, comoment) in expected.items():
            other = found.moments[vector][group]
            scale = np.sqrt(np.outer(comoment.diagonal(), comoment.diagonal()))
            assert other.n == n
            np.testing.assert_allclose(other.mean, mean, rtol=1e-12, atol=1e-13)
            assert (abs(other.comoment - comoment) <= 1e-11 * scale + 1e-11).all()


def assert_same_quantiles(found, plan, of, groups, exposures, events):
    stream = planned_metric(of).stream
    listed = brute_force.stream_of(plan, of, exposures, events)
    by_unit = {}
    for _, _, unit, value in listed:
        by_unit.setdefault(unit, []).append(value)
    for group, units in groups.items():
        values = [(value, unit) for unit in units for value in by_unit.get(unit, [])]
        for share in (0.9,) if group.dimension else CURVE_SHARES:
            stat = found.quantiles.get((stream, share), {}).get(group)
            assert (stat is None) == (not values)
            if stat is not None:
                expected = QuantileStat.from_sessions(*map(list, zip(*values, strict=True)), share)
                assert (stat.n, stat.value, stat.lower, stat.upper) == (
                    expected.n,
                    expected.value,
                    expected.lower,
                    expected.upper,
                )
                assert stat.cluster.n == expected.cluster.n
                np.testing.assert_allclose(stat.cluster.comoment, expected.cluster.comoment, atol=1e-9)


def assert_same_arrivals(found, plan, units, events):
    hour = lambda ts: ts.replace(minute=0, second=0, microsecond=0)  # noqa: E731
    named = [row for row in events if row["name"] in plan.events and plan.last_day <= row["ts"] < plan.until]
    assert found == Arrivals(
        Counter((hour(first["ts"]), arm) for arm, first in units.values()),
        Counter((hour(row["ts"]), units[row["unit"]][0]) for row in named if row["unit"] in units),
        Counter(hour(row["ts"]) for row in named if row["unit"] not in units),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_looks__anything_that_happens__same_as_plain_python(tmp_path, seed):
    draw = random.Random(seed)
    definitions = metrics(draw)
    plan, store = a_plan(draw, definitions), Store(tmp_path)
    looks = [draw.randrange(1, 48), draw.choice([48, 72, 95]), DAYS * 24]
    seen = ([], [])
    for hours, batch in zip(looks, batches(draw, *rows(draw), looks), strict=True):
        store.add(*batch)
        for kind, listed in enumerate(batch):
            seen[kind].extend(listed)
        now = replace(plan, until=at(hours))

        found = DuckDBEngine(tmp_path, rows_per_partition=1, rollups=store.kept).read(now, store.listed(), {})

        assert_equal(found, now, definitions, *seen)
