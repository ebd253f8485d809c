"""The shop replay: what real visitors did, told to the real SDK against the running platform.

The SDK's clock shows the time of the recording, so that exposures and events carry it.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from demo import shop
from headway import Client

READY_WITHIN_S = 30
FLUSH_EVERY = 200
FLUSH_WITHIN_S = 60


class ReplayFailed(Exception):
    """The SDK could not do what the replay needs; the message says what it did instead."""


class Clock:
    """Shows whatever time it was set to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def event_id(event: Mapping[str, Any]) -> str:
    """The same for the same event of the recording, so that sending it again adds nothing."""
    what = event.get("name", event["kind"])
    return str(uuid5(NAMESPACE_URL, f"shop/{event['unit']}/{what}/{event['ts'].isoformat()}"))


def connected(url: str, key: str, clock: Clock) -> Client:
    """The SDK as the shop would set it up, but with a clock and ids that a recording needs."""
    return Client(url, key, exposure_dims=("system", "visitor_type"), clock=clock, event_id=event_id)


def replay(*, url: str, key: str, until: datetime, advance: Callable[[int], None] = lambda _: None) -> None:
    """Send every session of the shop once; sending them again adds nothing. Raises ReplayFailed."""
    clock = Clock(until)
    with closing(connected(url, key, clock)) as client:
        if not client.wait_until_ready(READY_WITHIN_S):
            raise ReplayFailed(f"the SDK got no configuration from {url} within {READY_WITHIN_S} s")
        _send(client, clock, shop.sessions(until=until), advance)


def _send(
    client: Client, clock: Clock, sessions: Iterable[shop.Session], advance: Callable[[int], None]
) -> None:
    latencies = shop.endless_latencies_ms()
    for number, session in enumerate(sessions, start=1):
        clock.at = session.at
        arm = _arm(client, session)
        for happening in shop.visit(session, latencies[arm]):
            clock.at = happening.at
            client.track(
                happening.name,
                unit=session.visitor,
                unit_type=shop.UNIT_TYPE,
                value=happening.value,
                dims=dict(happening.dims),
            )
        advance(1)
        if number % FLUSH_EVERY == 0:
            _flush(client)
    _flush(client)


def _arm(client: Client, session: shop.Session) -> str:
    found = client.evaluate(shop.FLAG, unit=session.visitor, attributes=session.dims, default="control")
    if found.variant is None or found.experiment != shop.EXPERIMENT:
        raise ReplayFailed(f"the flag {shop.FLAG} did not put {session.visitor} into an arm: {found.reason}")
    return str(found.variant)


def _flush(client: Client) -> None:
    """Wait until all of it is acknowledged: the queue of the SDK is bounded and drops what it cannot hold."""
    if not client.flush(FLUSH_WITHIN_S) or client.counters["dropped"] or client.counters["refused"]:
        raise ReplayFailed(f"the SDK could not deliver everything: {client.counters}")
