"""Every path that serves a change to everybody, refused while its review is missing or a trip is open.

The first test enumerates: whoever adds a service has to say here what it does to coverage. API, console and
command line call these services and nothing else, which the last tests show for one of each.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from analysis import queries as analysis
from experiments import services as experiments
from experiments.models import Experiment
from flags import services as flags
from flags.gates import Blocked
from flags.gitops import Change
from flags.services import ramps, schedules
from governance.services import guardrails
from ledger.refusals import Refused
from organisation import services as organisation
from tests.apps.analysis import world
from tests.apps.flags import build

pytestmark = pytest.mark.django_db
NOW = timezone.now()
LATER = NOW + timedelta(hours=2)
BY: dict = {"actor": "ada", "now": NOW}
PLACE: dict = {"flag": "checkout", "environment": "production"}
PLAIN: dict = {"flag": "plain", "environment": "production"}
ALL, HALF = 1_000_000, 500_000

FLAG_PATHS = {
    "publish", "set_coverage", "switch_on", "revert", "start_ramp", "jump_ramp", "approve_step",
    "resume_ramp", "schedule_change", "approve_change", "apply_changes", "publish_segment",
    "end_holdout", "unarchive",
    "ship_variant", "publish_experiment_rule",
}  # fmt: skip
FLAG_DRAFTS = {"import_flags", "save_draft", "checked_definition", "submit_version", "approve_version"}
"""They write or approve drafts; what they lead to is `publish`."""
FLAG_HARMLESS = {
    "allocate_slots", "archive", "cancel_change", "create_environment", "create_flag", "create_holdout",
    "create_key", "create_layer", "create_ramp_plan", "create_segment", "delete_filter", "discard_draft",
    "draw_salt", "edit_flag", "end_experiment_rule", "end_ramp", "forget_repository", "free_slots", "hold",
    "lock_environment", "note_use", "pause_ramp", "reject_version", "release_hold", "replace_references",
    "require_review", "revoke_key", "roll_back_ramp", "rotate_key", "save_filter", "serve_default",
    "signing_key", "start_holdout", "switch_off", "tick_clean_up", "withdraw_version",
}  # fmt: skip
"""They serve nothing new, or only what is at rest."""
EXPERIMENT_PATHS = {
    "decide", "start_rollout", "finish_rollout", "start", "run_due", "schedule", "raise_coverage", "resume",
    "start_ramp", "tick_ramps", "resume_ramp", "approve_ramp_step", "apply_change", "apply_revision",
}  # fmt: skip
"""`decide` and the roll-out launch. The others widen an experiment, which is a launch when it gives one
variant to 95 % or more; all of them ask the gates by `start`, `raise_coverage` or `apply_revision`."""
EXPERIMENT_HARMLESS = {
    "approve", "approve_change", "bind_metric", "check_off", "close", "create", "discard_revision", "edit",
    "end_ramp", "expire_changes", "follow_on", "follow_up", "forget_filter", "hand_over", "invalidate",
    "pause", "pause_ramp", "prepare_rollout", "reject_change", "request_change", "revise", "save_filter",
    "schedule_stop", "send_back", "stop", "submit", "unbind_metric", "unschedule",
}  # fmt: skip


def test_services__all_of_them__somebody_said_what_they_do_to_coverage():
    assert set(flags.__all__) == FLAG_PATHS | FLAG_DRAFTS | FLAG_HARMLESS
    assert set(experiments.__all__) == EXPERIMENT_PATHS | EXPERIMENT_HARMLESS


def rule(coverage_ppm, **changes):
    return {"id": "open", "split": {"coverage_ppm": coverage_ppm, "arms": [["on", ALL]]}, **changes}


def policy():
    world.metrics.load_definitions(
        texts={f"{m}.toml": text for m, text in world.METRICS.items()}, actor="rosa", now=NOW
    )
    guardrails.create_guardrail_set(
        name="fast", members=[{"metric": "latency-p95"}], team="buyers", actor="pia", now=NOW
    )


def team():
    organisation.create_team(key="buyers", name="Buyers", owner="rosa", actor="rosa", now=NOW)


@pytest.fixture
def half_open():
    """Flags that were open to everybody once, now half open, off or archived; then policies came."""
    team()
    for key in ("checkout", "killed", "archived"):
        build.flag(key, team="buyers")
        build.published([rule(ALL)], flag=key)
    build.published([rule(HALF)])
    flags.switch_off(flag="killed", environment="production", reason="test", **BY)
    flags.archive(flag="archived", reason="test", **BY)
    flags.create_segment(key="friends", **BY)
    segment(["nobody"])
    build.flag("plain", team="buyers")
    build.flag("invited", team="buyers")
    build.published([{"id": "in", "variant": "on", "when": {"segment": "friends"}}], flag="invited")
    policy()


def segment(users):
    when = {"attribute": "plan", "op": "in", "value": users}
    flags.publish_segment(segment="friends", environment="production", when=when, reason="test", **BY)


def ramp(*coverages):
    steps = [{"coverage_ppm": each, "hold_minutes": 0} for each in coverages]
    return flags.start_ramp(**PLACE, steps=steps, **BY)


def publish():
    draft = build.draft([rule(ALL)])
    flags.publish(**PLACE, version=draft.number, **BY)


def jump():
    run = ramp(600_000, ALL)
    flags.jump_ramp(ramp_id=run.id, step=1, reason="quick", **BY)


def apply_files():
    content = {**build.definition(), "rules": [rule(ALL)]}
    change = Change("flag", "checkout", seen=build.live().number, content=content)
    flags.apply_changes(environment="production", changes=[change], reason="files", may_share=True, **BY)


def experiment_rule():
    flags.publish_experiment_rule(
        **PLAIN, experiment="everybody", arms=[("on", ALL)], coverage_ppm=ALL, unit_type="user", **BY
    )


def end_holdout():
    flags.create_holdout(key="kept-out", environment="production", share_ppm=20_000, **BY)
    flags.start_holdout(key="kept-out", **BY)
    flags.publish_experiment_rule(
        **PLAIN,
        experiment="one",
        arms=[("on", HALF), ("off", HALF)],
        coverage_ppm=ALL,
        unit_type="user",
        **BY,
    )
    flags.end_holdout(key="kept-out", reason="over", **BY)


AT_ONCE = {
    "publish": publish,
    "set_coverage": lambda: flags.set_coverage(**PLACE, coverage_ppm=ALL, **BY),
    "switch_on": lambda: flags.switch_on(flag="killed", environment="production", reason="on", **BY),
    "revert": lambda: flags.revert(**PLACE, version=2, **BY),
    "start_ramp": lambda: ramp(ALL),
    "jump_ramp": jump,
    "apply_changes": apply_files,
    "publish_segment": lambda: segment(["everybody"]),
    "end_holdout": end_holdout,
    "unarchive": lambda: flags.unarchive(flag="archived", **BY),
    "ship_variant": lambda: flags.ship_variant(**PLACE, variant="on", experiment="x", reason="ship", **BY),
    "publish_experiment_rule": experiment_rule,
}


def codes(blocked):
    return {finding.code for finding in blocked.value.findings}


def said(refused):
    return {problem.field.rpartition(".")[2] for problem in refused.value.problems}


@pytest.mark.parametrize("path", AT_ONCE)
def test_flag__no_review__path_refused(path, half_open):
    with pytest.raises(Refused, match="was not reviewed") as refused:
        AT_ONCE[path]()

    assert "launch_review" in said(refused)
    assert build.definition()["default"] == "off"


def test_flag__no_policy__nothing_is_asked():
    build.flag()
    build.published([rule(ALL)])

    assert build.definition()["rules"][0]["split"]["coverage_ppm"] == ALL


def test_flag__less_than_everybody_or_not_production__nothing_is_asked(half_open):
    flags.set_coverage(**PLACE, coverage_ppm=940_000, **BY)
    build.environment("staging", is_production=False)
    flags.serve_default(flag="checkout", environment="staging", **BY)
    build.published([rule(ALL)], environment="staging")

    assert build.definition()["rules"][0]["split"]["coverage_ppm"] == 940_000


def covered():
    return build.definition()["rules"][0]["split"]["coverage_ppm"]


def test_clock__ramp_tick__holds_before_everybody(half_open):
    run = ramp(600_000, ALL)

    for minutes in (1, 2, 3):
        ramps.tick(now=NOW + timedelta(minutes=minutes))

    run.refresh_from_db()
    assert (covered(), run.state) == (600_000, "holding")


def test_clock__ramp_step_that_was_approved__holds_all_the_same(half_open):
    steps = [
        {"coverage_ppm": 600_000, "hold_minutes": 0},
        {"coverage_ppm": ALL, "hold_minutes": 0, "needs_approval": True},
    ]
    run = flags.start_ramp(**PLACE, steps=steps, **BY)
    flags.approve_step(ramp_id=run.id, step=1, actor="otto", now=NOW)

    ramps.tick(now=LATER)
    flags.pause_ramp(ramp_id=run.id, reason="wait", **BY)
    flags.resume_ramp(ramp_id=run.id, **BY)
    ramps.tick(now=LATER)

    assert covered() == 600_000


def test_clock__scheduled_change__refused_at_its_time(half_open):
    at = NOW + timedelta(hours=1)
    planned = flags.schedule_change(
        **PLACE, kind="coverage", coverage_ppm=ALL, run_at=at, reason="night", **BY
    )

    schedules.tick(now=LATER)

    planned.refresh_from_db()
    assert covered() == HALF
    assert planned.state not in {"done", "planned"}


def test_import__document_of_another_product__drafts_only(half_open):
    before = build.live().number
    build.draft([rule(ALL)])

    assert (build.live().number, covered()) == (before, HALF)


@pytest.fixture
def measured():
    """A stopped experiment on a flag it assigns, long enough measured; policies come afterwards."""
    team()
    flags.create_environment(key="production", is_production=True, actor="ada", now=world.START)
    flags.create_flag(key=world.KEY, value_type="bool", actor="ada", now=world.START)
    world.started(assigned_here=True, coverage_ppm=HALF, planned_units=100, team="buyers")
    world.write(*world.traffic(800))
    world.look(hours=24 * 9)
    experiments.stop(key=world.KEY, reason="done", actor="rosa", now=NOW)


def decide(**changes):
    report = analysis.latest_snapshot(world.KEY)
    asked = {
        "taken": "ship",
        "snapshot_sha256": report.sha256,
        "reason": "better",
        "at_once": False,
        **changes,
    }
    return experiments.decide(key=world.KEY, actor="rosa", now=NOW, **asked)


@pytest.mark.parametrize("at_once", [True, False])
def test_experiment__decide_to_ship__refused_without_a_review(measured, at_once):
    policy()

    with pytest.raises(Blocked) as blocked:
        decide(at_once=at_once)

    assert "launch_review" in codes(blocked)
    assert Experiment.objects.get().state == "stopped"


def test_experiment__decide_otherwise__never_held_up(measured):
    policy()

    decide(taken="abandon")

    assert Experiment.objects.get().state == "decided"


@pytest.mark.parametrize("holdback_ppm", [0, 20_000])
def test_experiment__rollout__refused_without_a_review(measured, holdback_ppm):
    decide()
    steps = [{"coverage_ppm": ALL, "hold_minutes": 0}]
    experiments.prepare_rollout(
        key=world.KEY, holdback_ppm=holdback_ppm, steps=steps, plan="", actor="rosa", now=NOW
    )
    policy()

    with pytest.raises(Blocked) as blocked:
        experiments.start_rollout(key=world.KEY, actor="rosa", now=NOW)

    assert "launch_review" in codes(blocked)
    assert Experiment.objects.get().state == "decided"


def test_experiment__finish_of_a_rollout__refused_when_a_review_became_necessary(measured):
    decide()
    steps = [{"coverage_ppm": 900_000, "hold_minutes": 0}]
    experiments.prepare_rollout(key=world.KEY, holdback_ppm=0, steps=steps, plan="", actor="rosa", now=NOW)
    experiments.start_rollout(key=world.KEY, actor="rosa", now=NOW)
    ramps.tick(now=LATER)
    policy()

    with pytest.raises(Blocked) as blocked:
        experiments.finish_rollout(key=world.KEY, actor="rosa", now=LATER)

    assert "launch_review" in codes(blocked)


@pytest.mark.parametrize("weights", [(10_000, 990_000), (HALF, HALF)])
def test_experiment__start_that_is_a_launch__refused_and_a_fair_split_is_not(weights):
    team()
    flags.create_environment(key="production", is_production=True, actor="ada", now=world.START)
    flags.create_flag(key=world.KEY, value_type="bool", actor="ada", now=world.START)
    policy()
    arms = [{**arm, "weight_ppm": weight} for arm, weight in zip(world.ARMS, weights, strict=True)]
    changes = {"assigned_here": True, "team": "buyers", "arms": arms}

    if weights[1] == HALF:
        assert world.started(**changes).state == "running"
        return
    with pytest.raises(Blocked) as blocked:
        world.started(**changes)
    assert "launch_review" in codes(blocked)


def test_flag__trip_is_open_and_the_review_approved_before__every_path_says_so(measured_with_harm):
    for path in (
        lambda: flags.set_coverage(flag=world.KEY, environment="production", coverage_ppm=ALL, **BY),
        lambda: flags.revert(flag=world.KEY, environment="production", version=2, **BY),
        decide,
    ):
        with pytest.raises(Blocked) as blocked:
            path()
        assert {"guardrail_trip", "launch_review"} <= codes(blocked)


@pytest.fixture
def measured_with_harm(measured_harm_rows):
    policy()


@pytest.fixture
def measured_harm_rows():
    """A flag that was open, an experiment on it that did harm, and its open trip."""
    team()
    flags.create_environment(key="production", is_production=True, actor="ada", now=world.START)
    flags.create_flag(key=world.KEY, value_type="bool", team="buyers", actor="ada", now=world.START)
    build.published([rule(ALL)], flag=world.KEY)
    build.published([rule(HALF)], flag=world.KEY)
    world.started(assigned_here=False, planned_units=100, team="buyers")
    world.write(*world.traffic(800, slowdown=0.17))
    world.look(hours=24 * 9)
    experiments.stop(key=world.KEY, reason="done", actor="rosa", now=NOW)
    assert analysis.blocking_trips().exists()


def test_console_and_api__coverage_of_everybody__conflict(half_open, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("ada"))

    page = client.post(
        "/flags/checkout/coverage/", {"environment": "production", "rule": "open", "coverage": "100"}
    )
    answer = client.post(
        "/api/v1/flags/checkout/environments/production/coverage",
        {"coverage_ppm": ALL},
        content_type="application/json",
    )

    assert page.status_code == 409
    assert "was not reviewed" in page.content.decode()
    assert answer.status_code == 409, answer.content
    assert covered() == HALF
