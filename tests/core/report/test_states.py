"""The states of one metric: a table over where its interval lies, oriented so that more is better."""

from dataclasses import replace

import pytest

from analysis.report.facts import Harm
from analysis.report.states import State, judge
from analysis.stats.results import Inference, NotEstimable, Why
from experiments.plan import Role
from metrics.definitions import Direction
from tests.core.report.build import (
    arm_result,
    binding,
    comparison,
    definition,
    harmed,
    latency,
    metric,
    missing,
)


def judged(of, low, high, *, control=100.0, alpha=0.05, **changes):
    """The state of a metric whose difference has the interval low..high."""
    point, half = (low + high) / 2, (high - low) / 2
    found = metric(of, point, half / 2, control=control, half=half, **changes)
    return judge(found, found.arms[0], inference=Inference.ALWAYS_VALID, alpha=alpha)


UP = definition(direction=Direction.UP)
DOWN = latency()
GUARDED = [
    (1.0, 3.0, State.BETTER),
    (-4.0, 3.0, State.HELD),
    (0.0, 3.0, State.HELD),
    (-4.0, 0.0, State.HELD),
    (-4.0, -1.0, State.WITHIN),
    (-5.0, 3.0, State.NOT_PROVEN),
    (-9.0, 3.0, State.NOT_PROVEN),
    (-5.0, -1.0, State.HARM),
    (-9.0, -6.0, State.HARM),
]


@pytest.mark.parametrize(("low", "high", "expected"), GUARDED)
@pytest.mark.parametrize("of", [UP, DOWN], ids=["up", "down"])
def test_guardrail__interval_against_limit_5__state_of_the_table(of, low, high, expected):
    ends = (low, high) if of.direction is Direction.UP else (-high, -low)

    found = judged(binding(of, Role.GUARDRAIL, margin=5.0), *ends)

    assert found.state is expected
    assert found.passes is (expected in (State.BETTER, State.HELD, State.WITHIN))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.0, 3.0, State.BETTER),
        (-1.0, 1.5, State.NEUTRAL),
        (-2.0, 1.5, State.NOT_DETECTED),
        (-1.0, 9.0, State.NOT_DETECTED),
        (-3.0, -1.0, State.WORSE),
    ],
)
def test_success__no_margin_gain_2__better_not_detected_or_worse(low, high, expected):
    assert judged(binding(UP, gain=2.0), low, high).state is expected


def test_success__no_gain_stated__never_neutral():
    assert judged(binding(UP), -0.001, 0.001).state is State.NOT_DETECTED


def test_success__better_alone_but_not_after_correction__not_detected():
    found = judged(binding(UP), 1.0, 3.0, adjusted_p=0.08)

    assert (found.state, found.is_uncorrected) == (State.NOT_DETECTED, True)


@pytest.mark.parametrize(
    ("direction", "low", "high", "changed"),
    [
        (Direction.UP, 1.0, 3.0, State.BETTER),
        (Direction.UP, -3.0, -1.0, State.WORSE),
        (Direction.NONE, 1.0, 3.0, State.CHANGED),
        (Direction.NONE, -3.0, -1.0, State.CHANGED),
    ],
)
def test_diagnostic__moved_alone_but_not_among_all_diagnostics__not_detected(direction, low, high, changed):
    of = binding(definition(direction=direction), Role.DIAGNOSTIC)
    certain = judged(of, low, high, adjusted_p=0.049)
    noise = judged(of, low, high, adjusted_p=0.051)

    assert (certain.state, certain.is_uncorrected) == (changed, False)
    assert (noise.state, noise.is_uncorrected) == (State.NOT_DETECTED, True)


def test_success__lost_alone_but_not_after_correction__stays_a_warning():
    assert judged(binding(UP), -3.0, -1.0, adjusted_p=0.08).state is State.WORSE


def test_harm__whole_interval_beyond_the_limit__confirmed():
    certain = judged(binding(UP, Role.GUARDRAIL, margin=5.0), -9.0, -6.0)
    possible = judged(binding(UP, Role.GUARDRAIL, margin=5.0), -9.0, -1.0)

    assert (certain.is_confirmed, possible.is_confirmed) == (True, False)


