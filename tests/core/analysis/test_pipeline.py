"""A whole look on planted truths: what was put into the events comes out of the report's facts."""

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from analysis import pipeline
from analysis.engines.duckdb import DuckDBEngine
from analysis.health import DataFlow
from analysis.pipeline import Look
from analysis.plan import analysis_plan
from analysis.report import document
from analysis.report.facts import ExperimentFacts, Harm
from analysis.report.states import State
from analysis.report.verdict import Verdict
from experiments.plan import Inference, Role
from metrics.definitions import Cap, Direction, Kind, Margin, Measure, Source
from tests.core.analysis import store
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.traffic import KEY, START, at, traffic
from tests.core.analysis.world import definition

DAYS = 10.0
ORDERS = definition("orders", Kind.COUNT, "purchase", direction=Direction.UP)
SPEND = definition(
    "spend", Kind.MEAN, "purchase", direction=Direction.UP, covariate_days=7, cap=Cap(percentile=99)
)
P95 = definition("latency-p95", Kind.QUANTILE, "request", quantile=0.95)
FLOW = DataFlow(waiting=0, accepted=1000, refused=0, silent_days=(), days=10)
ABOUT = ExperimentFacts("Prefetch", "rosa", "ab", "users", START)


def guardrail(of=P95, margin=0.05):
    return binding(of, Role.GUARDRAIL, blocking=True, margin=margin, version_id=2)


def plan(*bindings, **changes):
    listed = bindings or (binding(ORDERS, Role.PRIMARY), binding(SPEND), guardrail())
    settings = {"started_at": START, "stopped_at": None, "bindings": listed, "dimensions": ("device",)}
    return locked_plan(experiment=KEY, **{**settings, **changes})


def looked(folder, rows, locked=None, *, hours=24 * 9, history=(), about=ABOUT, files_per_bucket=1, **more):
    """The outcome of one look at rows that are written to the folder first."""
    locked = locked or plan()
    analysis = analysis_plan(locked, until=at(hours))
    files = store.write(folder, *rows, files_per_bucket=files_per_bucket)
    readings = DuckDBEngine(folder, rows_per_partition=2000).read(analysis, files, {})
    look = Look(locked, analysis, about, 1, readings, FLOW, **more)
    return pipeline.judge(look)


def result(outcome, metric):
    return next(arm.result for arm in outcome.arms if arm.binding.metric == metric)


def state(outcome, metric):
    return next(j.state for j in outcome.conclusion.judged if j.binding.metric == metric)


def orders_by_unit(rows, hours=24 * 9):
    """Orders after the first exposure, of units first exposed before the cut, by variant."""
    exposures, events = rows
    first = {row["unit"]: row for row in exposures if row["ts"] < at(hours)}
    counts = dict.fromkeys(first, 0.0)
    for row in events:
        unit = row["unit"]
        if row["name"] == "purchase" and unit in first and first[unit]["ts"] <= row["ts"] < at(hours):
            counts[unit] += 1
    return {
        variant: np.array([n for unit, n in counts.items() if first[unit]["variant"] == variant])
        for variant in ("off", "on")
    }


@pytest.fixture(scope="module")
def planted():
    """Orders up by half, latency down to nothing special."""
    return traffic(3000, seed=11, lift=0.5)


@pytest.fixture(scope="module")
def lifted(planted, tmp_path_factory):
    return looked(tmp_path_factory.mktemp("store"), planted)


@pytest.fixture(scope="module")
def slowed(tmp_path_factory):
    return looked(tmp_path_factory.mktemp("store"), traffic(2500, seed=12, slowdown=0.4))


def test_look__planted_lift__interval_holds_it_and_the_metric_is_better(lifted):
    lift = result(lifted, "orders").always_valid.lift

    assert lift.confidence_interval.lower <= 0.5 <= lift.confidence_interval.upper
    assert state(lifted, "orders") is State.BETTER


