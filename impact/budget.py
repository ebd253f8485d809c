"""The exposure budget at the edge: requests are granted before they are slowed down, never more than planned.

SDKs ask for a few at a time and slow down only what was granted. One statement raises what is spent and says
how much was given, so eight processes asking at once get no more than there is; the database holds the count,
so a flushed Redis or a killed edge gives nothing back. No Django here: the edge has no ORM.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool

PATH = "/sdk/v1/ablations"
SCOPES = ("server", "client")
MOST_AT_ONCE = 1000

GRANT = """
WITH study AS (
    SELECT id, LEAST(%(ask)s, budget - spent) AS granted
    FROM impact_ablationstudy
    WHERE key = %(key)s AND environment = %(environment)s AND state = 'running' AND ends_at > %(now)s
    FOR UPDATE
)
UPDATE impact_ablationstudy AS row SET spent = row.spent + study.granted
FROM study WHERE row.id = study.id
RETURNING study.granted, row.concurrent, row.longest_ms
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """How many requests may be slowed down, how many at the same time in one process, and by how much."""

    granted: int
    concurrent: int
    max_ms: int

    def to_dict(self) -> dict[str, int]:
        return {"granted": self.granted, "concurrent": self.concurrent, "max_ms": self.max_ms}


NOTHING = Grant(0, 0, 0)


class NotUnderstood(ValueError):
    """The body is no question for budget; the message says what is wrong."""


def asked(body: bytes) -> tuple[str, int]:
    """The study and the number of requests. Raises NotUnderstood."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise NotUnderstood('the body is no JSON; send {"study": "slow-checkout", "ask": 50}') from None
    study = content.get("study") if isinstance(content, dict) else None
    ask = content.get("ask") if isinstance(content, dict) else None
    if not isinstance(study, str) or not 1 <= len(study) <= 63 or "\0" in study:
        raise NotUnderstood("study: name the study by its key")
    if not isinstance(ask, int) or isinstance(ask, bool) or not 1 <= ask <= MOST_AT_ONCE:
        raise NotUnderstood(f"ask: give how many requests, 1 to {MOST_AT_ONCE}")
    return study, ask


class ExposureBudget:
    """Grants requests out of the studies' budgets."""

    def __init__(self, pool: "AsyncConnectionPool[Any]") -> None:
        self._pool = pool

    async def grant(self, *, study: str, ask: int, environment: str, now: datetime) -> Grant:
        """What was granted; nothing for a study that does not run here. Raises what psycopg raises."""
        given = {"key": study, "ask": ask, "environment": environment, "now": now}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(GRANT, given)).fetchone()
        return NOTHING if row is None else Grant(int(row[0]), int(row[1]), int(row[2]))
