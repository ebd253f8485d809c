# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Ramps steered by people: plans, approvals, jumps, the way back, and what cannot be done any more."""

import pytest
from django.db import DatabaseError, transaction

from flags import services
from flags.gates import Blocked, Finding
from flags.models import RampEvent, RampRun
from ledger.refusals import Conflict, NotFound, Refused
from tests.apps.flags.build import (
    BY,
    NOW,
    flag,
    published,
    split,
)
from tests.apps.flags.ramping import AT, HOUR, STEPS, coverage, run, start, tick

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objections")]


def test_plan__template__started_from_and_copied():
    flag()
    published([split(0)])
    services.create_ramp_plan(key="careful", steps=STEPS, **BY)

    made = services.start_ramp(**AT, plan="careful", **BY)

    assert (made.plan, made.steps[1]["on_trip"]) == ("careful", "roll_back")
    with pytest.raises(Conflict):
        services.create_ramp_plan(key="careful", steps=STEPS, **BY)


def test_pause_and_resume__running__nothing_moves_meanwhile():
    start()
    services.pause_ramp(ramp_id=run().id, reason="weekend", **BY)

    assert tick(9) == 0
    services.resume_ramp(ramp_id=run().id, actor="bob", now=NOW + HOUR * 9)
    assert tick(9.5) == 0
    assert tick(10) == 1


def test_approve__somebody_else__step_is_taken():
    steps = [STEPS[0], {"coverage_ppm": 500_000, "needs_approval": True}]
    start(steps)
    tick(1)
    assert run().waits_for == "step 2 needs the approval of somebody else"

    with pytest.raises(Refused, match="who started the ramp"):
        services.approve_step(ramp_id=run().id, step=1, **BY)
    services.approve_step(ramp_id=run().id, step=1, actor="bob", now=NOW)
    tick(1.1)

    assert (run().step, coverage()) == (1, 500_000)


def test_approve__first_step__ramp_waits_before_it_begins():
    start([{"coverage_ppm": 5, "needs_approval": True}])
    assert (run().step, coverage()) == (-1, 0)

    services.approve_step(ramp_id=run().id, step=0, actor="bob", now=NOW)
    tick(0)

    assert (run().step, coverage()) == (0, 5)


@pytest.mark.parametrize("step", [0, 1, 3, -1])
def test_approve__step_that_waits_for_none__refused(step):
    start()

    with pytest.raises(Refused, match="waits for no approval"):
        services.approve_step(ramp_id=run().id, step=step, actor="bob", now=NOW)


def test_jump__forwards_and_back__coverage_follows_and_back_is_never_held_up(objections):
    start()
    services.jump_ramp(ramp_id=run().id, step=2, reason="sure", **BY)
    assert (coverage(), run().step) == (1_000_000, 2)

    objections.append(Finding("trip", "no"))
    services.jump_ramp(ramp_id=run().id, step=0, reason="undo", **BY)
    assert (coverage(), run().step) == (10_000, 0)

    with pytest.raises(Blocked):
        services.jump_ramp(ramp_id=run().id, step=1, reason="again", **BY)


def test_jump__over_a_step_that_needs_approval__conflict():
    start([STEPS[0], {"coverage_ppm": 20_000, "needs_approval": True}, {"coverage_ppm": 30_000}])

    with pytest.raises(Conflict, match="step 2 needs approval first"):
        services.jump_ramp(ramp_id=run().id, step=2, reason="hurry", **BY)


@pytest.mark.parametrize("step", [-1, 0, 3])
def test_jump__no_such_step__refused(step):
    start()

    with pytest.raises(Refused, match="no such step"):
        services.jump_ramp(ramp_id=run().id, step=step, reason="x", **BY)


def test_roll_back__by_hand__coverage_from_before_even_when_gates_object(objections):
    start(coverage_ppm=5_000)
    objections.append(Finding("trip", "no"))

    services.roll_back_ramp(ramp_id=run().id, reason="errors", **BY)

    assert (coverage(), run().state) == (5_000, "rolled_back")


def test_roll_back__somebody_went_lower_already__that_stays():
    start(coverage_ppm=5_000)
    services.set_coverage(**AT, coverage_ppm=1_000, **BY)

    services.roll_back_ramp(ramp_id=run().id, reason="errors", **BY)

    assert coverage() == 1_000


def test_end__by_hand__coverage_stays():
    start()

    services.end_ramp(ramp_id=run().id, **BY)

    assert (coverage(), run().state) == (10_000, "ended")


@pytest.mark.parametrize(
    "act",
    [
        lambda: services.pause_ramp(ramp_id=run().id, reason="x", **BY),
        lambda: services.resume_ramp(ramp_id=run().id, **BY),
        lambda: services.approve_step(ramp_id=run().id, step=2, actor="bob", now=NOW),
        lambda: services.jump_ramp(ramp_id=run().id, step=1, reason="x", **BY),
        lambda: services.roll_back_ramp(ramp_id=run().id, reason="x", **BY),
        lambda: services.end_ramp(ramp_id=run().id, **BY),
    ],
)
def test_ended__anything__conflict(act):
    start()
    services.end_ramp(ramp_id=run().id, **BY)

    with pytest.raises(Conflict):
        act()


def test_ramp__unknown__not_found():
    with pytest.raises(NotFound):
        services.end_ramp(ramp_id=99, **BY)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (RampEvent, {"kind": "x"}),
        (RampRun, {"steps": []}),
        (RampRun, {"from_ppm": 1}),
        (RampRun, {"created_by": "eve"}),
    ],
)
def test_history__changed_past_the_services__database_refuses(model, change):
    start()

    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.update(**change)
