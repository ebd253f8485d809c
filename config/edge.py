"""The ASGI application that SDKs talk to: configuration out, events in.

Routes and nothing else: what a request means is decided in flags.delivery, flags.ofrep and events.ingest. No
Django, no ORM, no sessions; one small connection pool and one subscription to Redis a process.
"""

import asyncio
import json
import logging
import resource
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from config import edge_ending, edge_metrics, environment
from config.edge_stream import OpenStream
from events.bodies import BodyTooLarge, BodyTooSlow, Receive, SenderGone, read_body
from events.inbox import DATABASE_AWAY, Inbox, TurnedAway
from events.ingest import Ingest, problem_answer
from flags import ofrep
from flags.delivery import Answer, Delivery, KeyRefused
from flags.notices import channel
from flags.ofrep import Ofrep
from flags.sightings import Sightings
from flags.streams import Full, Hub
from flags.watching import Watch
from impact import budget

log = logging.getLogger(__name__)

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Scope = MutableMapping[str, Any]
Handler = Callable[["Request"], Awaitable[Answer | OpenStream]]
STREAM = "/sdk/v1/stream"

POOL_SIZE = 4
POOL_TIMEOUT_S = 1.0
"""A database that is away is told apart from a busy one within a second."""
RECONNECT_FOR_S = 3.0
"""After that, requests themselves try again, so that nothing waits long once the database is back."""
CONNECTION = {"autocommit": True, "connect_timeout": 2, "options": "-c statement_timeout=5000"}
SIGHTINGS_EVERY_S = 30.0
MANY_SOCKETS = 4096
ANY_ORIGIN = {"access-control-allow-origin": "*", "access-control-expose-headers": "etag"}
"""Browsers send events from every origin; the answer shows nothing, and cookies play no part."""
PREFLIGHT = {
    **ANY_ORIGIN,
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": (
        "authorization, content-type, content-encoding, if-none-match, last-event-id, x-api-key"
    ),
    "access-control-max-age": "86400",
}


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` have lower-case names; values of a repeated header are joined by commas."""

    method: str
    path: str
    headers: dict[str, str]
    query: dict[str, str]
    receive: Receive


class Edge:
    """The application. It starts while the database is away and answers 503 until that is back."""

    def __init__(self, *, database_url: str, secret_key: str, redis_url: str | None = None) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            database_url,
            kwargs=CONNECTION,
            min_size=1,
            max_size=POOL_SIZE,
            timeout=POOL_TIMEOUT_S,
            reconnect_timeout=RECONNECT_FOR_S,
            check=AsyncConnectionPool.check_connection,
            open=False,
            name="edge",
        )
        self._hub = Hub()
        self._signals = ExitStack()
        database = str(conninfo_to_dict(database_url)["dbname"])
        self._watch = Watch(self._pool, redis_url, channel(database, secret_key), self._hub)
        self._delivery = Delivery(self._pool, secret_key, self._watch.current_etag)
        self._sightings = Sightings(self._pool, self._delivery)
        self._ofrep = Ofrep(self._delivery, self._sightings, STREAM)
        self._inbox = Inbox(self._pool)
        self._turned_away = TurnedAway(self._pool)
        self._ingest = Ingest(self._inbox, self._turned_away, self._delivery)
        self._budget = budget.ExposureBudget(self._pool)
        self._routes: dict[str, dict[str, Handler]] = {
            "/health": {"GET": self._health},
            "/metrics": {"GET": self._metrics},
            "/sdk/v1/config": {"GET": self._config},
            STREAM: {"GET": self._stream, "OPTIONS": self._preflight},
            "/sdk/v1/seen": {"POST": self._seen, "OPTIONS": self._preflight},
            ofrep.ALL_FLAGS: {"POST": self._ofrep_all, "OPTIONS": self._preflight},
            "/sdk/v1/events": {"POST": self._events, "OPTIONS": self._preflight},
            budget.PATH: {"POST": self._ablations, "OPTIONS": self._preflight},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(_request(scope, receive), send)

    async def open(self) -> None:
        await self._pool.open(wait=False)
        self._signals.enter_context(edge_ending.heard(self._hub.end))
        self._watch.start()
        self._writer = asyncio.create_task(self._write_sightings())

    async def close(self) -> None:
        """End the streams, finish what is being committed and let go of the database."""
        self._hub.end()
        self._signals.close()
        self._writer.cancel()
        await self._watch.stop()
        await self._inbox.close()
        await self._turned_away.write()
        with suppress(*DATABASE_AWAY):
            await self._sightings.write(datetime.now(UTC))
        await self._pool.close(timeout=POOL_TIMEOUT_S)

    async def _write_sightings(self) -> None:
        while True:
            await asyncio.sleep(SIGHTINGS_EVERY_S)
            try:
                await self._sightings.write(datetime.now(UTC))
            except DATABASE_AWAY as error:
                log.warning("which flags were asked for is written down later: %r", error)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.open()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _serve(self, request: Request, send: Send) -> None:
        answer: Answer | OpenStream
        try:
            answer = await self._answer(request)
        except SenderGone:
            return
        except (BodyTooLarge, BodyTooSlow) as wrong:
            answer = problem_answer(413 if isinstance(wrong, BodyTooLarge) else 408, str(wrong))
        except DATABASE_AWAY as error:
            log.warning("the database did not answer %s: %r", request.path, error)
            answer = problem_answer(503, "the database is not available", retry_after_s=2)
        except Exception:
            log.exception("no answer to %s %s", request.method, request.path)
            answer = problem_answer(500, "this is a fault of the server; it has been logged")
        self._hub.counts[f"status_{answer.status}"] += 1
        if isinstance(answer, OpenStream):
            await answer.serve(self._hub, request.receive, send, has_body=request.method != "HEAD")
        else:
            await _send(answer, send, has_body=request.method != "HEAD")

    async def _answer(self, request: Request) -> Answer | OpenStream:
        methods = self._routes.get(request.path)
        if methods is None and request.path.startswith(ofrep.ONE_FLAG):
            methods = {"POST": self._ofrep_one, "OPTIONS": self._preflight}
        if methods is None:
            return problem_answer(404, f"there is nothing here; known: {', '.join(sorted(self._routes))}")
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            answer = problem_answer(405, f"possible are: {', '.join(sorted(methods))}")
            return replace(answer, headers={**answer.headers, "allow": ", ".join(sorted(methods))})
        return await handler(request)

    async def _health(self, request: Request) -> Answer:
        async with self._pool.connection() as connection:
            await connection.execute("SELECT 1")
        told = b'"told"' if self._watch.is_subscribed else b'"looked for"'
        return Answer(200, {"content-type": "application/json"}, b'{"status":"ok","changes":%s}' % told)

    async def _metrics(self, request: Request) -> Answer:
        """Counts for Prometheus, which sends a key of scope read or admin."""
        try:
            named = request.headers.get("authorization")
            await self._delivery.key(named, scopes=edge_metrics.SCOPES, now=datetime.now(UTC))
        except KeyRefused as refused:
            return refused.as_answer()
        return edge_metrics.answer(self._hub, is_subscribed=self._watch.is_subscribed)

    async def _config(self, request: Request) -> Answer:
        wanted = request.query.get("etag", "")
        return await self._delivery.config(request.headers, now=datetime.now(UTC), wanted=wanted)

    async def _stream(self, request: Request) -> Answer | OpenStream:
        """Tell of every change from now on. The key stands in the header, or a ticket in the address."""
        now, ticket = datetime.now(UTC), request.query.get("ticket")
        try:
            if ticket is None:
                named = request.headers.get("authorization")
                key = await self._delivery.key(named, scopes=ofrep.SCOPES, now=now)
            else:
                key = await self._delivery.ticket_key(ticket, now=now)
            newest = await self._watch.newest(key.environment_id)
            knows = request.headers.get("last-event-id", "")
            stream = self._hub.open(key, newest=newest, knows=knows, is_ours=ticket is None)
        except KeyRefused as refused:
            return replace(refused.as_answer(), headers={**refused.as_answer().headers, **ANY_ORIGIN})
        except Full:
            return problem_answer(503, "this server has too many streams open", retry_after_s=30)
        return OpenStream(stream, ANY_ORIGIN)

    async def _seen(self, request: Request) -> Answer:
        body = await read_body(request.receive)
        answer = await self._sightings.answer(request.headers, body, now=datetime.now(UTC))
        return replace(answer, headers={**answer.headers, **ANY_ORIGIN})

    async def _events(self, request: Request) -> Answer:
        answer = await self._ingest.answer(request.headers, request.receive)
        return replace(answer, headers={**answer.headers, **ANY_ORIGIN})

    async def _ablations(self, request: Request) -> Answer:
        """Grant requests that may be slowed down; anything but a grant means: slow nobody down."""
        now = datetime.now(UTC)
        try:
            named = request.headers.get("authorization")
            key = await self._delivery.key(named, scopes=budget.SCOPES, now=now)
            study, ask = budget.asked(await read_body(request.receive))
        except KeyRefused as refused:
            return replace(refused.as_answer(), headers={**refused.as_answer().headers, **ANY_ORIGIN})
        except budget.NotUnderstood as wrong:
            answer = problem_answer(422, str(wrong))
            return replace(answer, headers={**answer.headers, **ANY_ORIGIN})
        granted = await self._budget.grant(study=study, ask=ask, environment=key.environment, now=now)
        headers = {"content-type": "application/json", "cache-control": "no-store", **ANY_ORIGIN}
        return Answer(200, headers, json.dumps(granted.to_dict()).encode())

    async def _ofrep_one(self, request: Request) -> Answer:
        key, body = request.path.removeprefix(ofrep.ONE_FLAG), await read_body(request.receive)
        answer = await self._ofrep.one(key, request.headers, body, now=datetime.now(UTC))
        return replace(answer, headers={**answer.headers, **ANY_ORIGIN})

    async def _ofrep_all(self, request: Request) -> Answer:
        body = await read_body(request.receive)
        wanted = request.query.get("flagConfigEtag", "")
        answer = await self._ofrep.all(request.headers, body, now=datetime.now(UTC), wanted=wanted)
        return replace(answer, headers={**answer.headers, **ANY_ORIGIN})

    async def _preflight(self, request: Request) -> Answer:
        return Answer(204, PREFLIGHT, b"")


def _request(scope: Scope, receive: Receive) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["query_string"] else {}
    return Request(scope["method"], scope["path"], headers, query, receive)


async def _send(answer: Answer, send: Send, *, has_body: bool) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.status not in {204, 304}:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if has_body else b""})


def _allow_many_sockets() -> None:
    """A stream is an open socket; the usual limit of a process is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < MANY_SOCKETS:
        log.warning("this process may open %d files; streams need one each (ulimit -n)", max(soft, hard))


def _application() -> Edge:
    _allow_many_sockets()
    found = environment.read()
    return Edge(database_url=found.database_url, secret_key=found.secret_key, redis_url=found.redis_url)


application = _application()