def test_monitor__crossed_its_boundary__harm_although_the_interval_holds_zero():
    of = binding(UP, Role.GUARDRAIL, margin=5.0)

    assert judged(of, -9.0, 1.0, monitor=harmed()).state is State.HARM
    assert judged(of, -4.0, 1.0, monitor=harmed()).state is State.WITHIN
    assert judged(of, -9.0, 1.0, monitor=harmed(harm=Harm.CONFIRMED)).is_confirmed


def test_monitor__of_a_success_metric__changes_nothing():
    assert judged(binding(UP), -9.0, 1.0, monitor=harmed()).state is State.NOT_DETECTED


def test_blocking_guardrail__no_margin_stated__has_to_be_better():
    of = binding(UP, Role.GUARDRAIL, blocking=True)

    assert judged(of, -0.1, 3.0).state is State.NOT_PROVEN
    assert judged(of, 0.1, 3.0).state is State.BETTER


@pytest.mark.parametrize("why", list(Why))
def test_guardrail__no_number__never_passes(why):
    of = missing(binding(DOWN, Role.GUARDRAIL, margin=5.0), why)

    found = judge(of, of.arms[0], inference=Inference.ALWAYS_VALID, alpha=0.05)

    assert (found.state, found.passes) == (State.NOT_PROVEN, False)


def test_diagnostic__no_number__cannot_say():
    of = missing(binding(UP, Role.DIAGNOSTIC))

    found = judge(of, of.arms[0], inference=Inference.ALWAYS_VALID, alpha=0.05)

    assert found.state is State.CANNOT_SAY


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1.0, 3.0, State.CHANGED), (-3.0, -1.0, State.CHANGED), (-1.0, 3.0, State.NOT_DETECTED)],
)
def test_undirected__moved__changed_but_never_better(low, high, expected):
    either = definition(direction=Direction.NONE)

    assert judged(binding(either, Role.DIAGNOSTIC), low, high).state is expected


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(-4.0, 4.0, State.HELD), (-4.0, 6.0, State.NOT_PROVEN)]
)
def test_undirected__guarded__limit_on_both_sides(low, high, expected):
    either = definition(direction=Direction.NONE)

    assert judged(binding(either, Role.GUARDRAIL, margin=5.0), low, high).state is expected


def test_relative_margin__decided_by_its_contrast__not_by_the_point_of_the_control():
    of = binding(UP, Role.GUARDRAIL, margin="5%")
    found = metric(of, -3.0, 1.0, control=100.0, half=1.9)
    wide = replace(found.arms[0].always_valid, contrast=comparison(2.0, 1.5, always=True))

    by_contrast = judge(
        found,
        replace(found.arms[0], always_valid=wide),
        inference=Inference.ALWAYS_VALID,
        alpha=0.05,
    )

    assert judged(of, -4.9, -1.1).state is State.WITHIN
    assert by_contrast.state is State.HARM


def test_relative_margin__contrast_not_estimable__not_proven():
    of = binding(UP, Role.GUARDRAIL, margin="5%")
    found = metric(of, 0.0, 1.0, control=100.0)
    lost = replace(found.arms[0].always_valid, contrast=NotEstimable(Why.BASE_NOT_POSITIVE, "control"))

    state = judge(
        found, replace(found.arms[0], always_valid=lost), inference=Inference.ALWAYS_VALID, alpha=0.05
    ).state

    assert state is State.NOT_PROVEN


def test_inference__chosen__decides_the_interval():
    of = binding(UP)
    found = metric(of, 0, 0, arms=[arm_result(of, 2.4, 1.0, control=100.0)])

    states = [
        judge(found, found.arms[0], inference=inference, alpha=0.05).state
        for inference in (Inference.FIXED, Inference.ALWAYS_VALID)
    ]

    assert states == [State.BETTER, State.NOT_DETECTED]
