"""When harm is found, how sure it is, and what it sets off."""

from dataclasses import replace

import pytest

from analysis import guardrails
from analysis.comparing import BothReadings, Clock, History
from analysis.guardrails import Action, Moment
from analysis.report.facts import ArmResult, ArmValue, Harm, MetricFacts, MonitorFacts, Reading
from analysis.report.states import State, judge
from analysis.stats import compare
from analysis.stats.monitor import GuardrailMonitor, MonitorLook, SeenLook
from analysis.stats.results import Estimate, Inference
from experiments.plan import Role
from metrics.definitions import Direction, Kind, Margin
from tests.core.analysis.plans import binding
from tests.core.analysis.world import definition

LATENCY = definition("latency", Kind.MEAN, "request")
ORDERS = definition("orders", Kind.COUNT, "purchase", direction=Direction.UP)
OWN_UNIT = Clock(100.0)
"""A standard error of 0.1 at the planned end."""


def bound(of=LATENCY, role=Role.GUARDRAIL, *, blocking=True, margin=0.5, relative=False):
    stated = Margin(margin, relative) if margin else None
    return replace(binding(of, role, blocking=blocking), margin=stated)


def reading(effect, error=0.1, *, base=10.0, weight=None):
    """Treatment - control = effect with this standard error."""
    control, treatment = Estimate(base, error**2 / 2), Estimate(base + effect, error**2 / 2)
    contrast = None if weight is None else compare.contrast(control, treatment, base_weight=weight)
    return Reading(compare.difference(control, treatment), contrast=contrast)


def watched(
    effect,
    error=0.1,
    of=None,
    *,
    looks=(),
    clock=OWN_UNIT,
    unit=1.0,
    units=1000,
    at=Moment(1, 24.0, 1.0),
    caution=1.0,
    **more,
):
    """`looks` are earlier ones with their numbers."""
    read = reading(effect, error, **more)
    both = BothReadings(read, read, clock, unit, caution)
    history = History(clock, tuple(look for _, look in looks), tuple(number for number, _ in looks))
    return guardrails.watch(of or bound(), both, history, units=units, at=at)


@pytest.mark.parametrize(
    ("effect", "harm"),
    [(0.0, Harm.NONE), (-2.0, Harm.NONE), (0.5, Harm.HARM), (1.2, Harm.CONFIRMED)],
)
def test_watch__lower_is_better__harm_by_size_against_the_margin(effect, harm):
    assert watched(effect).facts.harm is harm


def test_watch__loss_beyond_the_margin_at_the_level_of_the_alarm__confirmed():
    """After an alarm the margin is asked about at the whole level, not at that of the hourly half."""
    test = GuardrailMonitor(OWN_UNIT.planned_information).always_valid
    certain, likely = (0.5 + replace(test, alpha=level).multiplier(0.1) * 0.1 for level in (0.049, 0.051))

    assert watched(certain).facts.harm is Harm.CONFIRMED
    assert watched(likely).facts.harm is Harm.HARM
    assert test.p_value(certain - 0.5, 0.1) > test.alpha


def test_watch__loss_just_ruled_out_at_the_level_of_the_alarm_only__still_harm():
    test = GuardrailMonitor(OWN_UNIT.planned_information).always_valid
    safe, unsafe = (0.9 - replace(test, alpha=level).multiplier(0.1) * 0.1 for level in (0.0045, 0.01))
    guarded = bound(margin=0.9)
    alarmed = [(1, MonitorLook(3.0, 0.2, 700, 6.0))]

    assert watched(safe, of=guarded, looks=alarmed).facts.harm is Harm.NONE
    assert watched(unsafe, of=guarded, looks=alarmed).facts.harm is Harm.HARM


def test_watch__cautious_error__judged_and_remembered_as_if_it_were_the_error():
    """A small arm may look more precise than it is; the margin is held against the same error."""
    for effect in (0.3, 0.5, 1.2):
        careful, plain = watched(effect, 0.05, caution=2.0), watched(effect, 0.1)

        assert careful.facts == plain.facts
        assert careful.look.standard_error == pytest.approx(0.1)


