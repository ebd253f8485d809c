"""Distributions: counts of the events themselves, in coarse bins, the same as counted one by one."""

import math
from collections import Counter
from dataclasses import replace

import pytest

from analysis import distributions
from analysis.engines.contract import ZERO_BIN, Group
from analysis.engines.duckdb import DuckDBEngine
from analysis.plan import analysis_plan
from experiments.plan import Role
from metrics.definitions import Kind
from tests.core.analysis import store
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.traffic import KEY, START, at, traffic
from tests.core.analysis.world import definition

P95 = definition("latency-p95", Kind.QUANTILE, "request", quantile=0.95)
P50 = definition("latency-p50", Kind.QUANTILE, "request", quantile=0.5)
BOUND = [
    binding(of, Role.GUARDRAIL, blocking=True, margin=0.05, version_id=at) for at, of in enumerate([P95, P50])
]
LOCKED = locked_plan(experiment=KEY, started_at=START, stopped_at=None, bindings=tuple(BOUND))
PLAN = analysis_plan(LOCKED, until=at(24 * 9))
ROWS = traffic(300, slowdown=0.1)


@pytest.fixture(scope="module")
def readings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    return DuckDBEngine(folder, rows_per_partition=500).read(PLAN, store.write(folder, *ROWS), {})


def counted(width):
    """Requests after the first exposure, by variant and coarse bin, one by one."""
    exposures, events = ROWS
    first = {row["unit"]: row for row in exposures if row["ts"] < at(24 * 9)}
    found = {"off": Counter(), "on": Counter()}
    for row in events:
        shown = first.get(row["unit"])
        if row["name"] == "request" and shown and shown["ts"] <= row["ts"] < at(24 * 9):
            index = math.floor(math.log(row["value"]) * 256) // width
            found[shown["variant"]][index] += 1
    return found


def test_distribution__of_a_look__same_as_counted_one_by_one(readings):
    (found,) = distributions.of_look(LOCKED, PLAN, readings)
    reference = counted(round(math.log(found.base) * 256))

    assert found.control == dict(sorted(reference["off"].items()))
    assert found.treatment == dict(sorted(reference["on"].items()))
    assert found.below_zero == 0


def test_distribution__two_metrics_of_the_same_events__shown_once_under_the_first(readings):
    found = distributions.of_look(LOCKED, PLAN, readings)

    assert [(each.metric, each.arm) for each in found] == [("latency-p95", "treatment")]


def test_distribution__values_of_zero_or_less__counted_apart(readings):
    (stream,) = {metric.stream for metric in PLAN.metrics}
    fine = {Group("control"): {0: 3, -ZERO_BIN: 2, ZERO_BIN: 5}, Group("treatment"): {ZERO_BIN + 6: 1}}

    (found,) = distributions.of_look(LOCKED, PLAN, replace(readings, bins={stream: fine}))

    assert (found.control, found.treatment, found.below_zero) == ({0: 5}, {1: 1}, 5)


def test_distribution__no_events_in_an_arm__none(readings):
    (stream,) = {metric.stream for metric in PLAN.metrics}
    fine = {Group("control"): {ZERO_BIN: 5}}

    assert distributions.of_look(LOCKED, PLAN, replace(readings, bins={stream: fine})) == ()


@pytest.mark.parametrize(("spread", "width"), [(2000, 44), (400, 22), (200, 11), (40, 5), (0, 5)])
def test_bins__narrow_distributions__get_finer_ones(readings, spread, width):
    (stream,) = {metric.stream for metric in PLAN.metrics}
    fine = {ZERO_BIN + at: 10 for at in range(spread + 1)}
    both = {Group("control"): fine, Group("treatment"): fine}

    (found,) = distributions.of_look(LOCKED, PLAN, replace(readings, bins={stream: both}))

    assert round(math.log(found.base) * 256) == width
    assert sum(found.control.values()) == sum(fine.values())
