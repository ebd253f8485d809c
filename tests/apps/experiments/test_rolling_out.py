# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""From a decision to 100 %: prepared, ramped, held back, finished, followed up, closed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from experiments import follow_up, queries, services, status
from experiments.follow_up import Held
from experiments.status import Effect, Snapshot
from flags import gates
from flags import queries as flag_queries
from flags import services as flag_services
from flags.gates import Blocked, Finding
from flags.services import ramps
from ledger.refusals import Conflict, Refused
from tests.apps.experiments.build import KEY, NOW, stopped
from tests.apps.experiments.test_assignment import BY, UNITS, variants

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=10)
SHA = "7f3a9c" + "0" * 58
ROSA: dict = {"key": KEY, "actor": "rosa", "now": LATER}
PROMISE = Effect("orders", "Orders", "treatment", 0.01, 0.004, 0.016, True, "+1.0 %", SHA)
STEPS = [{"coverage_ppm": 100_000, "hold_minutes": 60}, {"coverage_ppm": 1_000_000}]


@pytest.fixture(autouse=True)
def said(monkeypatch):
    """What gates say; and the stored report with its effect."""
    found: list = []
    monkeypatch.setattr(gates, "_gates", {action: [lambda subject: list(found)] for action in gates.ACTIONS})
    monkeypatch.setattr(status, "_snapshots", [{SHA: Snapshot(KEY, SHA, "SHIP", is_trustworthy=True)}.get])
    effects = {(KEY, SHA): PROMISE, (f"{KEY}-holdback", ""): replace(PROMISE, estimate=0.006)}
    monkeypatch.setattr(status, "_effects", [lambda key, arm, sha256: effects.get((key, sha256))])
    return found


@pytest.fixture
def decided():
    flag_services.create_environment(key="production", is_production=True, **BY)
    flag_services.create_flag(key=KEY, value_type="bool", **BY)
    stopped(assigned_here=True)
    services.decide(taken="ship", snapshot_sha256=SHA, reason="orders rose", at_once=False, **ROSA)


def served():
    return sum(variant == "on" for variant in variants().values()) / len(UNITS)


@pytest.mark.usefixtures("decided")
def test_decide__not_at_once__nothing_is_served_yet():
    assert served() == 0
    assert queries.experiment(KEY).state == "decided"


@pytest.mark.usefixtures("decided")
def test_prepare__nothing_named__usual_steps_promise_and_follow_up():
    found = services.prepare_rollout(**ROSA)

    assert [step["coverage_ppm"] for step in found.steps] == [10_000, 50_000, 250_000, 500_000, 1_000_000]
    assert found.predicted["estimate"] == 0.01
    assert found.follow_up_on == (LATER + timedelta(days=28)).date()
    assert served() == 0


@pytest.mark.usefixtures("decided")
def test_prepare__another_arm_than_decided__refused():
    assert queries.decision(KEY).arm == "treatment"

    with pytest.raises(Refused, match='the decision ships "treatment"'):
        services.prepare_rollout(arm="control", **ROSA)


@pytest.mark.usefixtures("decided")
def test_start__no_hold_back__flag_ramps_and_finish_makes_it_the_default():
    services.prepare_rollout(steps=STEPS, **ROSA)

    found = services.start_rollout(**ROSA)
    assert 0.03 < served() < 0.2
    with pytest.raises(Conflict, match="the ramp is running"):
        services.finish_rollout(**ROSA)
    for hours in (1, 1.1):
        ramps.tick(now=LATER + timedelta(hours=hours))
    assert served() == 1
    services.finish_rollout(**ROSA)

    live = flag_queries.live_version(flag_queries.flag(KEY), flag_queries.environment("production"))
    assert (live.definition["default"], live.definition["rules"]) == ("on", [])
    assert (served(), found.experiment.key) == (1, KEY)


