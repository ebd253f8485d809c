"""Users who are exposed, buy and send requests: random but repeatable, with planted effects."""

from datetime import UTC, datetime, timedelta

import numpy as np

from tests.core.analysis import store

START = datetime(2026, 3, 2, tzinfo=UTC)
KEY = "fast-checkout"


def at(hours):
    """The instant so many hours after the start of the experiment."""
    return START + timedelta(hours=hours)


def traffic(units=2000, *, seed=1, days=10.0, lift=0.0, slowdown=0.0, experiment=KEY, share=0.5):
    """Exposures over `days` with orders and requests; the treatment's orders and latencies are scaled.

    Units lie in two buckets, which keeps the files few.
    """
    random = np.random.default_rng(seed)
    exposures, listed = [], []
    for number in range(units):
        unit = (seed * 10_000_019 + number * 7919) * store.BUCKETS + number % 2
        is_on = random.random() < share
        first = at(float(random.uniform(0, days * 24 - 4)))
        device = str(random.choice(["phone", "laptop"]))
        exposures.append(
            store.exposure(
                unit, "on" if is_on else "off", first, experiment=experiment, dims={"device": device}
            )
        )
        listed += _purchases(random, unit, first, 1.0 + lift * is_on)
        listed += _requests(random, unit, first, 1.0 + slowdown * is_on)
    return exposures, listed


def _purchases(random, unit, first, scale):
    before = random.poisson(0.8)
    found = [
        store.event(unit, "purchase", first - timedelta(hours=float(h)), float(random.lognormal(2, 1)))
        for h in random.uniform(1, 150, before)
    ]
    for _ in range(random.poisson((0.4 + 0.4 * before) * scale)):
        when = first + timedelta(hours=float(random.uniform(0, 3)))
        found.append(store.event(unit, "purchase", when, round(float(random.lognormal(2, 1)), 2)))
    return found


def _requests(random, unit, first, scale):
    speed = float(random.lognormal(5, 0.3)) * scale
    times = random.uniform(0, 3, 1 + random.poisson(3))
    return [
        store.event(
            unit, "request", first + timedelta(hours=float(h)), speed * float(random.lognormal(0, 0.4))
        )
        for h in times
    ]
