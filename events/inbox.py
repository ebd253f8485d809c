"""The door of the inbox: batches are committed before anybody hears that they are safe.

A few statements over psycopg's asynchronous pool; no ORM, no Django, no HTTP. Batches that arrive while a
commit is under way wait for it and go into the next one together: under load one flush to disk serves many.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString, cast
from uuid import UUID

from psycopg import AsyncConnection, InterfaceError, InternalError, OperationalError
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolClosed

log = logging.getLogger(__name__)

Pool = AsyncConnectionPool[AsyncConnection[Any]]
DATABASE_AWAY = (OperationalError, InterfaceError, InternalError, PoolClosed, TimeoutError)
"""Errors that pass: the same batch can be stored later. PoolTimeout is an OperationalError."""

GROUP_SIZE = 32
COMMIT_WITHIN_S = 5.0
DEPTH_TRUSTED_FOR = timedelta(seconds=1)
MAX_WAITING_BYTES = 1_000_000_000
MAX_WAITING_BATCHES = 50_000
COUNTS_KEPT_FOR = timedelta(seconds=5)

STORE: LiteralString = """
INSERT INTO events_inboxbatch (environment, key_id, batch_id, received_at, sdk, dropped, accepted, refused,
                               refusals, digest, codec, size, payload)
VALUES (%(environment)s, %(key)s, %(batch_id)s, %(received_at)s, %(sdk)s, %(dropped)s, %(accepted)s,
        %(refused)s, %(refusals)s, %(digest)s, %(codec)s, %(size)s, %(payload)s)
ON CONFLICT (environment, batch_id) DO NOTHING RETURNING id
"""
STORED: LiteralString = """
SELECT digest, accepted, refusals FROM events_inboxbatch
WHERE environment = %(environment)s AND batch_id = %(batch_id)s
"""
DEPTH: LiteralString = """
SELECT count(*), coalesce(sum(size), 0) FROM events_inboxbatch WHERE compacted_at IS NULL
"""
COUNT: LiteralString = """
INSERT INTO events_ingestcount (environment, key_id, day, kind, count)
VALUES (%(environment)s, %(key)s, %(day)s, 'turned_away', %(count)s)
ON CONFLICT (environment, key_id, day, kind) DO UPDATE SET count = events_ingestcount.count + excluded.count
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch to store. `refusals` in the form of the answer; `digest` over the events as sent."""

    environment: str
    key: int | None
    batch_id: UUID
    received_at: datetime
    sdk: str
    dropped: int
    accepted: int
    refusals: list[dict[str, Any]]
    digest: bytes
    codec: str
    payload: bytes

    @property
    def name(self) -> tuple[str, UUID]:
        return self.environment, self.batch_id

    def row(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "key": self.key,
            "batch_id": self.batch_id,
            "received_at": self.received_at,
            "sdk": self.sdk,
            "dropped": self.dropped,
            "accepted": self.accepted,
            "refused": len(self.refusals),
            "refusals": Jsonb(self.refusals) if self.refusals else None,
            "digest": self.digest,
            "codec": self.codec,
            "size": len(self.payload),
            "payload": self.payload,
        }


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sender is answered: the same however often the batch is sent."""

    accepted: int
    refusals: list[dict[str, Any]]


class AnotherBatch(Exception):
    """A batch with this id is stored, and it holds other events."""


Outcome = Receipt | AnotherBatch
_Waiting = tuple[Batch, "asyncio.Future[Outcome]"]


