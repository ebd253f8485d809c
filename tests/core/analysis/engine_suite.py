"""The conformance suite: what every engine has to pass, one class for each thing that an engine can do.

A new engine's test inherits those that it has and says with a fixture how rows get in front of it
(docs/how-to/add-an-engine.md). Its answers are held against those of DuckDB over the same rows in another
order; DuckDB itself is held to a row-by-row computation (`test_duckdb_engine.py`).
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from analysis.engines.contract import MAX_LEVELS, EngineFailure, StoreFiles
from analysis.engines.duckdb import DuckDBEngine
from analysis.plan import planned_metric
from analysis.stats.moments import merge_all
from experiments.plan import Trigger
from metrics.definitions import Kind, Measure
from tests.core.analysis import store, world
from tests.core.analysis.conformance import TOLERANCE, assert_conforms, assert_same
from tests.core.analysis.store import at, event, exposure

NASTY = "it's \"%s\" {0} $$ \\ \\' --; 日本"


@dataclass(frozen=True)
class Placed:
    """An engine with rows in front of it."""

    engine: Any
    files: StoreFiles = StoreFiles({}, {})  # noqa: RUF009  nothing in it can be changed

    def read(self, plan, caps=None):
        return self.engine.read(plan, self.files, caps or {})

    def parts(self, plan, deal=0):
        return self.engine.parts(plan, self.files, {}, deal)

    def crossed(self, cells, one, other):
        return self.engine.crossed(cells, one, other, self.files)


class Suite:
    """What all classes share. `is_store`: the engine reads the store's files, units have its own numbers."""

    is_store = True

    @pytest.fixture
    def place(self):
        """A function from (exposures, events) to `Placed`."""
        raise NotImplementedError

    def asked(self, place, rows, question):
        """The engine's answer, and the reference's."""
        exposures, events = held(rows, self.is_store)
        return question(place(exposures[::-1], events[::-1])), reference(rows, question, self.is_store)


class Reads(Suite):
    """`Engine.read`."""

    def test_read__every_oddity__same_readings_as_the_reference(self, place):
        found, expected = self.asked(place, world_rows, everything)

        assert_conforms(found, expected)
        assert found.enrolment.crossovers > 0 < found.enrolment.unplanned

    def test_read__frozen_caps_and_filters__kept(self, place):
        found, expected = self.asked(place, world_rows, frozen_and_filtered)

        assert_conforms(found, expected)
        assert set(found.caps.values()) == {7.5}
        assert sum(found.enrolment.units.values()) > 0

    def test_read__trigger_and_excluded_dims__same_readings_as_the_reference(self, place):
        found, expected = self.asked(place, world_rows, triggered)

        assert_conforms(found, expected)
        assert found.enrolment.excluded > 0 < found.enrolment.untriggered

    def test_read__extreme_values_and_texts__same_readings_as_the_reference(self, place):
        found, expected = self.asked(place, extreme_rows, extremes)

        assert_conforms(found, expected)
        levels = {group.level for group in found.enrolment.units} - {""}
        assert NASTY in levels
        assert len(levels) == MAX_LEVELS

    def test_read__large_mean_and_small_spread__variance_keeps_its_digits(self, place):
        exposures, events = held(extreme_rows, self.is_store)
        values = np.array([row["value"] for row in events if row["name"] == "deposit"])

        found = place(exposures, events).read(extreme_plan("deposits", dimensions=()))

        [of_group] = found.moments.values()
        whole = merge_all(list(of_group.values()))
        assert whole.variance() == pytest.approx(np.var(values - 1e9, ddof=1), rel=1e-6)

    def test_read__nothing_there__nobody(self, place):
        found = place([], []).read(world.plan())

        assert found.enrolment.units == {}
        assert found.quantiles == {}
        assert all(groups == {} for groups in found.moments.values())

    def test_read__exposures_but_no_events__zeros_not_missing(self, place):
        plan = world.plan("orders", "latency-p90")

        found = place([exposure(unit, "on", at(1)) for unit in range(5)], []).read(plan)

        [moments] = [of for group, of in found.moments[plan.vectors[0]].items() if not group.dimension]
        assert (moments.n, moments.mean[0], found.quantiles) == (5, 0.0, {})

    @pytest.mark.parametrize("values", [(1e200, -1e200), (float("inf"), 1.0), (float("nan"), 1.0)])
    def test_read__sums_no_statistic_can_be_made_of__refused_with_their_event(self, place, values):
        self.assert_refused(place, "purchase", values, "balance")

    @pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
    def test_read__values_without_a_rank__refused_with_their_event(self, place, value):
        self.assert_refused(place, "request", (value, 1.0), "swing")

    def assert_refused(self, place, name, values, metric):
        exposures = [exposure(unit, "on", at(1)) for unit in range(2)]
        events = [event(unit, name, at(2), value) for unit, value in enumerate(values)]

        with pytest.raises(EngineFailure, match=f"'{name}' hold values that are"):
            place(exposures, events).read(extreme_plan(metric))


