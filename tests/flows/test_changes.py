"""Changes on the running platform: told to SDKs at once, and found when Redis lost them."""

import time
from typing import Any

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from events import queries as event_queries
from flags import seen, services
from headway import Client
from tests.apps.embedded.watching import eventually
from tests.flows.places import environment, filed

pytestmark = pytest.mark.flow
HALVES = [("off", 500_000), ("on", 500_000)]


def by() -> dict[str, Any]:
    return {"actor": "rosa", "now": timezone.now()}


@pytest.fixture
def following(connected):
    """A client that polls seldom and follows the stream, of a flag in a place of its own."""
    place = environment("changes")
    key = f"told-{time.monotonic_ns()}"
    variants = {"off": "off", "on": "on"}
    services.create_flag(key=key, value_type="string", variants=variants, in_environments=[place], **by())
    _, secret = services.create_key(environment=place, name="changes", scope="server", **by())
    with Client(connected.edge_url, secret, poll_s=600, flush_s=0.2) as client:
        assert client.wait_until_ready(30)
        assert eventually(lambda: client.counters["streams"] > 0, within_s=30)
        yield client, key


def switched_off(client, flag):
    return client.evaluate(flag, "u").reason == "DISABLED"


def arrived_as_told(client, flag, *, is_on):
    """Switch the flag; whether the client took the change from the stream, without fetching anything."""
    polls, changes = client.counters["polls"], client.counters["changes"]
    switch = services.switch_on if is_on else services.switch_off
    switch(flag=flag, environment="changes", reason="slow", **by())
    assert eventually(lambda: switched_off(client, flag) is not is_on, within_s=15)
    return client.counters["changes"] > changes and client.counters["polls"] == polls


def test_change__published__in_the_sdk_at_once_without_a_poll(following):
    """Most arrive so: what the edge finds in the database a moment before it is told, it has fetched."""
    client, flag = following

    assert any(arrived_as_told(client, flag, is_on=bool(number % 2)) for number in range(6))


def test_change__subscriptions_cut_and_redis_flushed__found_a_few_seconds_later(following):
    client, flag = following
    with redis.Redis.from_url(settings.HEADWAY_REDIS_URL) as server:
        server.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        server.flushall()
        services.switch_off(flag=flag, environment="changes", reason="slow", **by())

    assert eventually(lambda: switched_off(client, flag), within_s=15)


def test_exposures__sent_by_an_sdk__on_the_page_of_the_flag(following):
    client, flag = following
    rule = {"experiment": flag, "arms": HALVES, "coverage_ppm": 1_000_000}
    services.publish_experiment_rule(environment="changes", flag=flag, **rule, **by())
    assert eventually(lambda: client.evaluate(flag, "u").reason == "SPLIT", within_s=10)
    for number in range(50):
        client.evaluate(flag, f"user-{number}")
    assert client.flush(10)
    filed("changes")

    today = timezone.now().date()
    counts = {each.variant: each.count for each in seen.daily("changes", flag, today)}
    assert (set(counts), sum(counts.values())) == ({"off", "on"}, 51)
    assert event_queries.last_exposures("changes", [flag])[flag].date() == today
