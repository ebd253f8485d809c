"""A broker that drops messages is refused at the worker's start."""

import os

import pytest
import redis

from config import broker


@pytest.fixture
def server():
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        before = client.config_get("maxmemory-policy")["maxmemory-policy"]
        yield client
        client.config_set("maxmemory-policy", before)


def test_broker__keeps_everything__accepted(server):
    server.config_set("maxmemory-policy", "noeviction")

    broker.refuse_eviction(os.environ["REDIS_URL"])


def test_broker__evicts__process_stops_with_the_fix(server):
    server.config_set("maxmemory-policy", "allkeys-lru")

    with pytest.raises(SystemExit, match=r"allkeys-lru.*CONFIG SET maxmemory-policy noeviction"):
        broker.refuse_eviction(os.environ["REDIS_URL"])


def test_broker__away__only_logged(caplog):
    broker.refuse_eviction("redis://127.0.0.1:1/0")

    assert "could not ask Redis" in caplog.text