def test_watch__what_is_remembered__the_raw_difference_and_what_the_clock_counts_in():
    found = watched(-1.2, of=bound(ORDERS), unit=10.0, at=Moment(3, 30.0, 0.25))

    assert found.seen == SeenLook(
        pytest.approx(-1.2), pytest.approx(0.1), 10.0, 1000, 30.0, scheduled=True, plan_share=0.25
    )
    assert found.look == found.seen.on_clock("up")


def test_watch__higher_is_better__a_fall_is_the_harm():
    guarded = bound(ORDERS)

    assert watched(-1.2, of=guarded).facts.harm is Harm.CONFIRMED
    assert watched(1.2, of=guarded).facts.harm is Harm.NONE


def test_watch__loss_certain_but_beyond_the_margin_ruled_out__no_harm():
    assert watched(0.5, 0.02, of=bound(margin=5.0)).facts.harm is Harm.NONE


def test_watch__no_margin_stated__harm_but_never_confirmed():
    assert watched(3.0, of=bound(margin=None, blocking=False)).facts.harm is Harm.HARM


@pytest.mark.parametrize(("effect", "harm"), [(0.8, Harm.HARM), (2.0, Harm.CONFIRMED)])
def test_watch__relative_margin__contrast_with_the_control_decides(effect, harm):
    guarded = bound(margin=0.08, relative=True)

    assert watched(effect, of=guarded, weight=1.08).facts.harm is harm


@pytest.mark.parametrize("role", [Role.PRIMARY, Role.SUCCESS, Role.DIAGNOSTIC])
def test_watch__role_is_not_monitored__no_harm_and_nothing_remembered(role):
    found = watched(5.0, of=bound(role=role, blocking=False))

    assert (found.facts, found.look) == (MonitorFacts(), None)


def test_watch__no_direction__not_monitored():
    neutral = definition("size", Kind.MEAN, "request", direction=Direction.NONE)

    assert watched(5.0, of=bound(neutral)).look is None


@pytest.mark.parametrize(("units", "hours"), [(99, 24.0), (1000, 0.5)])
def test_watch__too_few_units_or_too_early__no_alarm_whatever_the_effect(units, hours):
    assert watched(5.0, units=units, at=Moment(1, hours, 1.0)).facts.harm is Harm.NONE


@pytest.mark.parametrize("lost", [{"clock": None}, {"unit": None}])
def test_watch__clock_cannot_be_read__passed_over(lost):
    assert watched(5.0, **lost).look is None


@pytest.mark.parametrize(("effect", "harm"), [(0.0, Harm.NONE), (0.5, Harm.HARM), (1.2, Harm.CONFIRMED)])
def test_watch__clock_in_levels__look_and_margin_in_the_same_unit(effect, harm):
    in_levels = Clock(100.0 * 10.0**2, is_relative=True)

    found = watched(effect, clock=in_levels, unit=10.0)

    assert (found.look.harm, found.look.standard_error) == pytest.approx((effect / 10, 0.01))
    assert found.facts == watched(effect).facts
    assert found.facts.harm is harm


def test_watch__alarm_at_an_earlier_look__its_number_is_told_and_it_stays():
    quiet = MonitorLook(0.0, 0.3, 500, 5.0)
    loud = MonitorLook(3.0, 0.2, 700, 6.0)

    found = watched(0.6, looks=[(3, quiet), (7, loud)], at=Moment(9, 24.0, 1.0))

    assert (found.facts.harm, found.facts.look) == (Harm.HARM, 7)


def spent_on_days(errors, shares, first=()):
    """Level spent after each daily look."""
    looks, spent = list(first), []
    for day, (error, share) in enumerate(zip(errors, shares, strict=True), start=1):
        found = watched(0.0, error, looks=looks, at=Moment(day, 24.0 * day, share))
        looks.append((day, found.look))
        spent.append(found.facts.alpha_spent)
    return spent