class Deals(Suite):
    """`Dealer.parts`."""

    def test_parts__any_deal__the_units_that_a_look_enrols(self, place):
        plan = spend_plan()
        placed = place(*held(world_rows, self.is_store))

        dealt = [placed.parts(plan, deal) for deal in (0, 3)]

        expected = reference(world_rows, spend_parts, self.is_store)
        assert [sorted(part.n for part in of.moments[plan.vectors[0]])[-1] <= 4 for of in dealt] == [True] * 2
        for of in dealt:
            assert_same_totals(of, expected)
        first, other = (np.sort([p.mean[0] for p in of.moments[plan.vectors[0]]]) for of in dealt)
        assert len(first) != len(other) or not np.allclose(first, other)

    def test_parts__units_of_the_store__in_the_same_groups_as_the_references(self, place):
        if not self.is_store:
            pytest.skip("units of own tables are numbered by each engine's own hash")

        found, expected = self.asked(place, world_rows, spend_parts)

        for vector, listed in expected.moments.items():
            assert len(found.moments[vector]) == len(listed)
            for part, other in zip(found.moments[vector], listed, strict=True):
                assert_same(part, other)


class Crosses(Suite):
    """`Crosser.crossed`."""

    def test_crossed__units_of_two_experiments__same_readings_as_the_reference(self, place):
        found, expected = self.asked(place, crossed_rows, both_experiments)

        assert_conforms(found, expected)
        assert len(found.enrolment.units) == 4
        assert found.enrolment.crossovers > 0


def held(rows, is_store):
    """The rows of a data set; own tables hold no forced exposures and one type of units."""
    exposures, events = rows()
    return [row for row in exposures if is_store or not (row["forced"] or row["unit_type"] != "user")], events


@cache
def reference(rows, question, is_store):
    """The reference engine's answer."""
    with TemporaryDirectory() as folder:
        files = store.write(Path(folder), *held(rows, is_store))
        return question(Placed(DuckDBEngine(Path(folder)), files))


def assert_same_totals(found, expected):
    """Of all groups together, whatever their number."""
    assert found.moments.keys() == expected.moments.keys()
    for vector, parts in expected.moments.items():
        assert_same(merge_all(list(found.moments[vector])), merge_all(list(parts)))
    assert found.below.keys() == expected.below.keys()
    for place, parts in expected.below.items():
        assert_same(merge_all(list(found.below[place])), merge_all(list(parts)), TOLERANCE)


# Data sets ...


@cache
def world_rows():
    return world.rows()


@cache
def extreme_rows(units=240):
    """Values far from zero, negative, tiny and alike; more levels than are shown, two of them at one instant;
    texts that are dangerous to an engine that formats them into its statements."""
    random = np.random.default_rng(7)
    exposures, events = [], []
    for unit in range(-units // 2, units // 2):
        device = NASTY if unit % 3 == 0 else f"d{unit % 40:02d}"
        variant = "on" if random.random() < 0.5 else "off"
        exposures += [
            exposure(unit, variant, at(1), dims={"device": name}) for name in (device, f"{device}z")
        ]
        exposures.append(exposure(unit, variant, at(2), dims={"device": "later"}))
        events.append(event(unit, "purchase", at(3), 1e5 + float(random.normal(0, 1))))
        events.append(event(unit, "deposit", at(3), 1e9 + float(random.normal(0, 1))))
        values = [*random.choice([-1e6, -1.5, -1e-300, 0.0, 5e-324, 1.0, 2.0], 3), float(random.normal())]
        status = {"status": NASTY if unit % 2 else "ok"}
        events += [event(unit, "request", at(4 + i), float(v), dims=status) for i, v in enumerate(values)]
    return exposures, events


@cache
def crossed_rows(units=200):
    """Every unit of `world` that saw "speed" also saw "price", some of them two of its variants."""
    exposures, events = world.rows(seed=5, units=units)
    speed = [row for row in exposures if row["experiment"] == "speed"]
    price = [
        {
            **row,
            "event_id": f"p{number}",
            "experiment": "price",
            "variant": "on" if (row["unit"] >> 3) % 2 or number % 90 == 0 else "off",
        }
        for number, row in enumerate(speed)
        if row["unit"] % 5
    ]
    return [*exposures, *price], events


# ... and questions


def everything(placed):
    return placed.read(world.plan())


def frozen_and_filtered(placed):
    plan = world.plan("spend", dimensions=(), filters=(("device", "ios"),))
    return placed.read(plan, dict.fromkeys(plan.capped_entries, 7.5))


def triggered(placed):
    trigger = Trigger("request", (("status", "error"),))
    plan = world.plan("spend-day", "orders", "latency-p90", excluded=(("device", "web"),), trigger=trigger)
    return placed.read(plan)


EXTREMES = {
    of.key: planned_metric(of)
    for of in (
        world.definition("balance", Kind.MEAN, "purchase"),
        world.definition("deposits", Kind.MEAN, "deposit"),
        world.definition("swing", Kind.QUANTILE, "request", quantile=0.5),
        world.definition("odd", Kind.COUNT, "request", value=Measure.COUNT, where=(("status", NASTY),)),
    )
}


def extreme_plan(*keys, **changes):
    return world.plan(metrics=tuple(EXTREMES[key] for key in keys), **changes)


def extremes(placed):
    return placed.read(extreme_plan("balance", "swing", "odd"))


def spend_parts(placed):
    return placed.parts(spend_plan(), 0)


def spend_plan():
    """With a pre-period, a window and a quantile."""
    return world.plan("spend", "spend-day", "latency-p90", dimensions=())


def both_experiments(placed):
    one = world.plan("orders", "latency-p90", dimensions=())
    pairs = tuple(f"{first} × {second}" for first in one.arms for second in one.arms)
    cells = replace(one, experiment="speed × price", arms=pairs, variants=pairs)
    return placed.crossed(cells, one, replace(one, experiment="price"))
