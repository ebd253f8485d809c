"""Reading a request's body under limits: size while it arrives, size after decompression, and patience.

Knows ASGI's `receive` and nothing else: no routes, no answers.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from events.wire import MAX_BODY, MAX_DECOMPRESSED

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

PATIENCE_S = 10.0
DISCARDED = 8 * MAX_BODY
"""A body over the limit is read on so far, so that its sender gets to read the answer."""


class BodyTooLarge(Exception):
    """The body is over the limit; `limit` in bytes."""

    def __init__(self, limit: int, what: str) -> None:
        self.limit, self.what = limit, what
        super().__init__(f"{what} is over {limit:,} bytes")


class BodyTooSlow(Exception):
    """Nothing came for ten seconds."""


class SenderGone(Exception):
    """The connection ended before the body did."""


class BadCompression(Exception):
    """The body is not the gzip that its header says; the message says how."""


async def read_body(receive: Receive, *, patience_s: float = PATIENCE_S) -> bytes:
    """The body as sent, at most MAX_BODY bytes. Raises BodyTooLarge, BodyTooSlow or SenderGone."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await _next(receive, patience_s)
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY:
            chunks.append(chunk)
        else:
            chunks.clear()
        if not message.get("more_body", False) or size > DISCARDED:
            break
    if size > MAX_BODY:
        raise BodyTooLarge(MAX_BODY, "the body")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _next(receive: Receive, patience_s: float) -> MutableMapping[str, Any]:
    try:
        message = await asyncio.wait_for(receive(), patience_s)
    except TimeoutError:
        raise BodyTooSlow from None
    if message["type"] == "http.disconnect":
        raise SenderGone
    return message


def gunzip(body: bytes, limit: int = MAX_DECOMPRESSED) -> bytes:
    """What a gzip body holds, at most `limit` bytes. Raises BodyTooLarge or BadCompression."""
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadCompression(f"the body is not gzip: {error}") from None
    if len(plain) > limit:
        raise BodyTooLarge(limit, "the decompressed body")
    if not inflater.eof:
        raise BadCompression("the body ends in the middle of the compressed data")
    if inflater.unused_data:
        raise BadCompression("there is more after the end of the compressed data")
    return plain
