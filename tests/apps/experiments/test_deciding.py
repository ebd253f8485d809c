# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Ending and deciding: revisions of what runs, and the decision with the report it rests on."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from experiments import queries, services, status
from experiments.models import Decision
from experiments.status import Snapshot
from flags import gates
from flags.gates import Blocked, Finding
from ledger.refusals import Conflict, Refused
from tests.apps.experiments.build import ARMS, KEY, NOW, drafted, started, stopped

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=10)
SHA = "7f3a9c" + "0" * 58


@pytest.fixture
def reports(monkeypatch):
    """Stored reports by hash, as the analysis would register them; no gate of another app objects."""
    stored = {SHA: Snapshot(KEY, SHA, "SHIP", is_trustworthy=True)}
    monkeypatch.setattr(status, "_snapshots", [stored.get])
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})
    return stored


def state():
    return queries.experiment(KEY).state


def test_revise__running__copy_that_can_be_edited_while_the_plan_stays():
    started()
    before = queries.plan(KEY)

    services.revise(key=KEY, reason="a third country", actor="rosa", now=LATER)
    services.edit(key=KEY, content={"filters": {"country": "NL"}}, actor="rosa", now=LATER)

    version = queries.draft_version(queries.experiment(KEY))
    assert queries.plan(KEY) == before
    assert version.number == 2
    assert queries.candidate(queries.experiment(KEY), version).filters == (("country", "NL"),)
    assert queries.candidate(queries.experiment(KEY), version).bindings == before.bindings


def test_apply_revision__running__new_version_new_phase_and_a_fresh_start():
    started()
    services.revise(key=KEY, reason="other weights", actor="rosa", now=LATER)
    arms = [{**ARMS[0], "weight_ppm": 800_000}, {**ARMS[1], "weight_ppm": 200_000}]
    services.edit(key=KEY, content={"arms": arms}, actor="rosa", now=LATER)

    services.apply_revision(key=KEY, reason="other weights", actor="rosa", now=LATER)

    plan, phases = queries.plan(KEY), list(queries.phases(KEY))
    assert (plan.version, plan.started_at, plan.arm("treatment").weight_ppm) == (2, LATER, 200_000)
    assert [(phase.version.number, phase.ended_at) for phase in phases] == [(1, LATER), (2, None)]
    assert [version.state for version in queries.versions(KEY)] == ["locked", "retired"]


def test_apply_revision__gaps__refused_and_the_old_phase_stays_open():
    started()
    services.revise(key=KEY, reason="other weights", actor="rosa", now=LATER)
    services.edit(key=KEY, content={"arms": []}, actor="rosa", now=LATER)

    with pytest.raises(Refused, match="0 arms"):
        services.apply_revision(key=KEY, reason="other weights", actor="rosa", now=LATER)

    assert queries.open_phase(KEY).version.number == 1


def test_revise__identity_changed__refused():
    started()
    services.revise(key=KEY, reason="other flag", actor="rosa", now=LATER)

    with pytest.raises(Refused, match="cannot change after the start"):
        services.edit(key=KEY, content={"flag": "other"}, actor="rosa", now=LATER)


def test_revise__twice__conflict():
    started()
    services.revise(key=KEY, reason="first", actor="rosa", now=LATER)

    with pytest.raises(Conflict, match="has a draft version already"):
        services.revise(key=KEY, reason="second", actor="rosa", now=LATER)


@pytest.mark.parametrize("build", [drafted, stopped])
def test_revise__not_running__conflict(build):
    build()

    with pytest.raises(Conflict):
        services.revise(key=KEY, reason="other weights", actor="rosa", now=LATER)


def test_discard_revision__running__locked_plan_alone_again():
    started()
    services.revise(key=KEY, reason="other weights", actor="rosa", now=LATER)

    services.discard_revision(key=KEY, reason="not needed", actor="rosa", now=LATER)

    assert [version.number for version in queries.versions(KEY)] == [1]


def test_discard_revision__never_started__conflict():
    drafted()

    with pytest.raises(Conflict, match="only version"):
        services.discard_revision(key=KEY, reason="not needed", actor="rosa", now=LATER)


def decide(taken="ship", sha=SHA, reason="orders rose"):
    return services.decide(key=KEY, taken=taken, snapshot_sha256=sha, reason=reason, actor="rosa", now=LATER)


@pytest.mark.usefixtures("reports")
@pytest.mark.parametrize("taken", ["ship", "roll_back", "iterate", "abandon"])
def test_decide__stopped__decided_with_the_report_it_rests_on(taken):
    stopped()

    decide(taken)

    decision = queries.decision(KEY)
    assert (decision.taken, decision.recommended, decision.snapshot_sha256) == (taken, "SHIP", SHA)
    assert (decision.decided_by, decision.decided_at, state()) == ("rosa", LATER, "decided")


@pytest.mark.usefixtures("reports")
def test_decide__running__must_be_stopped_first():
    started()

    with pytest.raises(Conflict, match="can become: invalid, paused, stopped"):
        decide()


@pytest.mark.usefixtures("reports")
@pytest.mark.parametrize("sha", ["", "7f3a9c", "z" * 64, "0" * 64])
def test_decide__no_such_report__refused(sha):
    stopped()

    with pytest.raises(Refused, match="hash"):
        decide(sha=sha)

    assert state() == "stopped"


def test_decide__report_of_another_experiment__refused(reports):
    reports[SHA] = Snapshot("other", SHA, "SHIP", is_trustworthy=True)
    stopped()

    with pytest.raises(Refused, match="has no report with this hash"):
        decide()


def test_decide__ship_on_untrusted_numbers__conflict(reports):
    reports[SHA] = Snapshot(KEY, SHA, "DO NOT USE", is_trustworthy=False)
    stopped()

    with pytest.raises(Conflict, match="DO NOT USE"):
        decide("ship")
    decide("abandon")

    assert state() == "decided"


@pytest.mark.usefixtures("reports")
def test_decide__gate_objects__cannot_ship_but_can_roll_back(monkeypatch):
    said = [Finding("trip", "a guardrail is tripped")]
    monkeypatch.setitem(gates._gates, "decide.ship", [lambda subject: said])
    stopped()

    with pytest.raises(Blocked, match="guardrail is tripped"):
        decide("ship")
    decide("roll_back")

    assert Decision.objects.get().taken == "roll_back"


@pytest.mark.usefixtures("reports")
@pytest.mark.parametrize(("taken", "reason"), [("launch", "x"), ("", "x"), ("ship", "")])
def test_decide__unknown_decision_or_no_reason__refused(taken, reason):
    stopped()

    with pytest.raises(Refused):
        decide(taken, reason=reason)


@pytest.mark.usefixtures("reports")
def test_decision__changed_past_the_services__database_refuses():
    stopped()
    decide()

    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        Decision.objects.update(taken="abandon")


def test_running__several__only_those_that_run():
    started()
    drafted("second")

    assert [experiment.key for experiment in queries.running()] == [KEY]


def test_uses_of_metric__bound__experiment_role_and_version():
    started()

    (use,) = queries.uses_of_metric("errors")

    assert (use.title, use.role, use.version, use.state) == (
        "Prefetch payment methods",
        "guardrail",
        1,
        "running",
    )
