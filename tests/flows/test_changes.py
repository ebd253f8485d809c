"""Changes on the running platform: told to SDKs at once, and found when Redis lost them."""

import time
from datetime import timedelta
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
TRIES, WITHIN_S = 20, 90


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
        assert client.wait_until_ready(WITHIN_S)
        assert eventually(lambda: client.counters["streams"] > 0, within_s=WITHIN_S)
        yield client, key


def switched_off(client, flag):
    return client.evaluate(flag, "u").reason == "DISABLED"


def arrived_as_told(client, flag, *, is_on):
    """Switch the flag; whether the client took the change from the stream, without fetching anything."""
    polls, changes = client.counters["polls"], client.counters["changes"]
    switch = services.switch_on if is_on else services.switch_off
    switch(flag=flag, environment="changes", reason="slow", **by())
    assert eventually(lambda: switched_off(client, flag) is not is_on, within_s=WITHIN_S)
    return client.counters["changes"] > changes and client.counters["polls"] == polls


def test_change__published__in_the_sdk_at_once_without_a_poll(following):
    """Most arrive so: what the edge finds in the database a moment before it is told, it has fetched."""
    client, flag = following

    assert any(arrived_as_told(client, flag, is_on=bool(number % 2)) for number in range(TRIES))


def test_change__subscriptions_cut_and_redis_flushed__found_a_few_seconds_later(following):
    client, flag = following
    with redis.Redis.from_url(settings.HEADWAY_REDIS_URL) as server:
        cut_subscriptions(server)
        server.flushdb()
        services.switch_off(flag=flag, environment="changes", reason="slow", **by())

    assert eventually(lambda: switched_off(client, flag), within_s=WITHIN_S)


def cut_subscriptions(server):
    """Those of this database: others run their tests on the same server."""
    own = server.connection_pool.connection_kwargs["db"]
    subscribed = [each for each in server.client_list(_type="pubsub") if int(each["db"]) == own]
    assert subscribed
    for each in subscribed:
        server.client_kill_filter(_id=each["id"])


def test_exposures__sent_by_an_sdk__on_the_page_of_the_flag(following):
    client, flag = following
    rule, yesterday = {"experiment": flag, "arms": HALVES, "coverage_ppm": 1_000_000}, _day() - timedelta(1)
    services.publish_experiment_rule(environment="changes", flag=flag, **rule, **by())
    assert eventually(lambda: client.config.evaluate(flag, "u").reason == "SPLIT", within_s=WITHIN_S)
    began_at = timezone.now()
    for number in range(50):
        client.evaluate(flag, f"user-{number}")
    assert client.flush(WITHIN_S)
    filed("changes")

    counts = [(each.variant, each.count) for each in seen.daily("changes", flag, yesterday)]
    assert ({variant for variant, _ in counts}, sum(count for _, count in counts)) == ({"off", "on"}, 50)
    last = event_queries.last_exposures("changes", [flag])[flag]
    assert began_at - timedelta(seconds=1) <= last <= timezone.now()


def _day():
    return timezone.now().date()