def test_look__same_rows__difference_interval_and_p_value_equal_scipy(lifted, planted):
    counts = orders_by_unit(planted)
    expected = stats.ttest_ind(counts["on"], counts["off"], equal_var=False)
    family = 2
    interval = expected.confidence_interval(1 - 0.05 / family)

    found = result(lifted, "orders").fixed.difference

    assert found.estimate == pytest.approx(counts["on"].mean() - counts["off"].mean(), rel=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.confidence_interval.lower == pytest.approx(interval.low, rel=1e-9)
    assert found.confidence_interval.upper == pytest.approx(interval.high, rel=1e-9)


def test_look__two_success_metrics__holm_over_both_with_the_p_values_that_count(lifted):
    p_values = {key: result(lifted, key).always_valid.difference.p_value for key in ("orders", "spend")}
    small, large = sorted(p_values, key=p_values.get)
    adjusted = {each.binding.metric: each.arms[0].adjusted_p for each in lifted.facts.metrics}

    assert adjusted[small] == pytest.approx(min(1, 2 * p_values[small]))
    assert adjusted[large] == pytest.approx(max(adjusted[small], p_values[large]))
    assert adjusted["latency-p95"] is None


def test_look__covariate__narrower_than_without(lifted):
    spend = result(lifted, "spend")

    assert spend.fixed.difference.standard_error < 0.95 * spend.uncapped.standard_error
    assert "CUPED for 1 of 3" in lifted.facts.method.variance


def test_look__percentile_cap__the_same_pooled_limit_for_both_arms(lifted, planted):
    exposures, events = planted
    first = {row["unit"]: row["ts"] for row in exposures if row["ts"] < at(24 * 9)}
    totals = {}
    for row in events:
        since = first.get(row["unit"])
        if since and row["name"] == "purchase" and since <= row["ts"] < at(24 * 9):
            totals[row["unit"]] = totals.get(row["unit"], 0.0) + row["value"]
    ranked = sorted(totals.values())

    spend = next(each for each in lifted.facts.metrics if each.binding.metric == "spend")

    assert spend.cap_value == pytest.approx(ranked[math.ceil(0.99 * len(ranked)) - 1], rel=1e-12)


def test_look__planted_slowdown__guardrail_harmed_and_the_trip_rolls_back(slowed):
    [trip] = slowed.trips

    assert state(slowed, "latency-p95") is State.HARM
    assert slowed.conclusion.verdict is Verdict.ROLL_BACK
    assert (trip.binding.metric, trip.harm, trip.action.value) == ("latency-p95", Harm.CONFIRMED, "roll_back")
    assert trip.low > trip.margin > 0


def test_look__planted_slowdown__every_quantile_of_the_curve_is_slower(slowed):
    [curve] = slowed.facts.curves

    assert [point.share for point in curve.points] == [0.5, 0.75, 0.9, 0.95, 0.99]
    for point in curve.points:
        assert point.treatment / point.control == pytest.approx(1.4, rel=0.25)
        assert point.difference.estimate == pytest.approx(point.treatment - point.control)


def test_look__slices__all_of_them_with_units_that_add_up(slowed):
    slices = slowed.facts.slices.slices
    of_latency = [each for each in slices if each.metric == "latency-p95"]

    assert {(each.dimension, each.level) for each in of_latency} == {
        ("device", "phone"),
        ("device", "laptop"),
    }
    assert all(each.flagged for each in of_latency)
    whole = result(slowed, "latency-p95").treatment.units
    control = next(m for m in slowed.facts.metrics if m.binding.metric == "latency-p95").control.units
    assert sum(each.units for each in of_latency) == whole + control


def test_look__ablation__harm_is_expected_and_sets_nothing_off(tmp_path):
    rows = traffic(1500, seed=12, slowdown=0.4)

    outcome = looked(tmp_path, rows, about=replace(ABOUT, kind="ablation"))

    assert result(outcome, "latency-p95").monitor.harm is Harm.CONFIRMED
    assert outcome.trips == ()


@pytest.mark.parametrize("seed", range(21, 27))
def test_look__same_in_both_arms__nothing_found(tmp_path, seed):
    outcome = looked(tmp_path, traffic(1200, seed=seed))

    assert outcome.trips == ()
    assert {judged.state for judged in outcome.conclusion.judged} <= {
        State.NOT_DETECTED,
        State.NOT_PROVEN,
        State.HELD,
    }
    assert not any(each.flagged for each in outcome.facts.slices.slices)


def numbers(value, path=""):
    """Every number of a document with its place."""
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in numbers(item, f"{path}/{key}").items()}
    if isinstance(value, list):
        return {k: v for i, item in enumerate(value) for k, v in numbers(item, f"{path}/{i}").items()}
    return {path: value}


