# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="arg-type, operator"
"""The guardrail monitor: who may alarm, when, and that the past is never rewritten."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from analysis.stats.compare import difference, lift
from analysis.stats.monitor import GuardrailMonitor, MonitorLook, MonitorState, SeenLook, look_of
from analysis.stats.results import Estimate, InvalidInput
from analysis.stats.sequential import tuned_tau2
from analysis.stats.simulate import z_paths
from analysis.stats.spending import spent
from analysis.stats.tails import critical_value

MONITOR = GuardrailMonitor(planned_information=1.0)


def looks_from(z, hours_per_look=1.0, planned=1.0):
    """One path of z scores at equal steps of information; the first 24 looks are scheduled and every 24th."""
    information = planned * np.arange(1, len(z) + 1) / len(z)
    return [
        MonitorLook(score / i**0.5, i**-0.5, 5000, hours_per_look * k, scheduled=k <= 24 or k % 24 == 0)
        for k, (score, i) in enumerate(zip(z, information, strict=True), start=1)
    ]


def test_judge__no_looks_or_all_too_early__says_so():
    few_users = MonitorLook(100.0, 1.0, units=99, hours=5.0, scheduled=True)
    first_minutes = MonitorLook(100.0, 1.0, units=10_000, hours=0.5, scheduled=True)

    nothing = MONITOR.judge([])
    assert (nothing.state, nothing.p_value, nothing.lower_bound) == (MonitorState.TOO_EARLY, 1.0, -math.inf)
    assert (nothing.information_share, nothing.alpha_spent, nothing.alarm_look) == (0.0, 0.0, None)
    assert MONITOR.judge([few_users, first_minutes]).state is MonitorState.TOO_EARLY


def test_judge__severe_harm__alarms_within_hours_on_the_looks_of_the_first_day():
    steady = 16.0 * np.sqrt(np.arange(1, 337) / 336)

    found = MONITOR.judge(looks_from(steady))

    assert found.is_alarm
    assert found.alarm_by == "spending"
    assert found.alarm_look < 12


def test_judge__severe_harm_after_the_first_day__alarms_before_the_next_daily_look():
    z = np.r_[np.zeros(30), np.full(18, 4.5)]

    found = MONITOR.judge(looks_from(z, planned=48 / 336))

    assert (found.alarm_by, found.alarm_look) == ("always_valid", 30)


def test_first_day__spends_its_share_hour_by_hour_and_no_more():
    looks = looks_from(np.zeros(48), planned=48 / 336)

    used = [MONITOR.judge(looks[:hours]).alpha_spent for hours in (6, 12, 24, 30)]

    # Of the rest, hardly anything is spent so early.
    assert used == pytest.approx([0.005 + 0.0125 * part for part in (0.25, 0.5, 1.0, 1.0)], abs=1e-6)


def test_first_day__first_look_comes_late__bound_has_all_that_earlier_looks_would_have_spent():
    late = MonitorLook(0.0, 14.0**0.5, 5000, 24.0, scheduled=True)

    found = MONITOR.judge([late])

    assert found.bound == pytest.approx(critical_value(0.0125 + spent(1 / 14, 0.0325)), rel=1e-6)


def test_judge__harm_as_planned_for__found_at_a_scheduled_look():
    steady = 2.6 * np.sqrt(np.arange(1, 337) / 336)

    found = MONITOR.judge(looks_from(steady))

    assert found.is_alarm
    assert found.alarm_by == "spending"
    assert (found.alarm_look + 1) % 24 == 0
    assert found.z > found.bound


def test_always_valid_half__one_sided_and_tuned_for_a_tenth_of_the_plan():
    found = GuardrailMonitor(planned_information=40.0, alpha=0.1).always_valid

    assert found.tau2 == pytest.approx(tuned_tau2(1 / 4.0, 0.01, sides=1))
    assert found.alpha == pytest.approx(0.01)
    assert found.sides == 1


def test_judge__improvement_however_large__no_alarm():
    found = MONITOR.judge(looks_from(np.full(336, -12.0)))

    assert found.state is MonitorState.NO_ALARM
    assert found.p_value == pytest.approx(1.0)
    assert found.information_share == pytest.approx(1.0)


def test_judge__alarm_once_raised__stays_whatever_comes_later():
    z = np.r_[np.full(48, 6.0), np.full(48, -3.0)]

    early, late = MONITOR.judge(looks_from(z, planned=1.0)[:30]), MONITOR.judge(looks_from(z))

    assert early.is_alarm
    assert late.alarm_look == early.alarm_look


def test_judge__lower_bound_above_zero__exactly_when_the_always_valid_half_alarms():
    for z in (2.0, 3.0, 3.5, 4.0):
        look = MonitorLook(z * 2.0, 2.0, 5000, 12.0)

        found = MONITOR.judge([look])

        assert found.is_alarm == (found.lower_bound > 0)
        assert found.is_alarm == (found.p_value < found.always_valid_alpha)


def test_judge__scheduled_look_without_new_information__passed_over():
    look = MonitorLook(0.5, 1.0, 5000, 24.0, scheduled=True)
    again = MonitorLook(0.5, 1.0, 5000, 48.0, scheduled=True)

    assert MONITOR.judge([look, again]).bound == MONITOR.judge([look]).bound


def test_judge__planned_information_far_off__alpha_is_spent_by_the_share_of_the_plan():
    z = 2.6 * np.sqrt(np.arange(1, 337) / 336)
    looks = [
        MonitorLook(look.harm, look.standard_error, 5000, look.hours, look.scheduled, look.hours / 336)
        for look in looks_from(z)
    ]

    by_plan = GuardrailMonitor(planned_information=500.0).judge(looks)
    by_information = GuardrailMonitor(planned_information=500.0).judge(looks_from(z))

    assert by_plan.alarm_look == MONITOR.judge(looks_from(z)).alarm_look
    assert by_plan.alpha_spent == pytest.approx(0.05)
    assert not by_information.is_alarm
    assert by_information.alpha_spent == pytest.approx(0.005 + 0.0125)


def test_judge__share_of_the_plan_falls__counts_as_not_falling():
    first = MonitorLook(0.5, 1.0, 5000, 24.0, scheduled=True, plan_share=0.5)
    second = MonitorLook(0.5, 0.9, 5000, 48.0, scheduled=True, plan_share=0.4)

    assert MONITOR.judge([first, second]).alpha_spent == MONITOR.judge([first]).alpha_spent


def test_judge__other_units_of_the_metric__same_state():
    z = z_paths(np.random.default_rng(3), 1, 96, drift=3.0)[0]

    first = MONITOR.judge(looks_from(z))
    second = GuardrailMonitor(planned_information=1e-6).judge(looks_from(z, planned=1e-6))

    assert first.alarm_look == second.alarm_look
    assert first.p_value == pytest.approx(second.p_value, rel=1e-9)
    assert json.loads(json.dumps(first.to_dict())) == first.to_dict()


@pytest.mark.parametrize(("better", "harm"), [("up", -1.5), ("down", 1.5)])
def test_look_of__direction__harm_is_positive(better, harm):
    comparison = difference(Estimate(10.0, 0.5), Estimate(11.5, 0.5))

    look = look_of(comparison, better=better, units=200, hours=3.0)

    assert look.harm == pytest.approx(harm)
    assert look.information == pytest.approx(1.0)


def test_look_of__clock_in_the_metrics_level__same_z():
    comparison = difference(Estimate(10.0, 0.5), Estimate(11.5, 0.5))

    look = look_of(comparison, better="down", units=200, hours=3.0, unit=10.75, plan_share=0.1)

    assert look.harm / look.standard_error == pytest.approx(1.5)
    assert look.information == pytest.approx(10.75**2)
    assert look.plan_share == 0.1


def test_seen_look__stored_and_read_again__the_same_look_and_on_another_clock_the_same_z():
    comparison = difference(Estimate(10.0, 0.5), Estimate(11.7, 0.5))
    seen = SeenLook(comparison.estimate, comparison.standard_error, 10.85, 200, 3.0, True, 0.1)
    again = SeenLook(**json.loads(json.dumps(asdict(seen))))
    elsewhere = replace(again, unit=1.0)

    look = look_of(
        comparison, better="down", units=200, hours=3.0, scheduled=True, unit=10.85, plan_share=0.1
    )

    assert again.on_clock("down") == look
    moved = elsewhere.on_clock("down")
    assert moved.harm / moved.standard_error == pytest.approx(look.harm / look.standard_error)
    assert moved.harm == pytest.approx(1.7)


def test_look_of__unit_not_positive__refused():
    with pytest.raises(InvalidInput, match="positive unit"):
        look_of(difference(Estimate(1, 1), Estimate(1, 1)), better="up", units=200, hours=3.0, unit=0.0)


def test_look_of__lift_or_unknown_direction__refused():
    with pytest.raises(InvalidInput, match="absolute"):
        look_of(lift(Estimate(10.0, 0.5), Estimate(11.5, 0.5)), better="up", units=200, hours=3.0)
    with pytest.raises(InvalidInput, match="direction"):
        look_of(difference(Estimate(1, 1), Estimate(1, 1)), better="lower", units=200, hours=3.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"planned_information": 0.0},
        {"planned_information": 1.0, "alpha": 1.0},
        {"planned_information": 1.0, "first_day_share": 0.9},
    ],
)
def test_monitor__impossible_settings__refused(settings):
    with pytest.raises(InvalidInput):
        GuardrailMonitor(**settings)
