"""Which flags running code asks for: gathered in memory, written down now and then.

SDKs say it about once an hour, evaluations over HTTP are noted here as they come. No ORM: the edge writes
with its own pool, one statement an environment.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg_pool import AsyncConnectionPool

from flags.delivery import Answer, Delivery, KeyRefused

SCOPES = ("server", "client")
MAX_FLAGS = 20_000
MAX_NOTED = 50_000
JSON = {"content-type": "application/json", "cache-control": "no-store"}

WRITE: LiteralString = """
INSERT INTO flags_flagsighting (environment_id, flag_id, first_at, last_at)
SELECT %(environment)s, id, %(now)s, %(now)s FROM flags_flag WHERE key = ANY(%(flags)s) ORDER BY id
ON CONFLICT (environment_id, flag_id) DO UPDATE SET last_at = greatest(flags_flagsighting.last_at, %(now)s)
"""


@dataclass(slots=True)
class Sightings:
    """What was asked for since the last time it was written down."""

    pool: "AsyncConnectionPool[Any]"
    delivery: Delivery
    _noted: dict[int, set[str]] = field(default_factory=dict)

    def note(self, environment_id: int, *flags: str) -> None:
        noted = self._noted.setdefault(environment_id, set())
        if len(noted) < MAX_NOTED:
            noted.update(flags)

    async def answer(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Answer:
        """POST /sdk/v1/seen: `{"flags": [keys that this process has asked for]}`; 202, or why not."""
        try:
            key = await self.delivery.key(headers.get("authorization"), scopes=SCOPES, now=now)
        except KeyRefused as refused:
            return refused.as_answer()
        flags = _read(body)
        if flags is None:
            detail = f'send {{"flags": ["key", …]}}, at most {MAX_FLAGS:,}'
            problem = {"type": "about:blank", "title": "Not accepted", "status": 400, "detail": detail}
            headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
            return Answer(400, headers, msgspec.json.encode(problem))
        self.note(key.environment_id, *flags)
        return Answer(202, JSON, b"{}")

    async def write(self, now: datetime) -> None:
        """Write down what was noted; on an error it is noted again. Unknown keys are left out."""
        noted, self._noted = self._noted, {}
        for environment_id, flags in noted.items():
            try:
                await self._write(environment_id, flags, now)
            except Exception:
                self.note(environment_id, *flags)
                raise

    async def _write(self, environment_id: int, flags: Iterable[str], now: datetime) -> None:
        if not flags:
            return
        async with self.pool.connection() as connection:
            values = {"environment": environment_id, "flags": sorted(flags), "now": now}
            await connection.execute(WRITE, values)


class _Seen(msgspec.Struct):
    flags: list[str]


def _read(body: bytes) -> list[str] | None:
    try:
        found = msgspec.json.decode(body, type=_Seen).flags
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    is_fit = len(found) <= MAX_FLAGS and all("\0" not in key and len(key) <= 128 for key in found)
    return found if is_fit else None