@pytest.mark.usefixtures("decided")
def test_start__hold_back__experiment_keeps_some_on_the_control_until_finished():
    services.prepare_rollout(steps=[{"coverage_ppm": 1_000_000}], holdback_ppm=50_000, **ROSA)

    found = services.start_rollout(**ROSA)
    assert 0.9 < served() < 0.99
    plan = queries.plan(found.holdback.key)
    assert [(arm.key, arm.weight_ppm) for arm in plan.arms] == [("control", 50_000), ("treatment", 950_000)]
    assert [binding.metric for binding in plan.bindings] == ["orders", "errors"]
    services.finish_rollout(**ROSA)

    assert served() == 1
    assert queries.experiment(found.holdback.key).state == "stopped"


@pytest.mark.usefixtures("decided")
def test_start__hold_back_with_steps__its_coverage_grows():
    services.prepare_rollout(steps=STEPS, holdback_ppm=20_000, **ROSA)
    services.start_rollout(**ROSA)
    assert 0.03 < served() < 0.2

    services.tick_ramps(now=LATER + timedelta(minutes=30))
    assert served() < 0.2
    services.tick_ramps(now=LATER + timedelta(hours=1))

    assert served() > 0.95


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize("holdback_ppm", [0, 20_000])
def test_start__gate_objects__nothing_changes(said, holdback_ppm):
    services.prepare_rollout(steps=STEPS, holdback_ppm=holdback_ppm, **ROSA)
    said.append(Finding("guardrail_trip", "errors are harmed"))

    with pytest.raises(Blocked):
        services.start_rollout(**ROSA)

    assert (queries.experiment(KEY).state, served()) == ("decided", 0)


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize("holdback_ppm", [1, 9_999, 50_001, 500_000])
def test_prepare__unusual_hold_back__refused(holdback_ppm):
    with pytest.raises(Refused, match="no usual hold-back"):
        services.prepare_rollout(holdback_ppm=holdback_ppm, **ROSA)


def test_prepare__not_decided_to_ship__conflict():
    stopped()

    with pytest.raises(Conflict, match="not decided to be shipped"):
        services.prepare_rollout(**ROSA)


@pytest.mark.usefixtures("decided")
def test_follow_up__hold_back_measured__realised_beside_predicted():
    services.prepare_rollout(steps=[{"coverage_ppm": 1_000_000}], holdback_ppm=20_000, **ROSA)
    services.start_rollout(**ROSA)

    found = services.follow_up(reason="about what was promised", **ROSA)

    agreed = follow_up.compare(Effect.from_dict(found.predicted), Effect.from_dict(found.realised))
    assert agreed.held is Held.AS_PREDICTED
    assert agreed.kept_share == pytest.approx(0.6)
    with pytest.raises(Conflict, match="already"):
        services.follow_up(reason="again", **ROSA)


@pytest.mark.usefixtures("decided")
def test_close__clean_up_left__conflict_names_it_and_closes_once_done():
    with pytest.raises(Conflict, match="code, flag, targets, learning"):
        services.close(**ROSA)
    for item in ("code", "flag", "targets", "learning"):
        services.check_off(item=item, reason="not needed", **ROSA)

    services.close(**ROSA)

    assert queries.experiment(KEY).state == "closed"


@pytest.mark.usefixtures("decided")
def test_close__rollout_under_way__conflict():
    services.prepare_rollout(steps=STEPS, **ROSA)
    services.start_rollout(**ROSA)
    for item in ("code", "flag", "targets", "learning"):
        services.check_off(item=item, **ROSA)

    with pytest.raises(Conflict, match="under way"):
        services.close(**ROSA)


@pytest.mark.usefixtures("decided")
def test_check_off__unknown_or_done__refused():
    services.check_off(item="code", **ROSA)

    with pytest.raises(Conflict, match="rosa did this"):
        services.check_off(item="code", **ROSA)
    with pytest.raises(Refused, match="not on the clean-up list"):
        services.check_off(item="dishes", **ROSA)
