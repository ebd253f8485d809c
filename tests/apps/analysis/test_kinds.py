"""Every kind of experiment from its draft to its report: created, started, looked at, read and decided."""

import json

import pytest

from analysis import queries
from experiments import queries as experiment_queries
from experiments import services as experiments
from metrics import services as metrics
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db
THREE = [
    {"key": "control", "variant": "off", "weight_ppm": 340_000, "role": "control"},
    {"key": "treatment", "variant": "on", "weight_ppm": 330_000},
    {"key": "stronger", "variant": "more", "weight_ppm": 330_000},
]
DOSED = [{**arm, "dose_ms": 100 * number} for number, arm in enumerate(world.ARMS)]
ORDERS = {"metric": "orders", "role": "primary"}
SPEED = {"metric": "latency-p95", "role": "guardrail"}
KINDS = {
    "ab": ({"arms": THREE}, [ORDERS, SPEED], "default-ship"),
    "rollout": ({}, [{"metric": "latency-p95", "role": "guardrail"}], "default-ship"),
    "holdout": ({}, [ORDERS], "default-ship"),
    "aa": ({}, [ORDERS], "agreement"),
    "ablation": ({"arms": DOSED}, [ORDERS, {**SPEED, "blocking": False}], "price"),
}
SPOKEN_OF = {"rollout": "latency-p95"}


def started(kind):
    changes, bindings, _ = KINDS[kind]
    metrics.load_definitions(
        texts={f"{name}.toml": text for name, text in world.METRICS.items()}, actor="rosa", now=world.START
    )
    metric = SPOKEN_OF.get(kind, "orders")
    content = {
        "title": f"A {kind} experiment",
        "kind": kind,
        "owner": "rosa",
        "flag": world.KEY,
        "assigned_here": False,
        "arms": world.ARMS,
        "planned_units": 400,
        "hypothesis": {
            "change": "Prefetch payment methods",
            "audience": "signed-in users",
            "metric": metric,
            "direction": "none" if kind == "aa" else "down" if metric == "latency-p95" else "up",
            "expected": {"value": 0.05, "relative": True},
            "mechanism": "the last step opens faster",
            "refuted_if": "it does not move",
        },
        **changes,
    }
    by: dict = {"key": world.KEY, "actor": "rosa", "now": world.START}
    experiments.create(content=content, **by)
    for binding in bindings:
        experiments.bind_metric(content=binding, **by)
    experiments.start(**by)


def written(kind):
    """Traffic for the arms of the plan; with three, every other treated unit is in the stronger one."""
    exposures, events = world.traffic(900, share=0.66 if kind == "ab" else 0.5)
    if kind == "ab":
        for number, row in enumerate(row for row in exposures if row["variant"] == "on"):
            row["variant"] = "more" if number % 2 else "on"
    world.write(exposures, events)


@pytest.mark.parametrize("kind", KINDS)
def test_kind__created_started_looked_at__read_by_its_rule_and_decided(kind, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("rosa"))
    started(kind)
    written(kind)

    job = world.look(hours=24 * 9)
    found = json.loads(queries.latest_snapshot(world.KEY).document)
    page = client.get(f"/experiments/{world.KEY}/report/").text
    by: dict = {"key": world.KEY, "actor": "rosa", "now": world.at(24 * 10)}
    experiments.stop(reason="enough data", **by)
    experiments.decide(taken="iterate", snapshot_sha256=_sha(), reason="to learn more", **by)

    assert (job.state, job.failure) == ("succeeded", "")
    assert found["verdict"]["code"] != "do_not_use"
    assert found["decision"]["rule"].startswith(KINDS[kind][2])
    assert [len(row["arms"]) for row in found["results"]] == [2 if kind == "ab" else 1] * len(KINDS[kind][1])
    assert found["verdict"]["word"] in page.upper()
    assert experiment_queries.experiment(world.KEY).state == "decided"


def _sha():
    return queries.latest_snapshot(world.KEY).sha256
