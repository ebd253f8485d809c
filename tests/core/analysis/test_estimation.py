"""Which estimator a metric gets, and what is shown of it."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import estimation
from analysis.engines.contract import Enrolment, Group, Readings
from analysis.plan import planned_metric
from analysis.stats import adjusted, estimators
from analysis.stats.moments import Moments
from analysis.stats.results import NotEstimable, Why
from metrics.definitions import Kind, Measure, Source
from tests.core.analysis.plans import locked_plan
from tests.core.analysis.world import definition

ARMS = ("treatment", "control")


def metric(kind, **more):
    if kind is Kind.RATIO:
        more = {"denominator": Source("request", Measure.COUNT), **more}
    return planned_metric(definition("m", kind, "purchase", value=Measure.COUNT, **more))


def rows(width, *, seed=3, sizes=(400, 100)):
    """Per arm a unit table: value, then whatever else the metric has, correlated with it."""
    random = np.random.default_rng(seed)
    found = {}
    for arm, n in zip(ARMS, sizes, strict=True):
        base = random.gamma(2, 2, (n, 1))
        found[arm] = base + random.gamma(1, 1, (n, width))
    return found


def readings(of, planned):
    moments = {Group(arm): Moments.from_rows(values) for arm, values in of.items()}
    return Readings(Enrolment({}, {}), {planned.vector: moments}, {})


@pytest.mark.parametrize(
    ("kind", "width", "estimator"),
    [
        (Kind.MEAN, 1, estimators.mean),
        (Kind.COUNT, 1, estimators.count),
        (Kind.RATIO, 2, estimators.ratio),
    ],
)
def test_estimate__no_covariate__the_kind_s_own_estimator(kind, width, estimator):
    planned, of = metric(kind), rows(width)

    found = estimation.estimate(planned, readings(of, planned), ARMS)

    assert found.estimates == tuple(estimator(Moments.from_rows(of[arm])) for arm in ARMS)


@pytest.mark.parametrize(
    ("kind", "width", "adjust"), [(Kind.MEAN, 2, adjusted.cuped), (Kind.RATIO, 4, adjusted.cuped_ratio)]
)
def test_estimate__covariate__cuped(kind, width, adjust):
    planned, of = metric(kind, covariate_days=7), rows(width)

    found = estimation.estimate(planned, readings(of, planned), ARMS)

    assert list(found.estimates) == adjust([Moments.from_rows(of[arm]) for arm in ARMS])
    assert all(value.numerator is None for value in found.values)


@pytest.mark.parametrize(
    ("kind", "width", "adjust"), [(Kind.MEAN, 2, adjusted.lin), (Kind.RATIO, 4, adjusted.lin_ratio)]
)
def test_estimate__covariate_and_uneven_arms__own_slopes_with_the_control_first(kind, width, adjust):
    planned, of = metric(kind, covariate_days=7), rows(width)
    control, treatment = (Moments.from_rows(of[arm]) for arm in ("control", "treatment"))

    found = estimation.estimate(planned, readings(of, planned), ARMS, uneven_control="control")

    expected = adjust([control, treatment])
    assert (found.of("control"), found.of("treatment")) == (expected[0], expected[1])


def test_uneven_control__weights__named_only_where_they_differ():
    plan = locked_plan()
    first, second = plan.arms

    assert estimation.uneven_control(plan) == ""
    assert estimation.uneven_control(locked_plan(arms=(first, _weighing(second, 100_000)))) == "control"


def _weighing(arm, ppm):
    return replace(arm, weight_ppm=ppm)


def test_estimate__covariate_that_never_varies__plain():
    planned, of = metric(Kind.MEAN, covariate_days=7), rows(2)
    for values in of.values():
        values[:, 1] = 0.0

    found = estimation.estimate(planned, readings(of, planned), ARMS)

    assert {of_arm.method for of_arm in found.estimates} == {"mean"}


def test_value__plain__sums_behind_the_quotient():
    planned = metric(Kind.PROPORTION)
    of = {
        "control": np.array([[1.0]] * 30 + [[0.0]] * 70),
        "treatment": np.array([[1.0]] * 25 + [[0.0]] * 75),
    }

    value = estimation.estimate(planned, readings(of, planned), ARMS).value("control")

    assert (value.units, value.value, value.numerator, value.denominator) == (100, 0.3, 30.0, 100.0)


def test_estimate__arm_without_units__said_so():
    planned, of = metric(Kind.MEAN, covariate_days=7), rows(2)
    of.pop("treatment")

    found = estimation.estimate(planned, readings(of, planned), ARMS)

    assert found.of("treatment") == NotEstimable(Why.NO_UNITS)
    assert found.of("control").value > 0


def test_pre_period__covariate__its_moments_by_arm():
    planned, of = metric(Kind.MEAN, covariate_days=7), rows(2)

    found = estimation.pre_period(planned.vector, readings(of, planned), ARMS)

    assert found["control"].mean[0] == pytest.approx(of["control"][:, 1].mean())
    assert estimation.pre_period(metric(Kind.MEAN).vector, readings(of, planned), ARMS) == {}
