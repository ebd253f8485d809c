"""Every check: when it is ok, when it warns, when it fails, when it could not be made."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from analysis import health_checks
from analysis.engines.contract import Arrivals, Enrolment, Group
from analysis.health import Balance, Context, DataFlow
from analysis.report.facts import CheckKind
from analysis.stats import compare, estimators, srm
from analysis.stats.moments import Moments
from experiments.plan import Inference, Role
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.store import START
from tests.core.analysis.world import DEFINITIONS

WEEK = [START.date() + timedelta(days=n) for n in range(7)]
FLOW = DataFlow(waiting=0, accepted=10_000, refused=0, silent_days=(), days=7)


def enrolment(control=5000, treatment=5000, days=WEEK, **changes):
    units = {Group("control"): control, Group("treatment"): treatment}
    by_day = {(day, arm): 100 for day in days for arm in ("control", "treatment")}
    return replace(Enrolment(units, by_day), **changes)


def context(**changes):
    plan = locked_plan(started_at=START)
    settings = {
        "plan": plan,
        "cut": START + timedelta(days=8),
        "look": 3,
        "enrolment": enrolment(),
        "active": {"orders": {"control": 2000, "treatment": 2000}},
        "flow": FLOW,
    }
    return Context(**{**settings, **changes})


def status(check, **changes):
    return check(context(**changes)).status.value


def test_run_all__always_six_in_the_order_of_the_page():
    assert [finding.kind for finding in health_checks.run_all(context())] == list(CheckKind)


@pytest.mark.parametrize(
    ("control", "treatment", "expected"),
    [
        (5000, 5000, "ok"),
        (5050, 4950, "ok"),
        (5400, 4600, "fail"),
        (5_010_000, 4_990_000, "warn"),
        (5_100_000, 4_900_000, "fail"),
        (0, 0, "not_run"),
        (5000, 0, "fail"),
    ],
)
def test_split__counts_of_two_equal_arms(control, treatment, expected):
    assert status(health_checks.split, enrolment=enrolment(control, treatment)) == expected


def test_split__unequal_weights__planned_shares_count():
    arms = locked_plan().arms
    plan = locked_plan(
        started_at=START, arms=(replace(arms[0], weight_ppm=900_000), replace(arms[1], weight_ppm=100_000))
    )

    assert status(health_checks.split, plan=plan, enrolment=enrolment(9000, 1000)) == "ok"
    assert status(health_checks.split, plan=plan, enrolment=enrolment(5000, 5000)) == "fail"


def test_split__one_slice_is_off__warns_and_names_it():
    units = {
        **enrolment().units,
        Group("control", "browser", "old"): 900,
        Group("treatment", "browser", "old"): 500,
        Group("control", "browser", "new"): 4100,
        Group("treatment", "browser", "new"): 4100,
    }

    finding = health_checks.split(context(enrolment=enrolment(units=units)))

    assert finding.status.value == "warn"
    assert finding.evidence["slices"] == ["browser old"]
    assert "browser old" in finding.detail


def test_split__small_slice_off_at_one_of_many_looks__chance():
    """Chi-square at every refresh would alarm sooner or later in a healthy experiment."""
    counts = [32, 6]
    units = {
        **enrolment().units,
        **{Group(arm, "browser", "old"): n for arm, n in zip(("control", "treatment"), counts, strict=True)},
    }

    finding = health_checks.split(context(enrolment=enrolment(units=units)))

    assert srm.chi_square(counts, [1, 1]).mismatch
    assert (finding.status.value, finding.evidence["slices"]) == ("ok", [])


@pytest.mark.parametrize(
    ("name", "count", "expected"),
    [
        ("crossovers", 9, "ok"),
        ("crossovers", 11, "warn"),
        ("crossovers", 102, "fail"),
        ("unplanned", 102, "fail"),
    ],
)
def test_assignment__units_outside_one_planned_arm(name, count, expected):
    assert status(health_checks.assignment, enrolment=enrolment(**{name: count})) == expected


def test_assignment__nobody_enrolled__not_run():
    assert status(health_checks.assignment, enrolment=enrolment(0, 0)) == "not_run"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "ok"),
        ({"flow": replace(FLOW, refused=90)}, "ok"),
        ({"flow": replace(FLOW, refused=110)}, "warn"),
        ({"flow": replace(FLOW, refused=600)}, "fail"),
        ({"flow": replace(FLOW, waiting=1)}, "warn"),
        ({"flow": replace(FLOW, silent_days=(date(2026, 1, 6),))}, "fail"),
        ({"active": {}}, "fail"),
        ({"active": {"orders": {"control": 0, "treatment": 0}}}, "fail"),
        ({"active": {"orders": {"control": 2000, "treatment": 0}}}, "warn"),
        ({"active": {"orders": {"control": 20, "treatment": 0}}}, "ok"),
        ({"enrolment": enrolment(0, 0)}, "not_run"),
    ],
)
def test_data__what_is_missing(changes, expected):
    assert status(health_checks.data, **changes) == expected


def part(name, **changes):
    """The answer of one part of the check of the data."""
    listed = health_checks.data(context(**changes)).evidence["parts"]
    return next(each["status"] for each in listed if each["name"] == name)


OURS, STRANGERS = {(START, "control"): 9}, {START: 50_000}


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("refused events", {}, "ok"),
        ("refused events", {"flow": replace(FLOW, accepted=0)}, "not_run"),
        ("batches on their way", {"flow": replace(FLOW, waiting=3)}, "warn"),
        ("days with events", {"flow": replace(FLOW, silent_days=(WEEK[1],))}, "fail"),
        ("days with events", {"flow": replace(FLOW, days=0)}, "not_run"),
        ("hours with events", {}, "not_run"),
        ("hours with events", {"arrivals": Arrivals({}, OURS)}, "ok"),
        ("metrics with events", {"active": {}}, "fail"),
        ("metrics with events", {"active": {}, "enrolment": enrolment(40, 40)}, "warn"),
        ("the same ids", {}, "not_run"),
        ("the same ids", {"arrivals": Arrivals({}, OURS)}, "ok"),
        ("the same ids", {"arrivals": Arrivals({}, {}, STRANGERS)}, "warn"),
        ("the same ids", {"arrivals": Arrivals({}, {}, STRANGERS), "active": {}}, "fail"),
    ],
)
def test_data__parts__each_with_an_answer_of_its_own(name, changes, expected):
    assert part(name, **changes) == expected


@pytest.mark.parametrize(("days_run", "expected"), [(2, "not_run"), (4, "fail")])
def test_data__window_still_open__a_metric_without_events_is_no_gap(days_run, expected):
    of = replace(binding().definition, window_hours=72)
    changes = {"plan": locked_plan(started_at=START, bindings=(binding(of),)), "active": {}}

    assert part("metrics with events", cut=START + timedelta(days=days_run), **changes) == expected


def test_data__one_of_two_metrics_without_events__warns_and_names_it():
    listed = (binding(), binding(DEFINITIONS["latency-p90"], Role.GUARDRAIL))

    finding = health_checks.data(context(plan=locked_plan(started_at=START, bindings=listed)))

    assert finding.status.value == "warn"
    assert "latency-p90" in finding.detail


def test_data__an_arm_got_nobody_for_a_day__fails_and_says_which_and_when():
    by_day = {**enrolment().by_day, (WEEK[3], "treatment"): 0}

    finding = health_checks.data(context(enrolment=enrolment(by_day=by_day)))

    assert finding.status.value == "fail"
    assert f"no units in treatment on {WEEK[3]}" in finding.detail


def test_data__a_day_with_few_units__an_empty_arm_is_chance():
    by_day = {**enrolment().by_day, (WEEK[3], "treatment"): 0, (WEEK[3], "control"): 30}

    assert status(health_checks.data, enrolment=enrolment(by_day=by_day)) == "ok"


def balance(shift, level=3.0):
    random = np.random.default_rng(4)
    arms = {"control": level, "treatment": level + shift}
    return Balance(
        "spend",
        {arm: Moments.from_rows(random.normal(mean, 1, (2000, 1))) for arm, mean in arms.items()},
    )


@pytest.mark.parametrize("level", [3.0, 0.0, -3.0])
@pytest.mark.parametrize(("shift", "expected"), [(0.0, "ok"), (0.3, "fail")])
def test_before__pre_periods_of_the_arms(level, shift, expected):
    finding = health_checks.before(context(balances=(balance(shift, level),)))

    assert finding.status.value == expected
    assert finding.evidence["p_values"].keys() == {"spend, treatment"}


def test_before__odd_but_not_beyond_doubt__warns():
    assert status(health_checks.before, balances=(balance(0.13),)) == "warn"


def test_before__rejected_by_a_test_for_one_look__not_by_one_that_is_asked_every_hour():
    off = balance(0.12)
    means = {arm: estimators.mean(moments) for arm, moments in off.moments.items()}
    once = compare.difference(means["control"], means["treatment"]).p_value

    finding = health_checks.before(context(balances=(off,)))

    assert once < finding.limit < finding.statistic
    assert finding.status.value == "ok"


def test_before__no_metric_has_a_pre_period__not_run():
    assert status(health_checks.before) == "not_run"


@pytest.mark.parametrize(
    ("days_run", "days", "expected"),
    [(8, WEEK, "ok"), (6, WEEK, "warn"), (8, WEEK[:1], "ok"), (3, WEEK[:1], "warn")],
)
def test_duration__days_of_the_run_count__not_those_on_which_units_first_came(days_run, days, expected):
    cut = START + timedelta(days=days_run)

    finding = health_checks.duration(context(cut=cut, enrolment=enrolment(days=days)))

    assert finding.status.value == expected
    assert f"{min(days_run, 7)} of 7 weekdays" in finding.detail


def test_duration__every_tuesday_silent__warns_until_another_one_brings_data():
    silent = replace(FLOW, silent_days=(WEEK[1],))

    first, second = (
        health_checks.duration(context(flow=silent, cut=START + timedelta(days=days))) for days in (8, 9)
    )

    assert (first.status.value, second.status.value) == ("warn", "ok")
    assert first.detail == "8.0 of at least 7 days, 6 of 7 weekdays; no data on a Tuesday"
    assert first.evidence["weekdays_missing"] == ["Tuesday"]


def test_duration__planned_for_less_than_a_week__weekdays_do_not_count():
    plan = locked_plan(started_at=START, min_days=2)

    assert status(health_checks.duration, plan=plan, enrolment=enrolment(days=WEEK[:3])) == "ok"


def test_looks__planned_units_are_in__the_end_is_reached():
    plan = locked_plan(started_at=START, inference=Inference.FIXED, planned_units=5000)

    assert status(health_checks.looks, plan=plan, enrolment=enrolment(5000, 5000)) == "ok"
    assert status(health_checks.looks, plan=plan, enrolment=enrolment(5000, 4999)) == "warn"


def test_looks__planned_look_made_before__says_that_these_intervals_hold_always():
    plan = locked_plan(started_at=START, inference=Inference.FIXED)
    changes = {"plan": plan, "cut": START + timedelta(days=29)}

    first, later = (health_checks.looks(context(**changes, is_after_end=after)) for after in (False, True))

    assert (first.status.value, later.status.value) == ("ok", "warn")
    assert "at every look" in later.detail
    assert "at every look" not in first.detail


@pytest.mark.parametrize(
    ("changes", "days_run", "expected"),
    [
        ({}, 3, "ok"),
        ({"inference": Inference.FIXED}, 3, "warn"),
        ({"inference": Inference.FIXED}, 28, "ok"),
        ({"inference": Inference.FIXED, "stopped_at": START + timedelta(days=3)}, 3, "ok"),
    ],
)
def test_looks__kind_of_inference_and_when(changes, days_run, expected):
    plan = locked_plan(**{"started_at": START, "stopped_at": None, "planned_units": None, **changes})

    assert status(health_checks.looks, plan=plan, cut=START + timedelta(days=days_run)) == expected


def hours(of, arms=("control", "treatment"), each=300, without=()):
    """Counts by hour of the run's first day and arm."""
    found = {(START + timedelta(hours=hour), arm): each for hour in of for arm in arms}
    return {place: n for place, n in found.items() if place not in without}


