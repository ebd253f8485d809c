"""Telling the edge that a document changed, once that is committed.

A hint and no more: what the edge does not hear of it finds in the database a few seconds later, so a Redis
that is away costs a publisher a fraction of a second, once, and nobody their change.
"""

import logging
import threading
import time

import redis
from django.conf import settings
from django.db import connection, transaction

from flags.notices import Notice, channel

log = logging.getLogger(__name__)

TIMEOUT_S = 0.25
QUIET_FOR_S = 10.0
"""After a failure, so that a Redis that hangs does not slow every change down."""


class _Line:
    """The connection of this process, made at the first use."""

    def __init__(self) -> None:
        self._client: redis.Redis | None = None
        self._quiet_until = 0.0
        self._lock = threading.Lock()

    def publish(self, where: str, content: bytes) -> None:
        if time.monotonic() < self._quiet_until:
            return
        try:
            self._connected().publish(where, content)
        except redis.RedisError as error:
            self._quiet_until = time.monotonic() + QUIET_FOR_S
            log.warning("a change was not announced, the edge will find it: %s", error)

    def _connected(self) -> redis.Redis:
        with self._lock:
            if self._client is None:
                self._client = redis.Redis.from_url(
                    settings.HEADWAY_REDIS_URL,
                    socket_timeout=TIMEOUT_S,
                    socket_connect_timeout=TIMEOUT_S,
                    retry=None,
                )
            return self._client


_line = _Line()


def announce(notice: Notice) -> None:
    """Tell it when the transaction is committed; never raises."""
    where = channel(str(connection.settings_dict["NAME"]), settings.SECRET_KEY)
    content = notice.to_bytes()
    transaction.on_commit(lambda: _line.publish(where, content), robust=True)
