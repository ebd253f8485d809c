"""Calling the edge in this process, the way an ASGI server does."""

import asyncio
import gzip
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace

from django.conf import settings
from django.db import connection

from config.edge import Edge
from flags import queries
from flags.services.environments import create_environment
from flags.services.keys import create_key

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
PATIENT_S = 60.0
"""How long to wait for what is expected: on a busy machine the servers get their turn late."""


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def database_url():
    """The address of the database that this test runs in."""
    return connection.get_connection_params() and psycopg_url(connection.get_connection_params())


def psycopg_url(parameters):
    wanted = {"dbname", "user", "password", "host", "port"}
    return " ".join(f"{name}='{value}'" for name, value in parameters.items() if name in wanted and value)


def make_key(scope="ingest", environment="production", **options):
    """The text of a new key; the environment is made when it is missing."""

    if environment not in queries.environments().values_list("key", flat=True):
        create_environment(key=environment, is_production=True, actor="rosa", now=NOW)
    _, secret = create_key(
        environment=environment, name="test", scope=scope, actor="rosa", now=NOW, **options
    )
    return secret


class Caller:
    """One edge with its event loop; use as a context manager."""

    def __init__(self, url=None, redis_url=None):
        self.runner = asyncio.Runner()
        self.edge = Edge(
            database_url=url or database_url(), secret_key=settings.SECRET_KEY, redis_url=redis_url
        )
        if url is None:  # that database is there, however late it answers
            self.edge._pool.timeout = PATIENT_S

    def __enter__(self):
        self.runner.run(self.edge.open())
        return self

    def __exit__(self, *error):
        self.runner.run(self.edge.close())
        self.runner.close()

    def call(self, method, path, body=b"", headers=None, chunks=None):
        return self.runner.run(self.request(method, path, body, headers, chunks))

    def together(self, *requests):
        """Several requests at the same time; each a tuple of arguments of `request`."""

        async def all_of_them():
            return await asyncio.gather(*(self.request(*request) for request in requests))

        return self.runner.run(all_of_them())

    async def request(self, method, path, body=b"", headers=None, chunks=None):
        parts = list(chunks if chunks is not None else [body])
        sent = SimpleNamespace(status=None, headers={}, body=b"")

        async def receive():
            if not parts:
                return {"type": "http.disconnect"}
            part = parts.pop(0)
            if part is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message):
            if message["type"] == "http.response.start":
                sent.status = message["status"]
                sent.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                sent.body += message["body"]

        listed = [
            (name.lower().encode(), str(value).encode("latin-1")) for name, value in (headers or {}).items()
        ]
        place, _, query = path.partition("?")
        scope = {"type": "http", "method": method, "path": place, "headers": listed}
        scope["query_string"] = query.encode()
        await self.edge(scope, receive, send)
        return Response(sent.status, sent.headers, sent.body)

    def post(self, key, body, **headers):
        """POST to the ingest; `body` is bytes or an object."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call(
            "POST",
            "/sdk/v1/events",
            data,
            {"authorization": f"Bearer {key}", "content-type": "application/json", **named},
        )

    def post_gzip(self, key, body):
        return self.post(key, gzip.compress(json.dumps(body).encode()), content_encoding="gzip")

    def stream(self, secret="", path="/sdk/v1/stream", **headers):
        """An open stream of server-sent events; a context manager."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return EventStream(self, path, {"authorization": f"Bearer {secret}", **named} if secret else named)

    def newest_event(self, secret):
        """What a stream begins with."""
        with self.stream(secret) as opened:
            return opened.read()


class EventStream:
    """A stream as its client sees it; time passes for the edge only while something is read."""

    def __init__(self, caller, path, headers):
        self._caller = caller
        self._path, _, self._query = path.partition("?")
        self._headers = [(name.encode(), str(value).encode()) for name, value in headers.items()]
        self.status, self.headers = 0, {}

    def __enter__(self):
        self._caller.runner.run(self._open())
        return self

    def __exit__(self, *error):
        self._caller.runner.run(self._leave())

    def read(self, within_s=PATIENT_S):
        """The next event or heartbeat as text; "" when nothing comes, None when the stream is over."""
        return self._caller.runner.run(self._read(within_s))

    async def _open(self):
        self._left, self._chunks, begun = asyncio.Event(), asyncio.Queue(), asyncio.Event()

        async def receive():
            await self._left.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
                begun.set()
            else:
                self._chunks.put_nowait(message["body"].decode() if message.get("more_body") else None)

        scope = {"type": "http", "method": "GET", "path": self._path, "headers": self._headers}
        scope["query_string"] = self._query.encode()
        self._task = asyncio.create_task(self._caller.edge(scope, receive, send))
        await begun.wait()

    async def _read(self, within_s):
        while True:
            try:
                chunk = await asyncio.wait_for(self._chunks.get(), within_s)
            except TimeoutError:
                return ""
            if chunk is None or "retry:" not in chunk:
                return chunk

    async def _leave(self):
        self._left.set()
        await asyncio.wait_for(self._task, PATIENT_S)


def event(number=0, **fields):
    """An event of now; its id is made from the number."""
    made = {
        "id": str(uuid.UUID(int=number + 1)),
        "kind": "event",
        "ts": datetime.now(UTC).isoformat(),
        "name": "purchase",
        "unit": f"user-{number}",
        "unit_type": "user",
        "value": 12.5,
        "session": None,
        "dims": {"country": "de"},
    }
    return {**made, **fields}


def exposure(number=0, **fields):
    """An exposure of now."""
    made = {
        "id": str(uuid.UUID(int=10**9 + number)),
        "kind": "exposure",
        "ts": datetime.now(UTC).isoformat(),
        "unit": f"user-{number}",
        "unit_type": "user",
        "flag": "checkout",
        "variant": "treatment",
        "version": 3,
        "experiment": "checkout-prefetch",
        "forced": False,
        "dims": {},
    }
    return {**made, **fields}


def batch(events, batch_id=None, **fields):
    return {
        "batch_id": str(batch_id or uuid.uuid4()),
        "sent_at": datetime.now(UTC).isoformat(),
        "sdk": "python/0.1.0",
        "dropped": 0,
        "events": events,
        **fields,
    }
