"""Ablation studies through everything: the SDK's helper assigns, asks for budget, delays and tracks, its
outbox delivers to the edge, the worker files the events and looks, the product's estimator finds the slope.

Every study has a surface, a flag, slots in the layer of ablations and users of its own. Nothing waits for
the delays: the helper is given a sleep that returns at once. Salts are drawn from a seed on a platform that
nobody used before, so that users are in the same arms every time and the figures stay the same.

Nothing is asserted here; `test_impact_pipeline.py` holds the figures.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from unittest import mock

import numpy as np
from django.utils import timezone

from analysis import queries as looks
from analysis import services as analysis
from flags import services as flags
from headway import Client
from headway.ablation import Budget, Delay
from headway.allowance import Allowance
from impact import services
from metrics import services as metrics
from organisation import services as organisation
from tests.apps.embedded.watching import eventually
from tests.flows.places import environment, filed
from tests.platform import on_database_of, running

Figures = dict[str, float]
STUDIES, AT_A_TIME = 200, 20
USERS, BASE, PER_100_MS = 400, 0.6, -0.2
"""Of each study, in four arms: the placebo, two doses, the untouched group. The loss is far more than anybody
measured, so that four hundred users tell."""
DOSES_MS, SHARE_PPM = (100, 200), 1_250
"""Two hundred studies of four arms of this share are the whole layer."""
BUDGET, AT_ONCE = 10_000, 1_000
"""Requests that may be slowed down, and how many of them the helper asks for at once. It never asks for all,
because a study whose budget is spent is ended."""
HOST_MS = 27_000.0
"""What the host allows in all, where two hundred users ask for 30,000 ms: the last ones are not delayed."""
Z95, WITHIN_S = 1.959963984540054, 300
CONVERSION = """
key = "planted-conversion"
title = "Planted conversion"
question = "Who buys?"
kind = "proportion"
unit = "%"
direction = "up"
owner = "rosa"
hypothesis = "Faster pages sell more."
[source]
event = "purchase"
"""


@dataclass(frozen=True)
class Served:
    """What the helper did in one study: mean delay of each dose in ms."""

    key: str
    delivered_ms: tuple[float, ...]


def pipeline(studies=STUDIES) -> Figures:
    """How often the 95 % interval holds the planted slope on the delay that was delivered; `strayed_ms` is
    how far the recorded delay was from the real one at most."""
    with _unused_platform() as edge_url:
        rounds = [range(at, min(at + AT_A_TIME, studies)) for at in range(0, studies, AT_A_TIME)]
        found = [pair for numbers in rounds for pair in _round(edge_url, numbers)]
    findings = [finding for _, finding in found]
    slopes = np.array([finding.per_100_ms for finding in findings])
    errors = np.array([finding.standard_error for finding in findings])
    delivered = [served.delivered_ms for served, _ in found]
    recorded = [[point["delivered_ms"] for point in finding.details["points"]] for finding in findings]
    return {
        "coverage": float(np.mean(np.abs(slopes - PER_100_MS) <= Z95 * errors)),
        "mean_percent": float(slopes.mean()) * 100,
        "sd_percent": float(slopes.std()) * 100,
        "stated_error_percent": float(errors.mean()) * 100,
        "reached": float(np.mean(np.array(delivered) / DOSES_MS)),
        "strayed_ms": float(np.max(np.abs(np.array(delivered) - recorded))),
        "placebo_differs": float(
            np.mean([not each.details["placebo_check"]["is_silent"] for each in findings])
        ),
    }


@contextmanager
def _unused_platform():
    """The address of the edge of a platform of our own, with a team and an outcome."""
    drawn = random.Random(705)
    with running("calibration") as platform, on_database_of(platform):
        now = timezone.now()
        with mock.patch("secrets.randbelow", drawn.randrange):
            organisation.create_team(key="planted", name="Planted", owner="ada", actor="ada", now=now)
            metrics.load_definitions(texts={"c.toml": CONVERSION}, actor="rosa", now=now)
            yield platform.edge_url


def _round(edge_url, numbers):
    """Some studies in an environment of their own: what each served, and its finding."""
    place, keys = environment(f"planted-{numbers.start}"), [f"planted-{number}" for number in numbers]
    for key in keys:
        _start(key, place)
    _, secret = flags.create_key(
        environment=place, name=place, scope="server", actor="ada", now=timezone.now()
    )
    with Client(edge_url, secret, poll_s=5, flush_s=0.2) as client:
        assert client.wait_until_ready(WITHIN_S)
        served = [_serve(client, edge_url, secret, key) for key in keys]
    filed(place)
    _look(keys)
    return [(each, _finding(each.key)) for each in served]


def _start(key, place):
    by = {"actor": "ada", "now": timezone.now()}
    organisation.create_surface(key=key, name=key, team="planted", owner="ada", **by)
    services.set_value(
        surface=key,
        currency="EUR",
        revenue_minor=10**9,
        surface_share=1.0,
        outcome="planted-conversion",
        source="planted",
        **by,
    )
    services.propose_study(
        key=key,
        title=key,
        surface=key,
        environment=place,
        doses_ms=DOSES_MS,
        days=7,
        share_ppm=SHARE_PPM,
        exposures=BUDGET,
        ethics="These users are made up, and nothing waits.",
        actor="eva",
        now=by["now"],
    )
    for capacity, who in (("surface_owner", "ada"), ("metric_owner", "rosa"), ("sponsor", "vera")):
        services.approve_study(key=key, capacity=capacity, actor=who, now=by["now"])
    services.start_study(key=key, **by)


def _serve(client, edge_url, secret, key):
    """One request of every user, who buys or not by the delay that really came."""
    rng = random.Random(key)
    allowance = Allowance(edge_url, secret, key, at_a_time=AT_ONCE)
    allowance.take()
    assert eventually(lambda: allowance.left >= AT_ONCE, within_s=WITHIN_S)
    host = Budget(total_ms_per_day=HOST_MS)
    delay = Delay(client, key, host, allowance=allowance, sleep=lambda _: None)
    applied = []
    for user in _users(client, key):
        done = delay.apply(user)
        applied.append(done)
        if rng.random() < BASE * (1 + PER_100_MS * done.ms / 100):
            client.track("purchase", user)
    allowance.close()
    assert client.flush(WITHIN_S)
    return Served(key, tuple(_mean_ms(applied, dose) for dose in DOSES_MS))


def _users(client, key):
    """The first users of the study, in whatever arm."""
    named = (f"buyer-{number}" for number in range(1_000_000))
    return islice((user for user in named if client.evaluate(key, user).experiment), USERS)


def _mean_ms(applied, dose):
    return float(np.mean([each.ms for each in applied if each.asked_ms == dose]))


def _look(keys):
    """Let the worker look at all studies; a look takes events up to the second in which it is asked for."""
    time.sleep(1)
    for key in keys:
        analysis.request_look(experiment=key, trigger="manual", actor="ada", now=timezone.now())
    assert eventually(lambda: all(looks.runs(key).exists() for key in keys), within_s=WITHIN_S)


def _finding(key):
    services.end_study(key=key, reason="all have come", actor="ada", now=timezone.now())
    return services.estimate_study(key=key, now=timezone.now())
