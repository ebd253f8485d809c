"""What the edge hands to SDKs: who holds this key, and which configuration document is current.

A few statements over psycopg's asynchronous pool; no ORM, no Django, no HTTP server. Documents are built when
a version is published; here they are only copied.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg import Error
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, PoolClosed

from flags import keys

log = logging.getLogger(__name__)

KEY_TRUSTED_FOR = timedelta(seconds=5)
KEY_TRUSTED_IN_AN_OUTAGE = timedelta(minutes=15)
"""While the database is away nobody can revoke a key either."""
AWAY = (Error, PoolClosed, TimeoutError)
KEYS_REMEMBERED = 1024
USE_NOTED_EVERY = timedelta(minutes=1)
SIGNATURE = "x-headway-signature"

FIND_KEY: LiteralString = """
SELECT k.id, k.environment_id, e.key AS environment, k.name, k.prefix, k.digest, k.scope, k.accepts_history,
       k.expires_at
FROM flags_sdkkey k JOIN flags_environment e ON e.id = k.environment_id
WHERE k.prefix = %(prefix)s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
"""
NOTE_USE: LiteralString = """
UPDATE flags_sdkkey SET last_used_at = %(now)s
WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at < %(stale)s)
"""
CURRENT: LiteralString = "SELECT etag FROM flags_configdocument WHERE environment_id = %(environment)s"
DOCUMENT: LiteralString = """
SELECT version, etag, body, body_gzip, body_brotli, client_flags
FROM flags_configdocument WHERE environment_id = %(environment)s
"""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A live key. `environment_id` is what its events and documents belong to."""

    id: int
    environment_id: int
    environment: str
    name: str
    prefix: str
    digest: str
    scope: str
    accepts_history: bool
    expires_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now


