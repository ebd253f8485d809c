"""Experiments with a known truth, driven through the SDK as a product would; what was sent is remembered.

Who is in which arm hangs on a salt drawn anew in every run, so units come by turns of the arms: every run
plants the same values in the same order in arms of the same size, whoever is in them.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Any

import numpy as np
from django.utils import timezone

from experiments import services as experiment_services
from flags import services as flag_services
from headway import Client
from metrics import services as metric_services
from tests.flows.places import environment, filed

OWNER = "rosa"
DAYS = 8
UNITS = 3_000
SEED = 20_260_302
SHARES = {"control": 0.10, "treatment": 0.20}
LOAD_MS, SPREAD_MS = 300.0, 50.0
LIMIT_MS = 20.0
MOST_IDS = 1_000_000
READY_WITHIN_S, FLUSHED_WITHIN_S = 120, 180

METRICS = {
    "planted-orders": """
key = "planted-orders"
title = "Planted orders"
question = "Does the planted gain show?"
kind = "proportion"
unit = "share"
direction = "up"
owner = "rosa"
hypothesis = "It rises exactly as planted."
tier = "beta"
source = { event = "ordered" }
""",
    "planted-load-time": f"""
key = "planted-load-time"
title = "Planted load time"
question = "Does the planted harm show?"
kind = "mean"
unit = "ms"
direction = "down"
owner = "rosa"
hypothesis = "It rises exactly as planted."
tier = "beta"
margin = {{ value = {LIMIT_MS}, relative = false }}
source = {{ event = "loaded" }}
""",
}


@dataclass(frozen=True, slots=True)
class Planted:
    """What was sent for one experiment: per arm, one value a unit."""

    key: str
    ordered: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    load_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def order_difference(self) -> float:
        return float(np.mean(self.ordered["treatment"]) - np.mean(self.ordered["control"]))

    @property
    def load_difference_ms(self) -> float:
        return float(np.mean(self.load_ms["treatment"]) - np.mean(self.load_ms["control"]))


class Clock:
    """The SDK's clock during a replay."""

    def __init__(self) -> None:
        self.at = timezone.now()

    def __call__(self) -> datetime:
        return self.at


def running(key: str) -> datetime:
    """An experiment in an environment of its own, running for eight days; returns when it began."""
    now = timezone.now()
    began_at = now - timedelta(days=DAYS)
    place = environment(key)
    metric_services.load_definitions(texts=METRICS, actor=OWNER, now=now)
    flag_services.create_flag(
        key=key, value_type="string", owner=OWNER, in_environments=[place], actor=OWNER, now=now
    )
    experiment_services.create(key=key, content=_plan(key, place), actor=OWNER, now=now)
    for binding in (
        {"metric": "planted-orders", "role": "primary"},
        {"metric": "planted-load-time", "role": "guardrail"},
    ):
        experiment_services.bind_metric(key=key, content=binding, actor=OWNER, now=now)
    experiment_services.start(
        key=key, actor=OWNER, now=now, began_at=began_at, reason="a run with a planted truth"
    )
    return began_at


def sdk_key(key: str) -> str:
    _, secret = flag_services.create_key(
        environment=key,
        name="flow",
        scope="server",
        accepts_history=True,
        actor=OWNER,
        now=timezone.now(),
    )
    return secret


def plant(edge_url: str, key: str, *, harm_ms: float) -> Planted:
    """Start the experiment and send what its units did; treatment loads `harm_ms` slower."""
    return send(edge_url, key, running(key), harm_ms=harm_ms)


def send(edge_url: str, key: str, began_at: datetime, *, harm_ms: float, place: str = "") -> Planted:
    """Every unit's exposure, load time and perhaps an order, since `began_at`; filed afterwards."""
    clock, planted, where = Clock(), Planted(key), place or key
    drawn = np.random.default_rng(SEED)
    with closing(Client(edge_url, sdk_key(where), clock=clock)) as client:
        assert client.wait_until_ready(READY_WITHIN_S)
        for number, unit in enumerate(islice(by_turns(client, key, tuple(SHARES)), UNITS)):
            clock.at = began_at + timedelta(days=DAYS) * (number + 1) / (UNITS + 1)
            arm = client.variant(key, unit=unit, default="nobody")
            _live(client, planted, arm, unit, drawn, harm_ms)
        assert client.flush(FLUSHED_WITHIN_S)
    filed(where)
    return planted


def by_turns(client: Client, flag: str, arms: Sequence[str]) -> Iterator[str]:
    """Unit ids whose variants are those of `arms`, over and over. They begin with the key of the flag: what a
    unit does counts for every experiment of its environment. Nothing is exposed by asking."""
    waiting: dict[str, deque[str]] = {arm: deque() for arm in arms}
    ids = (f"{flag}-{number}" for number in range(MOST_IDS))
    for arm in cycle(arms):
        while not waiting[arm]:
            unit = next(ids)
            found = client.config.evaluate(flag, unit)
            if found.experiment:
                waiting[str(found.variant)].append(unit)
        yield waiting[arm].popleft()


def _live(
    client: Client, planted: Planted, arm: str, unit: str, drawn: np.random.Generator, harm_ms: float
) -> None:
    """One unit's visit, remembered and sent."""
    slower_ms = harm_ms if arm == "treatment" else 0.0
    load_ms = float(drawn.normal(LOAD_MS, SPREAD_MS)) + slower_ms
    has_ordered = bool(drawn.random() < SHARES[arm])
    client.track("loaded", unit=unit, value=load_ms)
    if has_ordered:
        client.track("ordered", unit=unit)
    planted.load_ms[arm].append(load_ms)
    planted.ordered[arm].append(float(has_ordered))


def _plan(key: str, place: str) -> dict[str, Any]:
    return {
        "title": f"Planted truth: {key}",
        "owner": OWNER,
        "flag": key,
        "environment": place,
        "hypothesis": {
            "change": "Plant an effect",
            "audience": "made-up units",
            "metric": "planted-orders",
            "direction": "up",
            "expected": {"value": 0.1, "relative": True},
            "mechanism": "it is planted",
            "refuted_if": "it does not show",
        },
        "arms": [
            {"key": "control", "variant": "control", "weight_ppm": 500_000, "role": "control"},
            {"key": "treatment", "variant": "treatment", "weight_ppm": 500_000, "role": "treatment"},
        ],
        "min_days": 7,
        "max_days": 28,
        "planned_units": 1_500,
    }
