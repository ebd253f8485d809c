"""One request's limits: size, time, packing, redirects, and what Retry-After may say."""

import gzip
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from headway import transport
from headway.transport import Answer, Transport, Unreachable

OK = b"HTTP/1.1 200 OK\r\n"
DRIPS, SOON_S = [b"x"] * 1200, 15
"""They take a minute; whoever gives up does it in a third of a second, and late on a busy machine."""


@pytest.fixture
def served():
    """Serve raw bytes, in pieces with pauses between them, to one connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(*pieces, pause_s=0.0):
        def run():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                for piece in pieces:
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                    time.sleep(pause_s)

        threading.Thread(target=run, daemon=True).start()
        return Transport(f"http://127.0.0.1:{listener.getsockname()[1]}", "test", 60.0)

    yield serve
    listener.close()


def _body(content, *headers):
    lines = b"".join(header + b"\r\n" for header in headers)
    return OK + lines + b"Content-Length: %d\r\n\r\n" % len(content) + content


def _get(made):
    return made.send("GET", "/x", "key", {})


@pytest.mark.parametrize("packed", [False, True])
def test_answer__whole__given(served, packed):
    content = gzip.compress(b"{}") if packed else b"{}"
    headers = [b"Content-Encoding: gzip"] if packed else []

    answer = _get(served(_body(content, *headers, b'ETag: "e"')))

    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"{}", '"e"')


def test_answer__chunked__put_together(served):
    answer = _get(served(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n"))

    assert answer.body == b"{}"


@pytest.mark.parametrize(
    ("content", "headers", "words"),
    [
        (b"plain", [b"Content-Encoding: gzip"], "no gzip"),
        (gzip.compress(b"x" * 10_000, mtime=0)[:-9], [b"Content-Encoding: gzip"], "broke off"),
        (gzip.compress(b"x" * 200_000, mtime=0), [b"Content-Encoding: gzip"], "too large"),
        (b"x" * 100_001, [], "larger than"),
    ],
)
def test_answer__odd_packing_or_size__refused(served, monkeypatch, content, headers, words):
    monkeypatch.setattr(transport, "MAX_ANSWER", 100_000)

    with pytest.raises(Unreachable, match=words):
        _get(served(_body(content, *headers)))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not http at all\r\n\r\n",
        OK + b"Content-Length: 100\r\n\r\nhalf",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_answer__broken__refused(served, raw):
    with pytest.raises(Unreachable):
        _get(served(raw))


def test_answer__drips__given_up_after_the_whole_time(served, monkeypatch):
    monkeypatch.setattr(transport, "_WHOLE_S", 0.3)
    made = served(OK + b"\r\n", *DRIPS, pause_s=0.05)
    start = time.monotonic()

    with pytest.raises(Unreachable, match="took longer"):
        _get(made)

    assert time.monotonic() - start < SOON_S


@pytest.mark.parametrize("head", [b"", OK], ids=["status line", "headers"])
def test_headers__drip__given_up_after_the_timeout(served, head):
    made = served(head, *DRIPS, pause_s=0.05)
    start = time.monotonic()

    with pytest.raises(Unreachable, match="headers took longer"):
        made.send("GET", "/x", "key", {}, timeout_s=0.3)

    assert time.monotonic() - start < SOON_S


def test_answer__never_comes__given_up_after_the_timeout(served):
    made = served(b"", pause_s=60)
    start = time.monotonic()

    with pytest.raises(Unreachable, match="timed out"):
        made.send("GET", "/x", "key", {}, timeout_s=0.3)

    assert time.monotonic() - start < SOON_S


def test_redirect__is_the_answer(served):
    answer = _get(served(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"))

    assert answer.status == 302


@pytest.mark.parametrize("key", ["a\r\nX-Other: 1", "ключ"])
def test_key__that_is_no_header__refused_before_anything_is_sent(served, key):
    with pytest.raises(Unreachable):
        served(_body(b"{}")).send("GET", "/x", key, {})


def test_retry_after__seconds_dates_and_nonsense():
    def asked(text):
        return Answer(503, {"retry-after": text}, b"").retry_after_s

    assert asked("5") == 5.0
    soon = asked(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert 25 <= soon <= 30
    assert asked(format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)) == 0.0
    assert [asked(text) for text in ("", "soon", "-5", "9" * 40)] == [None] * 4
    assert Answer(503, {}, b"").retry_after_s is None
