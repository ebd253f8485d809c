# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Experiments and their flag: the start really assigns, the end really withdraws, a decision really ships."""

import json
from datetime import timedelta

import pytest

from experiments import queries, services, status
from experiments.status import Snapshot
from flags import gates
from flags import queries as flag_queries
from flags import services as flag_services
from flags.gates import Blocked, Finding
from headway.evaluation import compile_config
from ledger.refusals import Conflict, Refused
from tests.apps.experiments.build import ARMS, KEY, NOW, drafted, started

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=10)
SHA = "7f3a9c" + "0" * 58
BY: dict = {"actor": "rosa", "now": NOW}
UNITS = [f"user-{number}" for number in range(300)]
DE = {"attribute": "country", "op": "equals", "value": "de"}


@pytest.fixture(autouse=True)
def no_other_gates(monkeypatch):
    """Only what this test registers may object."""
    monkeypatch.setattr(gates, "_gates", {action: [] for action in gates.ACTIONS})
    monkeypatch.setattr(status, "_snapshots", [{SHA: Snapshot(KEY, SHA, "SHIP", is_trustworthy=True)}.get])


@pytest.fixture
def flag():
    flag_services.create_environment(key="production", is_production=True, **BY)
    return flag_services.create_flag(key=KEY, value_type="bool", **BY)


def config():
    found = flag_queries.config_document(flag_queries.environment("production"))
    return compile_config(json.loads(bytes(found.body)))


def answers(attributes=None):
    served = config()
    return {unit: served.evaluate(KEY, unit, attributes) for unit in UNITS}


def variants(attributes=None):
    return {unit: answer.variant for unit, answer in answers(attributes).items()}


def arms_ppm(control_ppm):
    return [{**ARMS[0], "weight_ppm": control_ppm}, {**ARMS[1], "weight_ppm": 1_000_000 - control_ppm}]


@pytest.mark.usefixtures("flag")
def test_start__assigned_here__units_get_the_arms_and_exposures_name_the_experiment():
    started(assigned_here=True)

    found = answers()

    assert {answer.experiment for answer in found.values()} == {KEY}
    assert 100 < sum(answer.variant == "on" for answer in found.values()) < 200
    assert {answer.unit_type for answer in found.values()} == {"user"}


@pytest.mark.usefixtures("flag")
def test_start__part_of_the_units__nobody_outside_sees_anything_new():
    live = flag_queries.live_version(flag_queries.flag(KEY), flag_queries.environment("production"))
    rules = [{"variant": "on", "when": DE}]
    where = {"flag": KEY, "environment": "production"}
    flag_services.save_draft(**where, definition={**live.definition, "rules": rules}, **BY)
    flag_services.publish(**where, version=2, **BY)
    before = variants(), variants({"country": "de"})
    drafted(assigned_here=True)

    services.start(key=KEY, coverage_ppm=300_000, **BY)

    found = answers()
    outside = {unit for unit, answer in found.items() if answer.experiment is None}
    assert variants({"country": "de"}) == before[1]
    assert {unit: found[unit].variant for unit in outside} == {unit: before[0][unit] for unit in outside}
    assert 50 < len(UNITS) - len(outside) < 140


def test_preflight__flag_not_there__start_refused():
    drafted(assigned_here=True)

    with pytest.raises(Refused, match='there is no flag "checkout-prefetch" in production'):
        services.start(key=KEY, **BY)


@pytest.mark.usefixtures("flag")
def test_preflight__variant_not_there__says_which_there_are():
    drafted(assigned_here=True, arms=[ARMS[0], {**ARMS[1], "variant": "new"}])

    with pytest.raises(Refused, match="Its variants are on, off"):
        services.start(key=KEY, **BY)


@pytest.mark.usefixtures("flag")
def test_start__flag_switched_off__refused_and_still_a_draft():
    flag_services.switch_off(flag=KEY, environment="production", reason="harm", **BY)
    drafted(assigned_here=True)

    with pytest.raises(Conflict, match="switched off"):
        services.start(key=KEY, **BY)

    assert queries.experiment(KEY).state == "draft"
    assert queries.open_phase(KEY) is None


