"""Serving one stream of events over ASGI: until the client goes, the key dies or its time is up."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flags.streams import Hub, Stream

SEND_WITHIN_S = 20.0
"""A client that takes nothing for this long is let go."""
GREETING = b"retry: 3000\n: headway\n\n"
HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
}

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class OpenStream:
    """An answer that goes on."""

    stream: Stream
    headers: Mapping[str, str]
    status: int = 200

    async def serve(self, hub: Hub, receive: Receive, send: Send, *, has_body: bool) -> None:
        if not has_body:
            self.stream.close()
        gone = asyncio.create_task(_close_when_gone(receive, self.stream))
        try:
            await self._serve(send)
        except (TimeoutError, OSError, RuntimeError):
            hub.counts["cut_off"] += 1
        finally:
            hub.leave(self.stream)
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone

    async def _serve(self, send: Send) -> None:
        named = {**HEADERS, **self.headers}
        headers = [(name.encode(), value.encode()) for name, value in named.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _write(send, GREETING)
        while (told := await self.stream.next()) is not None:
            await _write(send, told)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _write(send: Send, content: bytes) -> None:
    async with asyncio.timeout(SEND_WITHIN_S):
        await send({"type": "http.response.body", "body": content, "more_body": True})


async def _close_when_gone(receive: Receive, stream: Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.close()
