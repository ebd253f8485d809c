"""Real sessions and request traces through store, engine and pipeline: equal to direct computation.

The sessions have no arms, so that every other one is the treatment; in the traces a delay was injected.
"""

import csv
import gzip
import math
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from analysis import pipeline
from analysis.engines.duckdb import DuckDBEngine
from analysis.health import DataFlow
from analysis.pipeline import Look
from analysis.plan import analysis_plan
from analysis.report.facts import ExperimentFacts
from experiments.plan import Inference, Role
from metrics.definitions import Cap, Direction, Kind, Measure, Source
from tests.core.analysis import store
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.store import START, at
from tests.core.analysis.world import definition

DATA = Path(__file__).resolve().parents[3] / "demo" / "data"
FLOW = DataFlow(waiting=0, accepted=1000, refused=0, silent_days=(), days=14)
KINDS = ("Administrative", "Informational", "ProductRelated")
SECONDS = definition("seconds", Kind.MEAN, "product-time", direction=Direction.UP)
CAPPED = definition("capped", Kind.MEAN, "product-time", direction=Direction.UP, cap=Cap(percentile=99))
BOUGHT = definition("bought", Kind.PROPORTION, "purchase", value=Measure.COUNT, direction=Direction.UP)
SHARE = definition(
    "product-share",
    Kind.RATIO,
    "product-pages",
    denominator=Source("pages", Measure.VALUE),
    direction=Direction.UP,
)
P95 = definition("latency", Kind.QUANTILE, "request", quantile=0.95)


def rows_of(name):
    with gzip.open(DATA / name, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def judged(folder, exposures, events, *definitions):
    """One fixed look at the end, each metric with an interval at 95 %."""
    bindings = [binding(of, Role.DIAGNOSTIC, version_id=n) for n, of in enumerate(definitions, start=1)]
    locked = locked_plan(
        bindings=tuple(bindings),
        inference=Inference.FIXED,
        looks=1,
        dimensions=("weekend",),
        planned_units=None,
    )
    plan = analysis_plan(locked, until=at(14 * 24))
    readings = DuckDBEngine(folder, rows_per_partition=20_000).read(
        plan, store.write(folder, exposures, events), {}
    )
    outcome = pipeline.judge(
        Look(locked, plan, ExperimentFacts("t", "o", "ab", "u", START), 1, readings, FLOW)
    )
    return {arm.binding.metric: arm for arm in outcome.arms}, outcome


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """The rows of the file, and what the pipeline says of them."""
    rows, exposures, events = rows_of("sessions.csv.gz"), [], []
    for number, row in enumerate(rows):
        unit, when = number * store.BUCKETS + number % 2, START + timedelta(minutes=number)
        dims = {"weekend": row["Weekend"]}
        exposures.append(store.exposure(unit, "on" if number % 2 else "off", when, dims=dims))
        pages = float(sum(int(row[kind]) for kind in KINDS))
        events += [
            store.event(unit, "product-time", when, float(row["ProductRelated_Duration"])),
            store.event(unit, "product-pages", when, float(row["ProductRelated"])),
            store.event(unit, "pages", when, pages),
        ]
        events += [store.event(unit, "purchase", when)] if row["Revenue"] == "True" else []
    found = judged(tmp_path_factory.mktemp("store"), exposures, events, SECONDS, CAPPED, BOUGHT, SHARE)
    return rows, *found


def assert_welch(found, control, treatment):
    """Estimate, p value and interval of scipy."""
    expected = stats.ttest_ind(treatment, control, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.estimate == pytest.approx(treatment.mean() - control.mean(), rel=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.confidence_interval.lower == pytest.approx(interval.low, rel=1e-9)
    assert found.confidence_interval.upper == pytest.approx(interval.high, rel=1e-9)


def test_sessions__seconds_on_products__mean_as_scipy_and_capped_as_numpy(sessions):
    rows, arms, _ = sessions
    values = np.array([float(row["ProductRelated_Duration"]) for row in rows])
    cap = np.sort(values)[math.ceil(0.99 * len(values)) - 1]
    limited = np.minimum(values, cap)

    assert_welch(arms["seconds"].result.fixed.difference, values[::2], values[1::2])
    assert_welch(arms["capped"].result.fixed.difference, limited[::2], limited[1::2])
    assert_welch(arms["capped"].result.uncapped, values[::2], values[1::2])


def test_sessions__purchases__shares_as_scipy_overall_and_on_weekends(sessions):
    rows, arms, outcome = sessions
    bought = np.array([float(row["Revenue"] == "True") for row in rows])
    weekend = np.array([row["Weekend"] == "True" for row in rows])
    on = np.arange(len(rows)) % 2 == 1

    assert_welch(arms["bought"].result.fixed.difference, bought[~on], bought[on])
    [sliced] = [
        each.facts for each in outcome.slices if (each.facts.metric, each.facts.level) == ("bought", "True")
    ]
    assert_welch(sliced.difference, bought[~on & weekend], bought[on & weekend])


def test_sessions__share_of_product_pages__ratio_by_the_delta_method(sessions):
    rows, arms, _ = sessions
    top = np.array([float(row["ProductRelated"]) for row in rows])
    base = np.array([float(sum(int(row[kind]) for kind in KINDS)) for row in rows])
    ratios, variances = [], []
    for part in (slice(0, None, 2), slice(1, None, 2)):
        y, d = top[part], base[part]
        ratios.append(y.sum() / d.sum())
        variances.append(((y - ratios[-1] * d) / d.mean()).var(ddof=1) / len(y))

    found = arms["product-share"].result.fixed.difference

    assert found.estimate == pytest.approx(ratios[1] - ratios[0], rel=1e-9)
    assert found.standard_error == pytest.approx(math.sqrt(sum(variances)), rel=1e-9)


def test_traces__p95_of_requests__order_statistics_of_the_file(tmp_path):
    rows = rows_of("requests_eshopper_000.csv.gz")
    arms = {"off": [], "on": []}
    exposures, events = [], []
    for number, row in enumerate(rows):
        variant, unit = "off" if row["anomaly"] == "0" else "on", number * store.BUCKETS
        arms[variant].append(float(row["Latency"]))
        exposures.append(store.exposure(unit, variant, at(1)))
        events.append(store.event(unit, "request", at(2), float(row["Latency"])))
    control, treatment = (np.sort(arms[variant]) for variant in ("off", "on"))

    [outcome] = judged(tmp_path, exposures, events, P95)[0].values()

    found = outcome.estimates
    for arm, values in (("control", control), ("treatment", treatment)):
        assert found.value(arm).value == values[math.ceil(0.95 * len(values)) - 1]
    # One request a unit: the classic interval of order statistics is what the error comes from.
    error = outcome.result.fixed.difference.standard_error
    assert error == pytest.approx(math.hypot(*map(width_of, (control, treatment))), rel=0.05)


def width_of(values, share=0.95):
    """Half the width of the order-statistic interval of a quantile, in standard errors."""
    n, z = len(values), stats.norm.ppf(0.975)
    spread = z * math.sqrt(n * share * (1 - share))
    low, high = math.floor(n * share - spread), math.ceil(n * share + spread)
    return (values[min(high, n) - 1] - values[low - 1]) / (2 * z)
