"""Where an environment requires a review, nothing of an experiment opens without a second person."""

from datetime import timedelta

import pytest

from experiments import queries, services, status
from experiments.status import Snapshot
from flags import gates
from flags import queries as flag_queries
from flags import services as flag_services
from flags.services import ramps
from ledger.refusals import Conflict, Refused
from tests.apps.experiments.build import KEY, NOW, drafted

pytestmark = pytest.mark.django_db
SHA = "a" * 64
LATER = NOW + timedelta(days=8)
ROSA: dict = {"key": KEY, "actor": "rosa", "now": LATER}
AMIR: dict = {"key": KEY, "actor": "amir", "now": LATER}


@pytest.fixture(autouse=True)
def reports(monkeypatch):
    monkeypatch.setattr(status, "_snapshots", [{SHA: Snapshot(KEY, SHA, "SHIP", is_trustworthy=True)}.get])
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})


@pytest.fixture(autouse=True)
def place():
    """A draft whose flag assigns the arms."""
    flag_services.create_environment(key="production", is_production=True, actor="lea", now=NOW)
    flag_services.create_flag(key=KEY, value_type="bool", actor="rosa", now=NOW)
    drafted(assigned_here=True)


@pytest.fixture
def reviewed():
    """The environment requires a review from now on."""
    asked: dict = {"environment": "production", "is_required": True, "reason": "two pairs of eyes"}
    flag_services.require_review(actor="lea", now=NOW, **asked)


def running(coverage_ppm=100_000):
    services.submit(**ROSA)
    services.approve(**AMIR)
    services.start(coverage_ppm=coverage_ppm, **ROSA)


@pytest.mark.usefixtures("reviewed")
def test_start__nobody_approved__conflict_until_somebody_else_did():
    with pytest.raises(Conflict, match="somebody else has to approve it first"):
        services.start(**ROSA)

    running()

    assert queries.experiment(KEY).state == "running"


@pytest.mark.usefixtures("reviewed")
def test_coverage__raised_alone__conflict_until_asked_and_agreed():
    running()

    with pytest.raises(Conflict, match="somebody else has to approve it first"):
        services.raise_coverage(coverage_ppm=500_000, reason="more", **ROSA)
    services.request_change(coverage_ppm=500_000, reason="more", **ROSA)
    services.approve_change(**AMIR)
    services.apply_change(**ROSA)

    assert queries.open_phase(KEY).coverage_ppm == 500_000


@pytest.mark.usefixtures("reviewed")
def test_revision__applied_alone__conflict_and_the_plan_stays():
    running()
    services.revise(reason="longer", **ROSA)
    services.edit(content={"max_days": 60}, **ROSA)

    with pytest.raises(Conflict, match="somebody else has to approve it first"):
        services.apply_revision(reason="longer", **ROSA)

    assert queries.plan(KEY).version == 1


@pytest.mark.usefixtures("reviewed")
def test_ramp__started_alone__waits_for_an_approval_of_its_first_step():
    running(coverage_ppm=10_000)
    services.start_ramp(steps=[{"coverage_ppm": 500_000}, {"coverage_ppm": 1_000_000}], **ROSA)

    services.tick_ramps(now=LATER)
    assert queries.open_phase(KEY).coverage_ppm == 10_000
    services.approve_ramp_step(step=0, **AMIR)
    services.tick_ramps(now=LATER)

    assert queries.open_phase(KEY).coverage_ppm == 500_000


def decided(**how):
    running()
    services.stop(reason="enough data", **ROSA)
    return services.decide(taken="ship", snapshot_sha256=SHA, reason="orders rose", **how, **ROSA)


@pytest.mark.usefixtures("reviewed")
def test_ship__at_once_and_alone__conflict_and_nothing_decided():
    with pytest.raises(Conflict, match="somebody else has to approve it first"):
        decided()

    assert queries.decision(KEY) is None


@pytest.mark.usefixtures("reviewed")
def test_hold_back__started_by_who_decided__refused_else_it_runs():
    decided(at_once=False)
    services.prepare_rollout(holdback_ppm=20_000, **ROSA)

    with pytest.raises(Refused, match="somebody else has to start what you decided"):
        services.start_rollout(**ROSA)
    services.start_rollout(**AMIR)

    assert queries.experiment(f"{KEY}-holdback").state == "running"


def test_start_and_coverage__no_review_required__done_alone():
    services.start(coverage_ppm=100_000, **ROSA)
    services.raise_coverage(coverage_ppm=500_000, reason="more", **ROSA)

    assert queries.open_phase(KEY).coverage_ppm == 500_000


@pytest.mark.usefixtures("reviewed")
def test_rollout__without_hold_back__its_ramp_waits_for_a_second_person_and_ends_as_the_default():
    decided(at_once=False)
    services.prepare_rollout(steps=[{"coverage_ppm": 1_000_000}], **ROSA)
    services.start_rollout(**ROSA)
    [run] = flag_queries.ramps(flag_queries.flag(KEY), flag_queries.environment("production"))
    assert (run.waits_for, run.set_ppm) == ("step 1 needs the approval of somebody else", 0)

    flag_services.approve_step(ramp_id=run.id, step=0, actor="amir", now=LATER)
    for _ in range(2):
        ramps.tick(now=LATER)
    services.finish_rollout(**ROSA)

    live = flag_queries.live_version(flag_queries.flag(KEY), flag_queries.environment("production"))
    assert live.definition["default"] == "on"
    assert [rule["id"] for rule in live.definition["rules"]] == []
