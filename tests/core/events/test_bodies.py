"""Reading bodies under limits of size and patience."""

import asyncio
import gzip
import time
import tracemalloc

import pytest

from events.bodies import (
    DISCARDED,
    BadCompression,
    BodyTooLarge,
    BodyTooSlow,
    SenderGone,
    gunzip,
    read_body,
)
from events.wire import MAX_BODY, MAX_DECOMPRESSED


def receiving(*messages):
    """ASGI's receive; after the last message nothing ever comes."""
    left = list(messages)

    async def receive():
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def part(body, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


def read(*messages, patience_s=5.0):
    return asyncio.run(read_body(receiving(*messages), patience_s=patience_s))


def test_read__in_parts__joined():
    assert read(part(b"a"), part(b""), part(b"bc"), part(b"d", more=False)) == b"abcd"


def test_read__no_body_at_all__empty():
    assert read({"type": "http.request"}) == b""


def test_read__exactly_the_limit__taken():
    assert len(read(part(b"x" * MAX_BODY, more=False))) == MAX_BODY


def test_read__one_byte_more__refused_when_all_has_come():
    with pytest.raises(BodyTooLarge):
        read(part(b"x" * MAX_BODY), part(b"x", more=False))


def test_read__no_end__given_up_after_eight_times_the_limit_without_keeping_it():
    endless = [part(b"x" * 500_000)] * 100
    tracemalloc.start()

    with pytest.raises(BodyTooLarge):
        read(*endless)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert DISCARDED == 8 * MAX_BODY
    assert peak < 3 * MAX_BODY


def test_read__sender_falls_silent__given_up():
    started = time.monotonic()

    with pytest.raises(BodyTooSlow):
        read(part(b"a"), patience_s=0.05)

    assert time.monotonic() - started < 30


def test_read__connection_ends__nothing_to_answer():
    with pytest.raises(SenderGone):
        read(part(b"a"), {"type": "http.disconnect"})


def test_gunzip__packed__unpacked():
    assert gunzip(gzip.compress(b"hello", mtime=0)) == b"hello"
    assert len(gunzip(gzip.compress(b"x" * MAX_DECOMPRESSED))) == MAX_DECOMPRESSED


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "middle"),
        (b"hello", "not gzip"),
        (gzip.compress(b"hello", mtime=0)[:-1], "middle"),
        (gzip.compress(b"hello", mtime=0) + b"x", "more after"),
        (gzip.compress(b"hello", mtime=0) * 2, "more after"),
        (gzip.compress(b"hello" * 100, mtime=0)[:-8] + b"\0" * 8, "not gzip"),
    ],
)
def test_gunzip__broken__told_how(body, words):
    with pytest.raises(BadCompression, match=words):
        gunzip(body)


def test_gunzip__bomb_of_100_megabytes__refused_in_little_memory_and_time():
    bomb = gzip.compress(b"\0" * 100_000_000, 9)
    tracemalloc.start()
    started = time.process_time()

    with pytest.raises(BodyTooLarge):
        gunzip(bomb)

    took = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 2
    assert peak < 4 * MAX_DECOMPRESSED