@pytest.mark.usefixtures("flag")
def test_start__flag_held__blocked_and_still_a_draft(monkeypatch):
    monkeypatch.setitem(gates._gates, "ramp.advance", [lambda subject: [Finding("hold", "held by amir")]])
    drafted(assigned_here=True)

    with pytest.raises(Blocked, match="held by amir"):
        services.start(key=KEY, **BY)

    assert queries.experiment(KEY).state == "draft"
    assert {answer.experiment for answer in answers().values()} == {None}


@pytest.mark.usefixtures("flag")
@pytest.mark.parametrize("end", [services.stop, services.invalidate])
def test_end__running__everybody_gets_the_default_even_when_gates_object(end, monkeypatch):
    before = variants()
    started(assigned_here=True)
    for action in gates.ACTIONS:
        monkeypatch.setitem(gates._gates, action, [lambda subject: [Finding("trip", "no")]])

    end(key=KEY, reason="enough", actor="rosa", now=LATER)

    assert variants() == before
    assert {answer.experiment for answer in answers().values()} == {None}


@pytest.mark.usefixtures("flag")
def test_revision__other_weights__served_with_the_same_salts():
    started(assigned_here=True)
    before = variants()
    services.revise(key=KEY, reason="fewer", **BY)
    services.edit(key=KEY, content={"arms": arms_ppm(800_000)}, **BY)

    services.apply_revision(key=KEY, reason="fewer", actor="rosa", now=LATER)

    after = variants()
    assert all(after[unit] == "off" for unit in UNITS if before[unit] == "off")
    assert sum(variant == "on" for variant in after.values()) < 100


@pytest.mark.usefixtures("flag")
def test_decide__ship__everybody_gets_the_treatment():
    started(assigned_here=True)
    services.stop(key=KEY, reason="enough", **BY)

    services.decide(key=KEY, taken="ship", snapshot_sha256=SHA, reason="won", **BY)

    assert set(variants().values()) == {"on"}


@pytest.mark.usefixtures("flag")
@pytest.mark.parametrize("taken", ["roll_back", "iterate", "abandon"])
def test_decide__anything_else__everybody_keeps_the_default(taken):
    started(assigned_here=True)
    services.stop(key=KEY, reason="enough", **BY)

    services.decide(key=KEY, taken=taken, snapshot_sha256=SHA, reason="lost", **BY)

    assert set(variants().values()) == {"off"}


@pytest.mark.usefixtures("flag")
def test_decide__ship_while_the_flag_objects__nothing_decided(monkeypatch):
    started(assigned_here=True)
    services.stop(key=KEY, reason="enough", **BY)
    monkeypatch.setitem(gates._gates, "ramp.advance", [lambda subject: [Finding("trip", "no")]])

    with pytest.raises(Blocked):
        services.decide(key=KEY, taken="ship", snapshot_sha256=SHA, reason="won", **BY)

    assert queries.experiment(KEY).state == "stopped"
    assert set(variants().values()) == {"off"}


def test_decide__several_treatments__the_arm_has_to_be_named():
    flag_services.create_environment(key="production", is_production=True, **BY)
    values = {"off": "a", "on": "b", "more": "c"}
    flag_services.create_flag(key=KEY, value_type="string", variants=values, **BY)
    arms = [
        {**ARMS[0], "weight_ppm": 400_000},
        {**ARMS[1], "weight_ppm": 300_000},
        {"key": "stronger", "variant": "more", "weight_ppm": 300_000},
    ]
    started(assigned_here=True, arms=arms)
    services.stop(key=KEY, reason="enough", **BY)
    decision = {"key": KEY, "taken": "ship", "snapshot_sha256": SHA, "reason": "won", **BY}

    with pytest.raises(Refused, match="Possible are: treatment, stronger"):
        services.decide(**decision)
    services.decide(**decision, arm="stronger")

    assert queries.decision(KEY).arm == "stronger"
    assert set(variants().values()) == {"more"}


@pytest.mark.usefixtures("flag")
def test_import__assigned_elsewhere__flag_untouched():
    before = flag_queries.config_document(flag_queries.environment("production")).version

    drafted(assigned_here=False)
    services.start(key=KEY, publish=False, **BY)
    services.stop(key=KEY, reason="enough", **BY)

    assert flag_queries.config_document(flag_queries.environment("production")).version == before


