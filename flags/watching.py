"""Knowing in one process which documents are current: told by Redis, made sure of in the database.

One subscription and one connection a process, however many streams there are. Messages may be lost, and Redis
may be away or flushed; a look at the database every few seconds finds what was missed. While the subscription
stands, documents in memory are served without asking the database.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed
from redis.asyncio import Redis
from redis.exceptions import RedisError

from flags import notices
from flags.notices import Notice
from flags.streams import Hub

log = logging.getLogger(__name__)

LOOK_EVERY_S = 3.0
TRUSTED_FOR_S = 3 * LOOK_EVERY_S
"""How long after the last look at the database documents in memory are still believed."""
RECONNECT_S = 1.0
AWAY = (psycopg.Error, PoolClosed, TimeoutError)

ALL: LiteralString = "SELECT environment_id, version, etag FROM flags_configdocument"
LIVE_KEYS: LiteralString = """
SELECT id FROM flags_sdkkey
WHERE id = ANY(%(keys)s) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %(now)s)
"""


class Watch:
    """Runs until it is stopped; `newest` is what a stream begins with."""

    def __init__(
        self, pool: "AsyncConnectionPool[Any]", redis_url: str | None, channel: str, hub: Hub
    ) -> None:
        self._pool, self._redis_url, self._channel, self._hub = pool, redis_url, channel, hub
        self._newest: dict[int, Notice] = {}
        self._is_subscribed = False
        self._looked_at = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Without an address of Redis changes are only looked for."""
        self._tasks = [asyncio.create_task(self._look_for_ever())]
        if self._redis_url is not None:
            self._tasks.append(asyncio.create_task(self._listen_for_ever(self._redis_url)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    @property
    def is_subscribed(self) -> bool:
        return self._is_subscribed

    def current_etag(self, environment_id: int) -> str | None:
        """The ETag that is current for certain; None when the database has to be asked."""
        is_sure = self._is_subscribed and _now() - self._looked_at < TRUSTED_FOR_S
        found = self._newest.get(environment_id) if is_sure else None
        return None if found is None else found.etag

    async def newest(self, environment_id: int) -> Notice:
        """What is current, looked up when this process does not know. Raises LookupError, AWAY."""
        if environment_id not in self._newest or self.current_etag(environment_id) is None:
            await self.look()
        return self._newest[environment_id]

    def take(self, notice: Notice) -> None:
        """Believe a notice unless it is old, and pass it on."""
        known = self._newest.get(notice.environment_id)
        if known is not None and notice.version <= known.version:
            return
        self._newest[notice.environment_id] = notice
        self._hub.tell(notice)

    async def look(self) -> None:
        """Compare with the database: changes nobody told of, and keys that work no more."""
        keys = list(self._hub.keys())
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(ALL)).fetchall()
            live = await (
                await connection.execute(LIVE_KEYS, {"keys": keys, "now": datetime.now(UTC)})
            ).fetchall()
        for environment_id, version, etag in rows:
            self._find(Notice(environment_id, version, etag))
        self._hub.close(set(keys) - {id for (id,) in live})
        self._looked_at = _now()

    def _find(self, notice: Notice) -> None:
        known = self._newest.get(notice.environment_id)
        if known is None:
            self._newest[notice.environment_id] = notice
        elif notice.version > known.version:
            self._hub.counts["found_late"] += 1
            self.take(notice)

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self.look()
            except AWAY as error:
                log.warning("could not look for changes: %r", error)
            except Exception:
                log.exception("could not look for changes")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _listen_for_ever(self, redis_url: str) -> None:
        while True:
            try:
                await self._listen(redis_url)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("not subscribed to changes, looking every %.0f s: %r", LOOK_EVERY_S, error)
            except Exception:
                log.exception("not subscribed to changes")
            finally:
                self._is_subscribed = False
            self._hub.counts["subscriptions_lost"] += 1
            await asyncio.sleep(RECONNECT_S)

    async def _listen(self, redis_url: str) -> None:
        """Subscribe first and look afterwards, so that nothing falls between the two."""
        async with (
            Redis.from_url(redis_url, socket_connect_timeout=2, health_check_interval=10) as client,
            client.pubsub() as subscription,
        ):
            await subscription.subscribe(self._channel)
            if await subscription.get_message(timeout=LOOK_EVERY_S) is None:
                raise TimeoutError("Redis took a connection and did not answer")
            await self.look()
            self._is_subscribed = True
            while True:
                message = await subscription.get_message(timeout=LOOK_EVERY_S)
                if message is not None and message["type"] == "message":
                    self._hear(message["data"])

    def _hear(self, content: bytes) -> None:
        try:
            self.take(notices.read(content))
        except ValueError as error:
            log.warning("this is no notice: %s", error)


def _now() -> float:
    return asyncio.get_running_loop().time()