def arrived(**changes):
    return Arrivals(**{"exposed": hours(range(24)), "events": hours(range(24)), **changes})


@pytest.mark.parametrize(
    ("arrivals", "expected", "said"),
    [
        (arrived(), "ok", ""),
        (
            arrived(exposed=hours(range(24), without=[(START + timedelta(hours=3), "treatment")])),
            "fail",
            "no units in treatment at 2026-01-05 03:00",
        ),
        (
            arrived(events=hours(range(24), without=[(START + timedelta(hours=5), "control")])),
            "fail",
            "no events in control at 2026-01-05 05:00",
        ),
        (arrived(events=hours([0, 1, 2, *range(5, 24)])), "warn", "no events at all in 2 hours"),
        (
            arrived(events=hours(range(10))),
            "warn",
            "no events at all in 14 hours of 2026-01-05, the first 10:00",
        ),
        (arrived(events=hours(range(10)) | hours([10, 11], each=9)), "ok", ""),
        (arrived(events=hours([0, 1, 5], each=20)), "ok", ""),
        (arrived(events=hours(range(3), each=10), exposed=hours(range(3), each=5)), "ok", ""),
        (
            arrived(events={}, strangers={START: 50_000}),
            "warn",
            "do exposures and events carry the same ids?",
        ),
        (arrived(strangers={START: 50_000}), "ok", ""),
    ],
)
def test_data__hours_of_an_arm__gaps_named(arrivals, expected, said):
    found = health_checks.data(context(arrivals=arrivals))

    assert found.status.value == expected
    assert said in found.detail