@pytest.mark.usefixtures("flag")
def test_raise_coverage__running__more_units_in_the_same_arms_and_a_new_phase():
    drafted(assigned_here=True)
    services.start(key=KEY, coverage_ppm=100_000, **BY)
    before = {unit: answer.variant for unit, answer in answers().items() if answer.experiment}

    services.raise_coverage(key=KEY, coverage_ppm=600_000, reason="quiet", actor="rosa", now=LATER)

    after = {unit: answer.variant for unit, answer in answers().items() if answer.experiment}
    assert before.items() < after.items()
    phases = [(phase.coverage_ppm, phase.ended_at) for phase in queries.phases(KEY)]
    assert phases == [(100_000, LATER), (600_000, None)]
    assert (queries.plan(KEY).version, queries.plan(KEY).started_at) == (1, NOW)
    assert queries.about(KEY).coverage_share == 0.6


@pytest.mark.usefixtures("flag")
@pytest.mark.parametrize("coverage", [0, 99_999, 100_000, 1_000_001])
def test_raise_coverage__not_larger__refused(coverage):
    drafted(assigned_here=True)
    services.start(key=KEY, coverage_ppm=100_000, **BY)

    with pytest.raises(Refused, match="no larger share"):
        services.raise_coverage(key=KEY, coverage_ppm=coverage, reason="quiet", **BY)


@pytest.mark.usefixtures("flag")
def test_raise_coverage__gate_objects__nothing_changes_and_it_is_told_both_shares(monkeypatch):
    told = []

    def gate(subject):
        told.append((subject.experiment, subject.coverage_before_ppm, subject.coverage_after_ppm))
        return [Finding("trip", "no")]

    drafted(assigned_here=True)
    services.start(key=KEY, coverage_ppm=100_000, **BY)
    monkeypatch.setitem(gates._gates, "ramp.advance", [gate])

    with pytest.raises(Blocked):
        services.raise_coverage(key=KEY, coverage_ppm=600_000, reason="quiet", **BY)

    assert told == [(KEY, 100_000, 600_000)]
    assert queries.open_phase(KEY).coverage_ppm == 100_000


def test_raise_coverage__not_running__conflict():
    drafted()

    with pytest.raises(Conflict, match="Only a running experiment"):
        services.raise_coverage(key=KEY, coverage_ppm=600_000, reason="quiet", **BY)


@pytest.mark.usefixtures("flag")
def test_raise_coverage__over_page_and_api__grows(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    drafted(assigned_here=True)
    services.start(key=KEY, coverage_ppm=100_000, **BY)

    assert "Let more units in" in client.get(f"/experiments/{KEY}/plan/").text
    client.post(f"/experiments/{KEY}/coverage/", {"coverage": "20", "reason": "quiet"})
    body = {"coverage_ppm": 300_000, "reason": "quiet"}
    client.post(f"/api/v1/experiments/{KEY}/coverage", body, content_type="application/json")

    assert [phase.coverage_ppm for phase in queries.phases(KEY)] == [100_000, 200_000, 300_000]


def test_key_of_another_environment__any_step__403(client):
    for name in ("production", "staging"):
        flag_services.create_environment(key=name, **BY)
    _, secret = flag_services.create_key(environment="staging", name="x", scope="admin", **BY)
    started()

    def call(method, path, body):
        headers = {"Authorization": f"Bearer {secret}"}
        url = f"/api/v1/experiments{path}"
        return getattr(client, method)(url, body, content_type="application/json", headers=headers)

    assert call("post", f"/{KEY}/stop", {"reason": "x"}).status_code == 403
    assert call("patch", f"/{KEY}", {"title": "x"}).status_code == 403
    assert call("post", f"/{KEY}/coverage", {"coverage_ppm": 5, "reason": "x"}).status_code == 403
    assert call("post", "", {"key": "other", "title": "x"}).status_code == 403
    assert call("post", "", {"key": "other", "title": "x", "environment": "staging"}).status_code == 201
    assert queries.experiment(KEY).state == "running"
