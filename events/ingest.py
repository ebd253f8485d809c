"""POST /sdk/v1/events: from headers and a body to an answer, with nothing acknowledged that is not stored.

No ORM, no Django, no HTTP server: config.edge routes requests here.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from events.bodies import (
    PATIENCE_S,
    BadCompression,
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    gunzip,
    read_body,
)
from events.envelopes import BatchTooLarge
from events.inbox import DATABASE_AWAY, AnotherBatch, Batch, Inbox, Receipt, TurnedAway
from events.judging import Judged, judge
from flags.delivery import Answer, Delivery, KeyRefused, KeyRow
from ledger.refusals import Refused

log = logging.getLogger(__name__)

SCOPES = ("server", "client", "ingest")
MAX_IN_FLIGHT = 256
REFUSAL = ("index", "field", "value", "reason", "fix")
TITLES = {
    400: "Not accepted",
    404: "Not found",
    405: "Not allowed here",
    408: "Too slow",
    409: "Another batch has this id",
    413: "Too large",
    415: "Not a supported type",
    429: "Too much at once",
    500: "Our mistake",
    503: "Not available",
}


class Unsupported(Exception):
    """The body is of a type or an encoding that is not taken; the message says which is."""


@dataclass(slots=True)
class Ingest:
    """The ingest of one process."""

    inbox: Inbox
    turned_away: TurnedAway
    delivery: Delivery
    _in_flight: int = field(default=0)

    async def answer(self, headers: Mapping[str, str], receive: Receive) -> Answer:
        """Read, judge, store. `headers` have lower-case names. Raises bodies.SenderGone."""
        if self._in_flight >= MAX_IN_FLIGHT:
            return problem_answer(503, "this server has too many requests open", retry_after_s=1)
        self._in_flight += 1
        try:
            return await self._answer(headers, receive, datetime.now(UTC))
        except DATABASE_AWAY as error:
            log.warning("the database did not take a batch: %r", error)
            return problem_answer(503, "the database is not available; keep the batch", retry_after_s=2)
        finally:
            self._in_flight -= 1

    async def _answer(self, headers: Mapping[str, str], receive: Receive, now: datetime) -> Answer:
        try:
            key = await self.delivery.key(headers.get("authorization"), scopes=SCOPES, now=now)
        except KeyRefused as refused:
            return refused.as_answer()
        if await self.inbox.is_full(now):
            why = "more events wait to be filed than this server keeps; keep the batch"
            return problem_answer(429, why, retry_after_s=5)
        answer = await self._taken(key, headers, receive, now)
        if 400 <= answer.status < 500:
            await self.turned_away.add(key.environment, key.id, now)
        return answer

    async def _taken(
        self, key: KeyRow, headers: Mapping[str, str], receive: Receive, now: datetime
    ) -> Answer:
        try:
            is_gzip = _is_gzip(headers)
            body = await read_body(receive)
            judged = judge(gunzip(body) if is_gzip else body, now, accepts_history=key.accepts_history)
            return _accepted(await self.inbox.store(_batch(key, judged, body, is_gzip, now)))
        except Unsupported as error:
            return problem_answer(415, str(error))
        except BodyTooSlow:
            return problem_answer(408, f"nothing came for {PATIENCE_S:.0f} seconds")
        except BodyTooLarge as error:
            return problem_answer(413, f"{error}; send smaller batches")
        except BadCompression as error:
            return problem_answer(400, str(error))
        except BatchTooLarge as refused:
            return problem_answer(413, str(refused), refused)
        except Refused as refused:
            return problem_answer(400, str(refused), refused)
        except AnotherBatch:
            why = "a batch with this batch_id is stored and holds other events; draw a new id for every batch"
            return problem_answer(409, why)


def _is_gzip(headers: Mapping[str, str]) -> bool:
    media, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media.strip().lower() != "application/json" or charset not in {"", "charset=utf-8"}:
        raise Unsupported("send Content-Type: application/json, in UTF-8")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity", "gzip"}:
        raise Unsupported("send Content-Encoding: gzip, or leave the header out")
    return encoding == "gzip"


def _batch(key: KeyRow, judged: Judged, body: bytes, is_gzip: bool, now: datetime) -> Batch:
    """The payload is kept as received, but for bodies that were not JSON."""
    as_received = judged.rebuilt is None
    return Batch(
        environment=key.environment,
        key=key.id,
        batch_id=judged.batch_id,
        received_at=now,
        sdk=judged.sdk,
        dropped=judged.dropped,
        accepted=judged.accepted,
        refusals=judged.refusals(),
        digest=judged.digest,
        codec="gzip" if is_gzip and as_received else "json",
        payload=judged.rebuilt or body,
    )


def _accepted(receipt: Receipt) -> Answer:
    # A stored answer comes back with its members in another order; a retry gets the same bytes.
    refused = [{name: refusal[name] for name in REFUSAL} for refusal in receipt.refusals]
    body = msgspec.json.encode({"accepted": receipt.accepted, "refused": refused})
    return Answer(202, {"content-type": "application/json", "cache-control": "no-store"}, body)


def problem_answer(
    status: int, detail: str, refused: Refused | None = None, *, retry_after_s: int | None = None
) -> Answer:
    """problem+json (RFC 9457), with one entry per problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES[status],
        "status": status,
        "detail": detail,
    }
    if refused is not None:
        body["problems"] = [problem.to_dict() for problem in refused.problems]
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    return Answer(status, headers, msgspec.json.encode(body))
