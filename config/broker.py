"""Is the broker fit to carry wake-ups? A Redis that evicts keys when memory is short loses them silently."""

import logging

import redis

log = logging.getLogger(__name__)

KEEPS_ALL = "noeviction"


class BrokerEvicts(SystemExit):
    """Redis is set to throw keys away when memory is short."""


def refuse_eviction(url: str) -> None:
    """Stop this process when Redis says that it evicts keys; a Redis that does not tell is believed."""
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2) as client:
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "")
    except redis.RedisError as silent:
        log.warning("could not ask Redis for its maxmemory-policy: %s", silent)
        return
    if policy != KEEPS_ALL:
        raise BrokerEvicts(
            f"Redis has maxmemory-policy {policy}: it would drop messages when memory is short. "
            f"Set it to {KEEPS_ALL} (redis-cli CONFIG SET maxmemory-policy {KEEPS_ALL}, and in redis.conf)."
        )
