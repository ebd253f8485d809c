# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Scheduling, pausing, ramps inside experiments, layers and the next question."""

from datetime import timedelta

import pytest

from experiments import preflight_queries, queries, services
from flags import gates, samples
from flags import queries as flag_queries
from flags import services as flag_services
from flags.gates import Finding
from ledger.refusals import Conflict, Refused
from tests.apps.experiments.build import KEY, NOW, drafted, started
from tests.apps.experiments.test_assignment import BY, variants

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
ROSA: dict = {"key": KEY, "actor": "rosa"}
STEPS = [
    {"coverage_ppm": 50_000, "hold_minutes": 60, "on_trip": "roll_back"},
    {"coverage_ppm": 250_000, "hold_minutes": 60, "needs_approval": True},
    {"coverage_ppm": 1_000_000},
]


@pytest.fixture(autouse=True)
def objections(monkeypatch):
    """What gates say to "ramp.advance" and "experiment.start"; nothing until a test adds something."""
    said: list = []
    monkeypatch.setattr(gates, "_gates", {action: [lambda subject: list(said)] for action in gates.ACTIONS})
    monkeypatch.setattr(samples, "_providers", [])
    return said


@pytest.fixture
def flag():
    flag_services.create_environment(key="production", is_production=True, **BY)
    return flag_services.create_flag(key=KEY, value_type="bool", **BY)


def approved(**changes):
    drafted(**changes)
    services.submit(now=NOW, **ROSA)
    services.approve(key=KEY, actor="amir", now=NOW)


def state():
    return queries.experiment(KEY).state


def coverage():
    return queries.open_phase(KEY).coverage_ppm


def test_schedule__time_comes__starts_and_stops_by_itself():
    approved()
    services.schedule(
        start_at=LATER, stop_at=LATER + timedelta(days=14), coverage_ppm=500_000, now=NOW, **ROSA
    )

    assert services.run_due(now=LATER - timedelta(seconds=1)) == 0
    assert services.run_due(now=LATER) == 1
    assert services.run_due(now=LATER) == 0
    assert (state(), coverage()) == ("running", 500_000)
    services.run_due(now=LATER + timedelta(days=14))

    assert state() == "stopped"


def test_schedule__gate_objects_at_the_time__says_why_and_tries_again(objections):
    approved()
    services.schedule(start_at=LATER, now=NOW, **ROSA)
    objections.append(Finding("review", "the launch review is open"))

    assert services.run_due(now=LATER) == 0
    assert queries.experiment(KEY).schedule_note == "the launch review is open"
    objections.clear()
    services.run_due(now=LATER + timedelta(minutes=1))

    assert state() == "running"


@pytest.mark.parametrize("start_at", [NOW, NOW - timedelta(days=1)])
def test_schedule__past_time__refused(start_at):
    approved()

    with pytest.raises(Refused, match="past"):
        services.schedule(start_at=start_at, now=NOW, **ROSA)


def test_schedule__plan_nobody_approved__conflict():
    drafted()

    with pytest.raises(Conflict, match="cannot become scheduled"):
        services.schedule(start_at=LATER, now=NOW, **ROSA)


def test_unschedule__before_the_start__approved_and_nothing_due():
    approved()
    services.schedule(start_at=LATER, now=NOW, **ROSA)

    services.unschedule(reason="the banner is late", now=NOW, **ROSA)

    assert (state(), services.run_due(now=LATER)) == ("approved", 0)


def test_schedule_stop__running__stops_at_the_time():
    started()
    services.schedule_stop(stop_at=LATER, reason="sale ends", now=NOW, **ROSA)

    services.run_due(now=LATER)

    assert state() == "stopped"


@pytest.mark.usefixtures("flag")
def test_pause__and_resume__everybody_gets_the_default_then_the_same_arm_again():
    started(assigned_here=True)
    before = variants()

    services.pause(reason="an incident", now=LATER, **ROSA)
    assert set(variants().values()) == {"off"}
    services.resume(reason="it is over", now=LATER, **ROSA)

    assert variants() == before
    assert [phase.coverage_ppm for phase in queries.phases(KEY)] == [1_000_000, 0, 1_000_000]


def test_resume__gate_objects__stays_paused(objections):
    started()
    services.pause(reason="an incident", now=LATER, **ROSA)
    objections.append(Finding("guardrail_trip", "errors are harmed"))

    with pytest.raises(gates.Blocked):
        services.resume(reason="it is over", now=LATER, **ROSA)

    assert state() == "paused"


def test_stop__paused__ends():
    started()
    services.pause(reason="an incident", now=LATER, **ROSA)

    services.stop(reason="it stays", now=LATER, **ROSA)

    assert queries.open_phase(KEY) is None


def ramped():
    drafted()
    services.start(key=KEY, actor="rosa", now=NOW, coverage_ppm=10_000)
    services.start_ramp(steps=STEPS, now=NOW, **ROSA)


def at(hours):
    return NOW + timedelta(hours=hours)


