"""The seven verdicts: fixed precedence, first match wins."""

from dataclasses import replace
from datetime import timedelta

import pytest

from analysis.report.facts import CheckKind
from analysis.report.verdict import ORDER, Verdict, conclude
from tests.core.report.build import START, checkout, checks, errors, facts, harmed, orders
from tests.golden.report.cases import CASES

EXPECTED = {
    "roll_back": Verdict.ROLL_BACK,
    "ship": Verdict.SHIP,
    "ship_with_note": Verdict.SHIP,
    "bayesian": Verdict.DECIDE,
    "bayesian_arms": Verdict.ROLL_BACK,
    "bayesian_unread": Verdict.KEEP_RUNNING,
    "decide": Verdict.DECIDE,
    "slice_harm": Verdict.DECIDE,
    "no_effect": Verdict.NO_EFFECT,
    "inconclusive": Verdict.INCONCLUSIVE,
    "keep_running_early": Verdict.KEEP_RUNNING,
    "keep_running_unproven": Verdict.KEEP_RUNNING,
    "keep_running_undecided": Verdict.KEEP_RUNNING,
    "stopped_early": Verdict.KEEP_RUNNING,
    "safe_to_roll_out": Verdict.SHIP,
    "no_data": Verdict.DO_NOT_USE,
    "no_metrics_delivered": Verdict.KEEP_RUNNING,
    "srm": Verdict.DO_NOT_USE,
    "missing_check": Verdict.DO_NOT_USE,
    "three_arms": Verdict.ROLL_BACK,
    "two_arms_to_ship": Verdict.SHIP,
    "missing_arm": Verdict.SHIP,
    "inverse_metric": Verdict.SHIP,
    "zero_baseline": Verdict.DECIDE,
    "all_guardrails_unproven": Verdict.INCONCLUSIVE,
    "unbounded_lift": Verdict.INCONCLUSIVE,
    "capped": Verdict.SHIP,
    "huge_numbers": Verdict.SHIP,
    "tiny_numbers": Verdict.SHIP,
    "non_ascii": Verdict.SHIP,
    "sixty_metrics": Verdict.SHIP,
    "ablation": Verdict.DECIDE,
    "ablation_priced": Verdict.DECIDE,
    "ablation_stopped": Verdict.ROLL_BACK,
    "ratio_expired": Verdict.ROLL_BACK,
    "distribution": Verdict.SHIP,
    "aa_agrees": Verdict.NO_EFFECT,
    "aa_differs": Verdict.INCONCLUSIVE,
    "imported_aggregate": Verdict.INCONCLUSIVE,
    "one_look": Verdict.SHIP,
    "fixed_before_end": Verdict.SHIP,
    "forty_looks": Verdict.SHIP,
    "every_state": Verdict.ROLL_BACK,
}
HARMED = checkout(42.0, 8.5, monitor=harmed())


def verdict_of(metrics, **changes):
    return conclude(facts(metrics, **changes)).verdict


def test_cases__all__have_an_expected_verdict():
    assert set(EXPECTED) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_verdict__edge_case__as_expected(name):
    assert conclude(CASES[name]()).verdict is EXPECTED[name]


def test_order__is_the_precedence_of_the_page():
    assert [verdict.value for verdict in ORDER] == [
        "DO NOT USE",
        "ROLL BACK",
        "KEEP RUNNING",
        "SHIP",
        "DECIDE",
        "NO EFFECT LARGE ENOUGH",
        "INCONCLUSIVE",
    ]


@pytest.mark.parametrize("kind", ["split", "assignment", "data"])
@pytest.mark.parametrize("status", ["fail", "not_run"])
def test_needed_check__failed_or_not_made__nothing_better_than_do_not_use(kind, status):
    assert verdict_of([HARMED], days=28, checks=checks(**{kind: status})) is Verdict.DO_NOT_USE


