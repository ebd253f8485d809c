"""Aggregates from elsewhere: what a row may be, what is refused and where, and that nothing is guessed."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import imported
from analysis.engines.contract import Group
from experiments.plan import Role
from ledger.refusals import Refused
from metrics.definitions import Cap, Direction, Kind, Measure, Source
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.store import at
from tests.core.analysis.world import definition

SPEND = definition(
    "spend", Kind.MEAN, "purchase", direction=Direction.UP, covariate_days=7, cap=Cap(percentile=99)
)
BUYERS = definition("buyers", Kind.PROPORTION, "purchase", value=Measure.COUNT)
VISITS = definition("visits", Kind.COUNT, "visit", value=Measure.COUNT)
PLAN = locked_plan(
    bindings=(binding(SPEND, Role.PRIMARY), binding(BUYERS), binding(VISITS)), dimensions=("device",)
)
SHARED = {"metric": "spend", "mean": 10.0, "variance": 4.0}
ROWS = [
    {**SHARED, "arm": "control", "n": 1000},
    {**SHARED, "arm": "treatment", "n": "990", "mean": "10.5"},
    {"metric": "buyers", "arm": "control", "n": 1000, "events": 210},
    {"metric": "buyers", "arm": "treatment", "n": 990, "events": "250", "mean": "", "variance": None},
    {"metric": "visits", "arm": "control", "n": 1000, "mean": 2.5, "variance": 3.0},
    {"metric": "visits", "arm": "treatment", "n": 990, "mean": 2.5, "variance": 3.0},
]


def changed(index, **fields):
    return [{**row, **fields} if position == index else row for position, row in enumerate(ROWS)]


def test_read__mean_and_variance__moments_of_so_many_units():
    plan = imported.plan_of(PLAN, until=at(24 * 8))

    found = imported.readings(plan, imported.read(PLAN, ROWS))

    spend = found.moments[plan.metrics[0].vector][Group("treatment")]
    assert (spend.n, spend.mean[0], spend.variance()) == (990, 10.5, pytest.approx(4.0))
    assert found.enrolment.units == {Group("control"): 1000, Group("treatment"): 990}


def test_read__events_of_a_proportion__same_as_the_units_themselves():
    plan = imported.plan_of(PLAN, until=at(24 * 8))
    units = np.repeat([1.0, 0.0], [210, 790])

    found = imported.readings(plan, imported.read(PLAN, ROWS))

    buyers = found.moments[plan.metrics[1].vector][Group("control")]
    assert (buyers.n, buyers.mean[0]) == (1000, 0.21)
    assert buyers.variance() == pytest.approx(units.var(ddof=1), rel=1e-12)


def test_plan__caps_pre_periods_and_slices__are_not_in_aggregates():
    plan = imported.plan_of(PLAN, until=at(24 * 8))

    assert plan.dimensions == ()
    assert plan.metrics[0].uncapped is None
    assert len(plan.metrics[0].vector.entries) == 1


@pytest.mark.parametrize(
    ("rows", "line", "field", "said"),
    [
        (changed(0, metric="spent"), 1, "metric", "does not bind"),
        (changed(1, arm="other"), 2, "arm", "no such arm"),
        (changed(1, arm="control"), 2, "arm", "already"),
        (changed(0, n="many"), 1, "n", "not a number"),
        (changed(0, n=-1), 1, "n", "whole number from 0"),
        (changed(0, n=1.5), 1, "n", "whole number"),
        (changed(0, mean="nan"), 1, "mean", "finite"),
        (changed(0, mean=None), 1, "mean", "missing"),
        (changed(0, variance=-0.1), 1, "variance", "at least 0"),
        (changed(0, variance="inf"), 1, "variance", "finite"),
        (changed(0, events=3), 1, "events", "proportions only"),
        (changed(2, events=1001), 3, "events", "from 0 to 1,000"),
        (changed(2, events=None, mean=21, variance=0.1), 3, "mean", "from 0 to 1"),
        (changed(0, sd=2), 1, "sd", "no such column"),
        (changed(0, n=1), 1, "variance", "fewer than two units"),
        (changed(2, events=None, mean=0.21, variance=0.0002), 3, "variance", "has a variance of 0.1659"),
        (changed(2, events=None, mean=0.21, variance=0.4), 3, "variance", "has a variance of 0.1659"),
        (changed(4, mean=-1), 5, "mean", "not negative"),
        (changed(4, variance=0.001), 5, "variance", "at least 0.25"),
    ],
)
def test_read__bad_row__says_line_field_and_what_would_do(rows, line, field, said):
    with pytest.raises(Refused) as refused:
        imported.read(PLAN, rows)

    found = [problem for problem in refused.value.problems if problem.field == field]
    assert [problem.line for problem in found] == [line]
    assert said in found[0].reason
    assert found[0].fix


def test_read__several_bad_rows__all_said_at_once():
    with pytest.raises(Refused) as refused:
        imported.read(PLAN, [*changed(0, n="x")[:1], *changed(1, arm="z")[1:]])

    assert [problem.line for problem in refused.value.problems] == [1, 2]


def test_read__thousands_of_bad_rows__the_first_twenty_and_how_many_more():
    with pytest.raises(Refused, match="these are the first 20, and 280 more were found") as refused:
        imported.read(PLAN, changed(0, n="x")[:1] * 300)

    assert len(refused.value.problems) == 21


@pytest.mark.parametrize(
    ("n", "row"), [(0, {"mean": "", "variance": ""}), (1, {"mean": 3.0, "variance": None})]
)
def test_read__too_few_units_as_a_database_gives_them__read(n, row):
    found = imported.read(PLAN, changed(0, n=n, **row))

    assert (found[0].n, found[0].variance) == (n, 0.0)


@pytest.mark.parametrize("index", range(4))
def test_read__arm_of_a_metric_is_missing__asked_for(index):
    with pytest.raises(Refused) as refused:
        imported.read(PLAN, [row for position, row in enumerate(ROWS) if position != index])

    assert [f"{ROWS[index]['metric']}, {ROWS[index]['arm']}" in p.value for p in refused.value.problems] == [
        True
    ]


@pytest.mark.parametrize(
    "of",
    [
        definition("p95", Kind.QUANTILE, "request", quantile=0.95),
        definition(
            "rate", Kind.RATIO, "error", value=Measure.COUNT, denominator=Source("request", Measure.COUNT)
        ),
    ],
)
def test_read__kind_that_mean_and_variance_cannot_hold__refused(of):
    plan = locked_plan(bindings=(replace(binding(of, Role.GUARDRAIL), margin=None),))

    with pytest.raises(Refused, match=f"binds this {of.kind}, which mean and variance of units do not hold"):
        imported.read(plan, [{"metric": of.key, "arm": "control", "n": 10, "mean": 1, "variance": 1}])


def test_sha256__other_order__same():
    assert imported.sha256(imported.read(PLAN, ROWS)) == imported.sha256(imported.read(PLAN, ROWS[::-1]))
    assert imported.sha256(imported.read(PLAN, ROWS)) != imported.sha256(
        imported.read(PLAN, changed(0, n=999))
    )