@dataclass(frozen=True, slots=True)
class Document:
    """One environment's configuration document as it goes over the wire."""

    version: int
    etag: str
    body: bytes
    body_gzip: bytes
    body_brotli: bytes
    client_flags: list[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; the edge only sends it. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class KeyRefused(Exception):
    """The request carries no key that may do this; `status` is 401 or 403."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)

    def as_answer(self) -> Answer:
        title = "Not authenticated" if self.status == 401 else "Not allowed"
        problem = {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail}
        headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return Answer(self.status, headers, json.dumps(problem).encode())


def _ask_the_database(environment_id: int) -> str | None:
    return None


class Delivery:
    """Key look-ups and documents for one process.

    A key found once is trusted for five seconds, which is how long a revoked key can still work; documents
    are kept until their ETag changes. `current` knows the ETag that an environment's document has now, or
    None when only the database does. While the database is away, what is in memory is served on.
    """

    def __init__(
        self,
        pool: "AsyncConnectionPool[Any]",
        site_secret: str,
        current: Callable[[int], str | None] = _ask_the_database,
    ) -> None:
        self._pool = pool
        self._site_secret = site_secret
        self._current = current
        self._loading = asyncio.Lock()
        self._keys: dict[bytes, tuple[KeyRow, datetime]] = {}
        self._documents: dict[int, Document] = {}
        self._signatures: dict[int, tuple[str, str]] = {}

    async def key(self, authorization: str | None, *, scopes: tuple[str, ...], now: datetime) -> KeyRow:
        """The live key of an `Authorization: Bearer <key>` header. Raises KeyRefused."""
        scheme, _, secret = (authorization or "").strip().partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret:
            raise KeyRefused(401, "send the header Authorization: Bearer <key>")
        return _allowed(await self._live(secret, now), scopes)

    async def ticket_key(self, ticket: str, *, now: datetime) -> KeyRow:
        """The live key that a ticket for a stream was made from. Raises KeyRefused."""
        prefix = ticket.partition(".")[0]
        row = await self._row(prefix, now)
        if row is None or not keys.is_ticket(ticket, row.prefix, row.digest, self._site_secret):
            raise KeyRefused(401, "this ticket is unknown or its key works no more; ask for flags again")
        return row

    def ticket(self, key: KeyRow) -> str:
        """What a browser may put into an address to open a stream, where a key has no place."""
        return keys.ticket(key.prefix, key.digest, self._site_secret)

    async def config(self, headers: Mapping[str, str], *, now: datetime, wanted: str = "") -> Answer:
        """GET /sdk/v1/config: the document, 304 when the caller has it, 401 or 403 as problem+json.

        `headers` are the request's, names in lower case; `wanted` is an ETag the caller has heard of.
        """
        try:
            key = await self.key(headers.get("authorization"), scopes=("server", "client"), now=now)
            if key.scope == "client":
                why = "a key with scope 'client' gets values, not rules: POST /ofrep/v1/evaluate/flags"
                raise KeyRefused(403, why)
        except KeyRefused as refused:
            return refused.as_answer()
        document = await self.document(key.environment_id, wanted)
        if is_known(document.etag, headers.get("if-none-match", "")):
            return Answer(304, _document_headers(document), b"")
        answer = _document_answer(document, headers.get("accept-encoding", ""))
        return replace(answer, headers={**answer.headers, SIGNATURE: self._signature(key, document)})

    def _signature(self, key: KeyRow, document: Document) -> str:
        """Made once a document; nobody without the signing key can change what is handed out on its way."""
        kept = self._signatures.get(key.environment_id)
        if kept is None or kept[0] != document.etag:
            signing_key = keys.signing_key(key.environment, self._site_secret)
            kept = document.etag, keys.signature(signing_key, document.body)
            self._signatures[key.environment_id] = kept
        return kept[1]

    async def _live(self, secret: str, now: datetime) -> KeyRow | None:
        row = self._remembered(secret, now, KEY_TRUSTED_FOR)
        if row is not None:
            return row
        try:
            return await self._look_up(secret, now)
        except AWAY:
            row = self._remembered(secret, now, KEY_TRUSTED_IN_AN_OUTAGE)
            if row is None:
                raise
            return row

    def _remembered(self, secret: str, now: datetime, trusted_for: timedelta) -> KeyRow | None:
        found = self._keys.get(_fingerprint(secret))
        if found is None:
            return None
        row, seen_at = found
        return row if now - seen_at < trusted_for and row.is_live(now) else None

    async def _look_up(self, secret: str, now: datetime) -> KeyRow | None:
        prefix = keys.prefix_of(secret)
        if prefix is None:
            return None
        row = await self._row(prefix, now)
        if row is None or not keys.is_same(secret, row.digest, self._site_secret):
            self._keys.pop(_fingerprint(secret), None)
            return None
        async with self._pool.connection() as connection:
            await connection.execute(NOTE_USE, {"id": row.id, "now": now, "stale": now - USE_NOTED_EVERY})
        self._remember(secret, row, now)
        return row

    async def _row(self, prefix: str, now: datetime) -> KeyRow | None:
        async with (
            self._pool.connection() as connection,
            connection.cursor(row_factory=class_row(KeyRow)) as cursor,
        ):
            await cursor.execute(FIND_KEY, {"prefix": prefix, "now": now})
            row: KeyRow | None = await cursor.fetchone()
            return row

    def _remember(self, secret: str, row: KeyRow, now: datetime) -> None:
        if len(self._keys) >= KEYS_REMEMBERED:
            self._keys.clear()
        self._keys[_fingerprint(secret)] = (row, now)

    async def document(self, environment_id: int, wanted: str = "") -> Document:
        """The current document; the body crosses the database connection only when it is new.

        A document that the caller has heard of and this process has not is looked for in the database.
        """
        kept = self._documents.get(environment_id)
        if kept is not None and kept.etag == self._current(environment_id) and wanted in ("", kept.etag):
            return kept
        try:
            async with self._loading:
                return await self._loaded(environment_id, kept)
        except AWAY as error:
            if kept is None:
                raise
            log.warning("the database is away, document %s is served on: %r", kept.etag, error)
            return kept

    async def _loaded(self, environment_id: int, seen: Document | None) -> Document:
        kept = self._documents.get(environment_id)
        if kept is not None and kept is not seen and kept.etag == self._current(environment_id):
            return kept
        async with self._pool.connection() as connection:
            current = await (await connection.execute(CURRENT, {"environment": environment_id})).fetchone()
            if kept is not None and current is not None and kept.etag == current[0]:
                return kept
            async with connection.cursor(row_factory=class_row(Document)) as cursor:
                await cursor.execute(DOCUMENT, {"environment": environment_id})
                document: Document | None = await cursor.fetchone()
        if document is None:
            raise LookupError(f"environment {environment_id} has no configuration document")
        self._documents[environment_id] = document
        return document


def _allowed(row: KeyRow | None, scopes: tuple[str, ...]) -> KeyRow:
    if row is None:
        raise KeyRefused(401, "this key is unknown, revoked or expired; the page Flags > Keys makes one")
    if row.scope not in scopes:
        wanted = " or ".join(repr(scope) for scope in scopes)
        raise KeyRefused(403, f"a key with scope {row.scope!r} cannot do this; it needs scope {wanted}")
    return row


def is_known(etag: str, if_none_match: str) -> bool:
    """Whether an If-None-Match header names this ETag; weak and strong compare alike (RFC 9110, 13.1.2)."""
    named = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in named or "*" in named


def accepts(coding: str, accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header names this coding and does not refuse it."""
    for part in accept_encoding.split(","):
        named, _, quality = part.strip().lower().partition(";")
        if named.strip().removeprefix("x-") == coding:
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _document_answer(document: Document, accept_encoding: str) -> Answer:
    headers = {**_document_headers(document), "content-type": "application/json"}
    if document.body_brotli and accepts("br", accept_encoding):
        return Answer(200, {**headers, "content-encoding": "br"}, document.body_brotli)
    if accepts("gzip", accept_encoding):
        return Answer(200, {**headers, "content-encoding": "gzip"}, document.body_gzip)
    return Answer(200, headers, document.body)


CACHED = "public, max-age=0, s-maxage=5, stale-while-revalidate=5, stale-if-error=86400"
"""An SDK asks each time; a shared cache answers for five seconds, and for a day while this server is down."""


def _document_headers(document: Document) -> dict[str, str]:
    """The ETag is weak: one name for all codings of the document, which are not the same bytes."""
    return {
        "etag": f"W/{document.etag}",
        "cache-control": CACHED,
        "vary": "authorization, accept-encoding",
        "x-headway-config-version": str(document.version),
    }


def _fingerprint(secret: str) -> bytes:
    """What stands for a key in memory, so that a dump of the process holds fewer of them."""
    return hashlib.sha256(secret.encode()).digest()