@dataclass(slots=True)
class Inbox:
    """The inbox as one process sees it."""

    pool: Pool
    _waiting: list[_Waiting] = field(default_factory=list)
    _writer: "asyncio.Task[None] | None" = None
    _depth: tuple[datetime, int, int] | None = None

    async def store(self, batch: Batch) -> Receipt:
        """Commit the batch; returns when it is on disk.

        A batch that is stored already changes nothing and gets the stored answer. Raises AnotherBatch,
        psycopg.Error, PoolTimeout or TimeoutError.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        outcome = await future
        if isinstance(outcome, AnotherBatch):
            raise outcome
        return outcome

    async def is_full(self, now: datetime) -> bool:
        """Whether more waits for compaction than the limits allow; looked up at most once a second."""
        if self._depth is None or now - self._depth[0] > DEPTH_TRUSTED_FOR:
            async with self.pool.connection() as connection:
                row = await (await connection.execute(DEPTH)).fetchone()
            batches, size = row or (0, 0)
            self._depth = now, int(batches), int(size)
        return self._depth[1] >= MAX_WAITING_BATCHES or self._depth[2] >= MAX_WAITING_BYTES

    async def close(self) -> None:
        """Wait for what is being committed."""
        if self._writer is not None:
            await self._writer

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self._write_group(self._next_group())
        finally:
            self._writer = None

    def _next_group(self) -> list[_Waiting]:
        """The first waiting batches, each id once: the second of two equal ones meets the first's row."""
        group: dict[tuple[str, UUID], _Waiting] = {}
        rest: list[_Waiting] = []
        for waiting in self._waiting:
            name = waiting[0].name
            if len(group) < GROUP_SIZE and name not in group:
                group[name] = waiting
            else:
                rest.append(waiting)
        self._waiting = rest
        return list(group.values())

    async def _write_group(self, group: list[_Waiting]) -> None:
        try:
            async with asyncio.timeout(COMMIT_WITHIN_S):
                outcomes = await self._commit([batch for batch, _ in group])
        except DATABASE_AWAY as error:
            _fail(group, error)
        except Exception as error:  # noqa: BLE001 every sender is told; none may wait for ever
            await self._write_one_by_one(group, error)
        else:
            for (_, future), outcome in zip(group, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)

    async def _write_one_by_one(self, group: list[_Waiting], error: Exception) -> None:
        """One batch that the database refuses must not take the others of its group with it."""
        if len(group) == 1:
            _fail(group, error)
            return
        for waiting in group:
            await self._write_group([waiting])

    async def _commit(self, batches: Sequence[Batch]) -> list[Outcome]:
        async with self.pool.connection() as connection, connection.transaction():
            fresh = await _insert(connection, batches)
            return [
                Receipt(batch.accepted, batch.refusals) if is_new else await _stored(connection, batch)
                for batch, is_new in zip(batches, fresh, strict=True)
            ]


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)


async def _insert(connection: AsyncConnection[Any], batches: Sequence[Batch]) -> list[bool]:
    """Whether each batch was new."""
    fresh = []
    async with connection.cursor() as cursor:
        await cursor.executemany(STORE, [batch.row() for batch in batches], returning=True)
        while True:
            fresh.append(await cursor.fetchone() is not None)
            if not cursor.nextset():
                return fresh


async def _stored(connection: AsyncConnection[Any], batch: Batch) -> Outcome:
    names = {"environment": batch.environment, "batch_id": batch.batch_id}
    row = await (await connection.execute(STORED, names)).fetchone()
    digest, accepted, refusals = cast("tuple[bytes, int, list[dict[str, Any]] | None]", row)
    return Receipt(accepted, refusals or []) if bytes(digest) == batch.digest else AnotherBatch()


@dataclass(slots=True)
class TurnedAway:
    """Requests refused whole, counted per key and day; written down every few seconds."""

    pool: Pool
    _counts: dict[tuple[str, int, str], int] = field(default_factory=dict)
    _written_at: datetime | None = None

    async def add(self, environment: str, key: int, now: datetime) -> None:
        name = environment, key, f"{now:%Y-%m-%d}"
        self._counts[name] = self._counts.get(name, 0) + 1
        if self._written_at is None or now - self._written_at >= COUNTS_KEPT_FOR:
            self._written_at = now
            await self.write()

    async def write(self) -> None:
        """Add what was counted to the rows of the days; a database that is away only delays it."""
        counts, self._counts = self._counts, {}
        rows = [
            {"environment": environment, "key": key, "day": day, "count": count}
            for (environment, key, day), count in sorted(counts.items())
        ]
        if not rows:
            return
        try:
            async with self.pool.connection() as connection, connection.cursor() as cursor:
                await cursor.executemany(COUNT, rows)
        except DATABASE_AWAY as error:
            log.warning("could not write down how many requests were turned away: %r", error)
            for name, count in counts.items():
                self._counts[name] = self._counts.get(name, 0) + count