@pytest.mark.parametrize("files_per_bucket", [1, 5])
def test_look__rows_shuffled_and_split_anew__same_document(tmp_path, planted, lifted, files_per_bucket):
    random = np.random.default_rng(5)
    shuffled = [[rows[i] for i in random.permutation(len(rows))] for rows in planted]
    expected = numbers(document.build(lifted.facts, prev_sha256="", created_at=START))

    outcome = looked(tmp_path, shuffled, files_per_bucket=files_per_bucket)
    found = numbers(document.build(outcome.facts, prev_sha256="", created_at=START))

    assert found.keys() == expected.keys()
    for place, value in expected.items():
        if isinstance(value, float):
            assert found[place] == pytest.approx(value, rel=1e-12, abs=1e-300), place
        else:
            assert found[place] == value, place


def test_look__one_enrolled_unit_in_each_arm__no_numbers_and_no_pass(tmp_path):
    rows = traffic(2, seed=3, share=0.5)
    for variant, row in zip(("off", "on"), rows[0], strict=True):
        row.update(variant=variant, ts=at(1))

    outcome = looked(tmp_path, rows)

    assert state(outcome, "latency-p95") is State.NOT_PROVEN
    assert state(outcome, "orders") is State.CANNOT_SAY
    assert outcome.conclusion.verdict is Verdict.KEEP_RUNNING
    assert outcome.trips == ()


def test_look__empty_store__do_not_use(tmp_path):
    outcome = looked(tmp_path, ([], []))

    assert outcome.conclusion.verdict is Verdict.DO_NOT_USE
    assert {finding.status.value for finding in outcome.findings[:3]} == {"not_run"}


def test_look__fixed_plan_before_its_end__peeking_is_not_rewarded(tmp_path, planted):
    locked = plan(inference=Inference.FIXED, looks=1, planned_units=None)

    early = looked(tmp_path / "a", planted, locked)
    late = looked(tmp_path / "b", planted, replace(locked, stopped_at=at(24 * 9)))

    assert early.conclusion.inference.value == "always_valid"
    assert late.conclusion.inference.value == "fixed"
    assert [f.status.value for f in (early.findings[-1], late.findings[-1])] == ["warn", "ok"]
    assert inferences_beside(early) == {"always_valid"}
    assert inferences_beside(late) == {"fixed"}


def test_look__fixed_plan_after_its_planned_look__holds_at_every_look_again(tmp_path, planted):
    locked = plan(inference=Inference.FIXED, looks=1, planned_units=1000)

    first = looked(tmp_path / "a", planted, locked)
    later = looked(tmp_path / "b", planted, locked, is_after_end=True)

    assert first.conclusion.inference.value == "fixed"
    assert later.conclusion.inference.value == "always_valid"
    assert inferences_beside(later) == {"always_valid"}


def inferences_beside(outcome):
    """Those of slices and curve points."""
    points = [point for curve in outcome.facts.curves for point in curve.points]
    return {each.difference.inference.value for each in (*outcome.facts.slices.slices, *points)}