def test_watch__alpha_spent__grows_with_the_plan_whatever_the_information():
    spent = spent_on_days((0.4, 0.35, 0.3, 0.25), (0.25, 0.5, 0.75, 1.0))

    assert spent == sorted(spent)
    assert spent[0] == pytest.approx(0.005 + 0.0125, abs=1e-3)
    assert spent[-1] == pytest.approx(0.05)


def test_watch__looks_of_an_earlier_version__alpha_goes_on_by_information():
    old = MonitorLook(0.0, 0.5, 500, 24.0, scheduled=True)

    found = watched(0.0, 0.1, looks=[(1, old)], at=Moment(2, 48.0, 0.1))

    assert found.look.plan_share is None
    assert found.facts.alpha_spent == pytest.approx(0.05)


def looks_at(*hours):
    return tuple(MonitorLook(0.0, 1.0, 500, each, scheduled=True) for each in hours)


@pytest.mark.parametrize(
    ("earlier", "hours", "expected"),
    [
        ((), 1.0, True),
        ((), 30.0, True),
        ((5.2,), 5.9, False),
        ((5.9,), 6.0, True),
        ((23.4,), 26.4, True),
        ((25.0,), 30.0, False),
        ((25.0,), 47.9, False),
        ((25.0,), 48.5, True),
    ],
)
def test_is_scheduled__first_look_of_an_hour_on_the_first_day_and_of_a_day_after_it(earlier, hours, expected):
    assert guardrails.is_scheduled(looks_at(*earlier), hours) is expected


def judged(effect, of=None, *, error=0.1, monitor=MonitorFacts()):
    of = of or bound()
    read = reading(effect, error)
    result = ArmResult("treatment", ArmValue(1000, 10 + effect), read, read, monitor=monitor)
    facts = MetricFacts(of, ArmValue(1000, 10.0), (result,))
    return judge(facts, result, inference=Inference.FIXED, alpha=0.05)


@pytest.mark.parametrize(
    ("effect", "harm", "action"),
    [(0.5, Harm.HARM, Action.HOLD), (1.5, Harm.CONFIRMED, Action.ROLL_BACK)],
)
def test_trip__blocking_guardrail__held_or_rolled_back(effect, harm, action):
    trip = guardrails.trip_of(judged(effect), is_trusted=True)

    assert (trip.harm, trip.action, trip.margin) == (harm, action, 0.5)
    assert trip.low < trip.estimate < trip.high


def test_trip__data_not_to_be_trusted__held_at_most():
    trip = guardrails.trip_of(judged(1.5), is_trusted=False)

    assert (trip.harm, trip.action) == (Harm.HARM, Action.HOLD)


@pytest.mark.parametrize("role", [Role.GUARDRAIL, Role.DETERIORATION])
def test_trip__not_blocking__alarm_only(role):
    trip = guardrails.trip_of(judged(1.5, bound(role=role, blocking=False)), is_trusted=True)

    assert trip.action is Action.ALARM


def test_trip__worse_without_a_margin__alarm():
    found = judged(1.5, bound(role=Role.DETERIORATION, blocking=False, margin=None))

    assert found.state is State.WORSE
    assert guardrails.trip_of(found, is_trusted=True).action is Action.ALARM


@pytest.mark.parametrize("effect", [0.0, -1.0, 0.1])
def test_trip__not_harmed__none(effect):
    assert guardrails.trip_of(judged(effect), is_trusted=True) is None


def test_trip__success_metric_got_worse__none():
    assert guardrails.trip_of(judged(1.5, bound(role=Role.SUCCESS, blocking=False)), is_trusted=True) is None


def test_trip__monitor_alarmed_while_the_interval_reaches_zero__opened():
    """The monitor has its own share of alpha; report and trip both follow it."""
    found = judged(0.15, error=0.2, monitor=MonitorFacts(Harm.HARM, 3))

    assert found.state is State.HARM
    assert guardrails.trip_of(found, is_trusted=True) is not None