def test_data__small_arm__silent_hour_only_where_it_should_have_had_units():
    arms = locked_plan().arms
    plan = locked_plan(
        started_at=START, arms=(replace(arms[0], weight_ppm=990_000), replace(arms[1], weight_ppm=10_000))
    )
    only_control = {place: n for place, n in hours(range(24)).items() if place[1] == "control"}

    assert status(health_checks.data, plan=plan, arrivals=Arrivals(only_control)) == "ok"


def test_looks__earlier_plan_was_looked_at__warned_of_its_own_error_budget():
    found = health_checks.looks(context(earlier_looks=4))

    assert found.status.value == "warn"
    assert "4 looks under earlier plans" in found.detail


def test_before__ratio__compared_as_a_ratio_not_by_its_numerator():
    rng = np.random.default_rng(2)
    requests = {"control": rng.poisson(4, 4000) + 1, "treatment": rng.poisson(8, 4000) + 1}
    errors = {arm: rng.binomial(n, 0.1) for arm, n in requests.items()}
    moments = {arm: Moments.from_rows(np.column_stack([errors[arm], requests[arm]])) for arm in requests}

    ratio = health_checks.before(context(balances=(Balance("error-share", moments, is_ratio=True),)))
    numerator = health_checks.before(
        context(balances=(Balance("error-share", {arm: of.select([0]) for arm, of in moments.items()}),))
    )

    assert (ratio.status.value, numerator.status.value) == ("ok", "fail")