@pytest.mark.parametrize("kind", list(CheckKind))
def test_check__never_made__never_better_than_when_it_was(kind):
    complete = facts([orders(), checkout()], days=28)
    without = replace(complete, checks=tuple(check for check in complete.checks if check.kind is not kind))

    assert ORDER.index(conclude(without).verdict) <= ORDER.index(conclude(complete).verdict)


def test_pre_period__not_there__does_not_stop_use():
    assert verdict_of([orders(), checkout()], days=28, checks=checks(before="not_run")) is Verdict.SHIP


def test_pre_period__unlike__stops_use():
    assert verdict_of([orders(), checkout()], days=28, checks=checks(before="fail")) is Verdict.DO_NOT_USE


def test_harm__before_the_minimum_duration__rolls_back_at_once():
    assert verdict_of([orders(), HARMED], days=1) is Verdict.ROLL_BACK


def test_harm__on_a_guardrail_that_blocks_nothing__no_roll_back_and_no_ship():
    found = checkout(42.0, 8.5, monitor=harmed())
    watched = replace(found, binding=replace(found.binding, blocking=False))

    assert verdict_of([orders(), watched], days=28) is Verdict.DECIDE


def test_gain__before_the_minimum_duration__keeps_running():
    assert verdict_of([orders(), checkout()], days=6.9) is Verdict.KEEP_RUNNING


def test_weekdays__not_all_seen__keeps_running():
    assert verdict_of([orders(), checkout()], days=28, checks=checks(duration="warn")) is Verdict.KEEP_RUNNING


def test_gain__with_all_guardrails_held__ships_before_the_planned_end():
    assert verdict_of([orders(), checkout(), errors()], days=10) is Verdict.SHIP


def test_unproven__before_the_end__keeps_running__at_the_end__is_a_trade_off():
    unsure = checkout(18.0, 9.0)

    assert verdict_of([orders(), unsure], days=10) is Verdict.KEEP_RUNNING
    assert verdict_of([orders(), unsure], days=28) is Verdict.DECIDE
    assert verdict_of([orders(), unsure], days=10, information_share=1.0) is Verdict.DECIDE


def test_unproven__at_the_end_without_any_gain__inconclusive():
    assert verdict_of([orders(0.0, 0.003), checkout(18.0, 9.0)], days=28) is Verdict.INCONCLUSIVE


def test_worse_inside_limit__on_a_final_metric__is_a_trade_off():
    assert verdict_of([orders(), checkout(12.0, 3.0)], days=28) is Verdict.DECIDE


def test_metric_not_delivered__planned_as_blocking__never_ships():
    planned = {"bindings": [orders().binding, checkout().binding]}

    assert verdict_of([orders()], days=28, planned=planned) is Verdict.DECIDE


def test_roll_out__only_guardrails_and_one_unproven__no_trade_off_to_decide():
    assert verdict_of([checkout(18.0, 9.0), errors()], days=28) is Verdict.INCONCLUSIVE


def test_no_metrics__at_all__inconclusive():
    assert verdict_of([], days=28) is Verdict.INCONCLUSIVE


def test_trace__asks_in_order_and_ends_with_the_clause_that_held():
    (arm,) = conclude(CASES["decide"]()).arms

    assert [step.verdict for step in arm.trace][:4] == list(ORDER[:4])
    assert [step.answer.holds for step in arm.trace] == [False] * 4 + [True]
    assert arm.trace[-1].answer.because == ("p95 checkout time",)


def test_arms__with_different_verdicts__first_in_precedence_counts():
    found = conclude(CASES["three_arms"]())

    assert [arm.verdict for arm in found.arms] == [Verdict.ROLL_BACK, Verdict.SHIP]
    assert [arm.case.arm for arm in found.deciding] == ["eager"]


def test_ablation__harm_is_expected__price_instead_of_roll_back():
    found = facts([orders(-0.0052, 0.001), HARMED], days=28, about={"kind": "ablation"})

    assert conclude(found).verdict is Verdict.DECIDE
    assert conclude(replace(found, data_until=START + timedelta(days=10))).verdict is Verdict.KEEP_RUNNING
