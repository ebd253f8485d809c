"""What a ramp does next: harm first, then objections, time, units, approval."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flags import definitions, document
from flags.parts import Numbered, Parts
from flags.ramp import (
    ALLOWED,
    OPEN,
    TRIP,
    Kind,
    Objection,
    OnTrip,
    Position,
    State,
    Step,
    check,
    next_move,
    of_rows,
    read_steps,
)
from headway.evaluation import compile_config
from ledger.refusals import Conflict, Refused

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STEPS = (
    Step(10_000, 60),
    Step(100_000, 60, min_units=500, on_trip=OnTrip.ROLL_BACK),
    Step(1_000_000, 60, needs_approval=True),
)
HARM = Objection(TRIP, "guardrail latency is harmed")
HELD = Objection("hold", "ada holds the flag")


def move(step, *, minutes=60, state=State.RUNNING, **options):
    at = Position(state=state, step=step, since=NOON, now=NOON + timedelta(minutes=minutes), **options)
    return next_move(STEPS, at)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"step": -1}, Kind.ADVANCE),
        ({"step": 0, "minutes": 59}, Kind.WAIT),
        ({"step": 0}, Kind.ADVANCE),
        ({"step": 1}, Kind.WAIT),
        ({"step": 1, "units": 499}, Kind.WAIT),
        ({"step": 1, "units": 500}, Kind.WAIT),
        ({"step": 1, "units": 500, "approved": frozenset({2})}, Kind.ADVANCE),
        ({"step": 2, "minutes": 59}, Kind.WAIT),
        ({"step": 2}, Kind.COMPLETE),
        ({"step": 0, "objections": (HELD,)}, Kind.HOLD),
        ({"step": 0, "objections": (HARM,)}, Kind.HOLD),
        ({"step": 1, "objections": (HARM,)}, Kind.ROLL_BACK),
        ({"step": 1, "objections": (HELD,)}, Kind.HOLD),
        ({"step": 1, "objections": (HELD, HARM), "state": State.HOLDING}, Kind.ROLL_BACK),
        ({"step": -1, "objections": (HARM,)}, Kind.HOLD),
        ({"step": 0, "state": State.HOLDING}, Kind.RESUME),
    ],
)
def test_next_move__cases__as_the_rule_says(options, kind):
    assert move(**options).kind is kind


def test_next_move__number_of_units_unknown__never_a_pass():
    assert move(1, units=None, approved=frozenset({2})).why == "an unknown number of units of 500"


def test_next_move__approval_missing__says_for_which_step():
    assert "step 3 needs the approval" in move(1, units=500).why


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_check__every_pair__as_the_table(before, after):
    if after in ALLOWED[before]:
        check(before, after)
    else:
        with pytest.raises(Conflict, match=f"is {before} and cannot become {after}"):
            check(before, after)


def test_allowed__ended_ramps__are_over():
    assert all(not ALLOWED[state] for state in State if state not in OPEN)


def test_read__little_said__the_rest_has_defaults():
    (step,) = read_steps([{"coverage_ppm": 5}])

    assert step == Step(5, 0, 0, False, OnTrip.HOLD)
    assert of_rows([step.to_dict()]) == (step,)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (None, "steps"),
        ([], "steps"),
        ([{"coverage_ppm": 5}] * 21, "steps"),
        (["x"], "steps[0]"),
        ([{}], "steps[0].coverage_ppm"),
        ([{"coverage_ppm": 0}], "steps[0].coverage_ppm"),
        ([{"coverage_ppm": 1_000_001}], "steps[0].coverage_ppm"),
        ([{"coverage_ppm": True}], "steps[0].coverage_ppm"),
        ([{"coverage_ppm": 5, "hold_minutes": -1}], "steps[0].hold_minutes"),
        ([{"coverage_ppm": 5, "hold_minutes": 1.5}], "steps[0].hold_minutes"),
        ([{"coverage_ppm": 5, "min_units": "5"}], "steps[0].min_units"),
        ([{"coverage_ppm": 5, "needs_approval": 1}], "steps[0].needs_approval"),
        ([{"coverage_ppm": 5, "on_trip": "panic"}], "steps[0].on_trip"),
        ([{"coverage_ppm": 5, "gate": "none"}], "steps[0].gate"),
        ([{"coverage_ppm": 5}, {"coverage_ppm": 5}], "steps[1].coverage_ppm"),
    ],
)
def test_read__wrong__refused_with_the_field(content, field):
    with pytest.raises(Refused) as refused:
        read_steps(content)

    assert field in {problem.field for problem in refused.value.problems}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_coverage__raised_from_1_to_100_percent__nobody_enrolled_changes_arm(gate, arm):
    assume(gate != arm)
    arms = [["off", 500_000], ["on", 500_000]]
    rule = {"id": "r1", "split": {"coverage_ppm": 0, "gate_salt": gate, "arm_salt": arm, "arms": arms}}
    drawn = {**definitions.first("bool", "user"), "rules": [rule]}
    enrolled: dict[str, str | None] = {}

    for percent in range(1, 101):
        now_in = _enrolled(definitions.with_coverage(drawn, None, percent * 10_000))
        assert now_in == now_in | enrolled
        enrolled = now_in

    assert len(enrolled) == 60


def _enrolled(definition):
    """User → arm, of those who take part."""
    parts = Parts("production", {"f": Numbered(1, definition)})
    config = compile_config(document.build(parts, version=1, built_at=document.ANY_TIME))
    answers = {user: config.evaluate("f", user) for user in (f"user-{number}" for number in range(60))}
    return {user: answer.variant for user, answer in answers.items() if answer.reason == "SPLIT"}