def test_look__few_units_with_a_huge_effect__nothing_shown_and_no_pass(tmp_path):
    outcome = looked(tmp_path, traffic(60, seed=3, lift=20.0, slowdown=-0.9))

    assert result(outcome, "orders").fixed.difference.rejects
    assert {each.state for each in outcome.conclusion.judged} == {State.CANNOT_SAY, State.NOT_PROVEN}
    assert state(outcome, "latency-p95") is State.NOT_PROVEN
    assert outcome.conclusion.verdict is Verdict.KEEP_RUNNING


def test_look__relative_margin__trip_and_contrast_take_the_estimated_control(slowed):
    [trip] = slowed.trips
    control = next(m for m in slowed.facts.metrics if m.binding.metric == "latency-p95").control.value
    fixed = result(slowed, "latency-p95").fixed

    assert trip.margin == pytest.approx(0.05 * control)
    assert fixed.contrast.estimate == pytest.approx(fixed.difference.estimate - 0.05 * control)
    assert fixed.contrast.standard_error > fixed.difference.standard_error


def test_look__three_arms__each_treatment_against_the_control(tmp_path):
    exposures, events = traffic(2400, seed=31, slowdown=0.4)
    third = [row for row in exposures if row["variant"] == "off"][::2]
    for row in third:
        row["variant"] = "other"
    arms = plan().arms
    other = replace(arms[1], key="other", variant="other", weight_ppm=250_000)
    locked = plan(arms=(replace(arms[0], weight_ppm=250_000), replace(arms[1], weight_ppm=500_000), other))

    outcome = looked(tmp_path, (exposures, events), locked)

    assert [trip.arm for trip in outcome.trips] == ["treatment"]
    assert {arm.result.arm for arm in outcome.arms} == {"treatment", "other"}
    assert outcome.facts.method.family_size == 4
    assert math.isclose(sum(arm.units for arm in outcome.facts.arms), outcome_units(outcome))


def outcome_units(outcome):
    return sum(n for group, n in outcome.look.readings.enrolment.units.items() if not group.dimension)


def test_look__absolute_margin__loss_is_measured_against_it(tmp_path):
    absolute = replace(guardrail(), margin=Margin(500.0, relative=False))

    outcome = looked(
        tmp_path, traffic(2500, seed=12, slowdown=0.2), plan(binding(ORDERS, Role.PRIMARY), absolute)
    )

    assert state(outcome, "latency-p95") is State.WITHIN
    assert outcome.trips == ()


def test_look__few_conversions__score_interval_and_exact_p_value(tmp_path):
    buyers = definition("buyers", Kind.PROPORTION, "refund", direction=Direction.UP, value=Measure.COUNT)
    exposures, events = traffic(1000, seed=41)
    refunds = [store.event(row["unit"], "refund", row["ts"] + timedelta(hours=1)) for row in exposures[:7]]

    outcome = looked(tmp_path, (exposures, events + refunds), plan(binding(buyers, Role.PRIMARY)))

    found = result(outcome, "buyers").fixed.difference
    assert found.status.value == "few_events"
    assert "Newcombe" in found.method


RATIO = definition(
    "rate", Kind.RATIO, "purchase", denominator=Source("request", Measure.VALUE), covariate_days=7
)


@pytest.mark.parametrize("of", [replace(SPEND, cap=None), P95, RATIO], ids=lambda of: of.key)
@pytest.mark.parametrize("scale", [1e-165, 1e-155, 1e-120, -1e12, 1e13])
def test_look__values_of_an_absurd_size__the_other_metric_keeps_its_number(tmp_path, of, scale):
    exposures, events = traffic(300, seed=41)
    hostile = [{**row, "value": row["value"] * scale} for row in events]
    guarded = binding(of, Role.GUARDRAIL, blocking=True, margin=0.05)

    outcome = looked(tmp_path, (exposures, hostile), plan(binding(ORDERS, Role.PRIMARY), guarded))

    assert state(outcome, "orders") is State.NOT_DETECTED
    assert state(outcome, of.key) is State.NOT_PROVEN
    document.serialise(document.build(outcome.facts, prev_sha256="", created_at=START))