def test_ramp__hours_pass_and_somebody_agrees__coverage_grows_to_everybody():
    ramped()

    services.tick_ramps(now=at(0))
    assert coverage() == 50_000
    services.tick_ramps(now=at(1))
    assert (
        queries.open_ramp(queries.experiment(KEY)).waits_for == "step 2 needs the approval of somebody else"
    )
    services.approve_ramp_step(key=KEY, step=1, actor="amir", now=at(1))
    for hours in (1, 2, 3):
        services.tick_ramps(now=at(hours))

    assert coverage() == 1_000_000
    assert queries.open_ramp(queries.experiment(KEY)) is None


def test_ramp__ticked_twice_at_once__one_step():
    ramped()

    services.tick_ramps(now=at(0))
    services.tick_ramps(now=at(0))

    assert (coverage(), queries.open_ramp(queries.experiment(KEY)).step) == (50_000, 0)


def test_ramp__who_started_it_approves__refused():
    ramped()

    with pytest.raises(Refused, match="cannot approve"):
        services.approve_ramp_step(step=1, now=at(0), **ROSA)


def test_ramp__objection__held_until_it_is_gone(objections):
    ramped()
    objections.append(Finding("hold", "the flag is held"))

    services.tick_ramps(now=at(0))
    held = queries.open_ramp(queries.experiment(KEY))
    assert (held.ramp_state, held.waits_for, coverage()) == ("holding", "the flag is held", 10_000)
    objections.clear()
    services.tick_ramps(now=at(1))
    services.tick_ramps(now=at(1))

    assert coverage() == 50_000


def test_ramp__guardrail_trips_where_the_step_says_roll_back__experiment_paused(objections):
    ramped()
    services.tick_ramps(now=at(0))
    objections.append(Finding("guardrail_trip", "errors are harmed"))

    services.tick_ramps(now=at(0.5))

    assert (state(), coverage()) == ("paused", 0)
    assert queries.open_ramp(queries.experiment(KEY)) is None


def test_ramp__experiment_stops__ramp_ends():
    ramped()

    services.stop(reason="enough", now=at(1), **ROSA)

    assert queries.experiment(KEY).ramps.get().ramp_state == "ended"


@pytest.mark.usefixtures("flag")
def test_layer__two_experiments__never_the_same_unit_and_slots_rest_after_the_end():
    flag_services.create_layer(key="checkout", **BY)
    flag_services.create_flag(key="second-flag", value_type="bool", **BY)
    mine = {"layer": "checkout", "layer_share_ppm": 600_000, "assigned_here": True}
    started(**mine)

    drafted("second", flag="second-flag", **mine)
    codes = {item.code: item for item in preflight_queries.checklist("second")}

    assert codes["layer"].status == "missing"
    assert "400000 ppm" in codes["layer"].detail
    services.stop(reason="enough", now=LATER, **ROSA)
    layer = flag_queries.layer("checkout")
    assert flag_queries.owned_slots(layer, KEY) == ()
    assert sum(part.share_ppm for part in flag_queries.free_slots(layer)) == 400_000


@pytest.mark.usefixtures("flag")
def test_layer__while_it_runs__only_its_slots_are_in():
    flag_services.create_layer(key="checkout", **BY)

    started(layer="checkout", layer_share_ppm=300_000, assigned_here=True)

    owned = flag_queries.owned_slots(flag_queries.layer("checkout"), KEY)
    assert sum(part.share_ppm for part in owned) == 300_000
    live = flag_queries.live_version(flag_queries.flag(KEY), flag_queries.environment("production"))
    assert live.definition["rules"][-1]["layer"]["key"] == "checkout"


@pytest.mark.usefixtures("flag")
@pytest.mark.parametrize(("assigned_here", "status"), [(True, "missing"), (False, "advice")])
def test_collisions__same_flag__named_with_its_reason(assigned_here, status):
    started(assigned_here=assigned_here)
    drafted("second", assigned_here=assigned_here)

    line = {item.code: item for item in preflight_queries.checklist("second")}["collisions"]

    assert line.status == status
    assert f"{KEY} runs on the same flag" in line.detail


def test_follow_on__decided_or_not__draft_with_the_same_plan():
    started()

    services.follow_on(key=KEY, new_key="again", title="Once more", actor="amir", now=LATER)

    after = queries.experiment("again")
    assert (after.follows.key, after.state, after.owner, after.title) == (KEY, "draft", "amir", "Once more")
    before, copy = (queries.candidate(each, queries.newest_version(each)) for each in (after.follows, after))
    assert copy.bindings == before.bindings
    assert copy.hypothesis == before.hypothesis


def test_hand_over__running__owner_changes_and_the_history_says_so():
    started()

    services.hand_over(owner="amir", reason="rosa left", now=LATER, **ROSA)

    assert queries.experiment(KEY).owner == "amir"
    assert [each.key for each in queries.owned() if each.owner == "amir"] == [KEY]
