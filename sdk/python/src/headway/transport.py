"""One HTTP request with every limit that a host needs: time, size, no redirects."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Optional

from headway.counting import Counters
from headway.logs import Voice

MAX_ANSWER = 64_000_000
_CHUNK = 65_536
_LEAST_S = 0.05
_WHOLE_S = 60.0
"""An answer that drips for longer than this is given up."""


class Answer(NamedTuple):
    """What came back. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after_s(self) -> Optional[float]:
        """What Retry-After asks for, in seconds; dates count from now."""
        return _seconds(self.headers.get("retry-after", ""))


class Unreachable(Exception):
    """No usable answer: the connection failed, the answer broke off, was too large or took too long."""


class Transport:
    """Sends requests to one server. Redirects are answers, not followed: a key goes nowhere else."""

    def __init__(self, url: str, user_agent: str, timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._user_agent = user_agent
        self._timeout_s = timeout_s
        self._opener = _opener()

    def send(
        self,
        method: str,
        path: str,
        key: str,
        headers: Mapping[str, str],
        body: Optional[bytes] = None,
        timeout_s: Optional[float] = None,
    ) -> Answer:
        """Raises Unreachable. `timeout_s` shortens the usual time, and is then all that a body may take."""
        patience_s = max(min(self._timeout_s, timeout_s or self._timeout_s), _LEAST_S)
        whole_s = _WHOLE_S if timeout_s is None else patience_s
        every = {"Authorization": f"Bearer {key}", "User-Agent": self._user_agent, **headers}
        try:
            request = _request(method, f"{self._url}{path}", every, body)
            return self._exchange(request, patience_s, whole_s)
        except Unreachable:
            raise
        except Exception as error:
            raise Unreachable(f"{type(error).__name__}: {error}"[:300]) from error

    def open(self, path: str, key: str, headers: Mapping[str, str], quiet_s: float) -> Open:
        """An answer that is read as it comes; `quiet_s` is the longest silence. Raises Unreachable."""
        from urllib.error import HTTPError

        every = {"Authorization": f"Bearer {key}", "User-Agent": self._user_agent, **headers}
        try:
            return Open(
                self._opener.open(_request("GET", f"{self._url}{path}", every, None), timeout=quiet_s)
            )
        except HTTPError as error:
            return Open(error)
        except Unreachable:
            raise
        except Exception as error:
            raise Unreachable(f"{type(error).__name__}: {error}"[:300]) from error

    def _exchange(self, request: Any, timeout_s: float, whole_s: float) -> Answer:
        from urllib.error import HTTPError

        try:
            with self._opener.open(request, timeout=timeout_s) as response:
                return _answer(response.status, response, whole_s)
        except HTTPError as error:
            with error:
                return _answer(error.code, error, whole_s)


class Open:
    """An answer whose body goes on; close it."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status: int = response.status
        self.media: str = response.headers.get("Content-Type", "")[:100]

    def __enter__(self) -> Open:
        return self

    def __exit__(self, *exc_info: object) -> None:
        try:
            self._response.close()
        except Exception:  # noqa: BLE001 - it is over either way
            return

    @property
    def is_events(self) -> bool:
        return self.media.lower().startswith("text/event-stream")

    @property
    def socket(self) -> Any:
        """The connection, for whoever has to wake a reader; None where it cannot be had."""
        return getattr(getattr(getattr(self._response, "fp", None), "raw", None), "_sock", None)

    def read(self) -> bytes:
        """What came, empty at the end. Raises Unreachable."""
        try:
            content: bytes = self._response.read1(_CHUNK)
            return content
        except Exception as error:
            raise Unreachable(f"{type(error).__name__}: {error}"[:300]) from error


def _request(method: str, url: str, headers: Mapping[str, str], body: Optional[bytes]) -> Any:
    from urllib.request import Request

    request = Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310
    if request.type not in ("http", "https"):
        raise Unreachable(f"{request.type}: is no address of a server")
    return request


def _opener() -> Any:
    """urllib with proxies from the environment, without redirects, and with an end to dripping headers.

    Everything that a request needs is loaded here, in the thread that makes the client: a module that another
    thread is loading during a fork can never be loaded in the child.
    """
    import encodings.idna  # noqa: F401
    from http.client import HTTPResponse
    from urllib import request

    class NoRedirects(request.HTTPRedirectHandler):
        def redirect_request(self, *args: object, **kwargs: object) -> None:
            return None

    class Response(HTTPResponse):
        def begin(self) -> None:
            with _bounded(self.fp.raw):
                super().begin()

    class Opening(request.AbstractHTTPHandler):
        def do_open(self, http_class: Any, req: Any, **options: Any) -> Any:
            def made(*args: Any, **kwargs: Any) -> Any:
                connection = http_class(*args, **kwargs)
                connection.response_class = Response
                return connection

            return super().do_open(made, req, **options)

    class Plain(Opening, request.HTTPHandler): ...

    handlers: list[Any] = [NoRedirects, Plain]
    if hasattr(request, "HTTPSHandler"):

        class Secure(Opening, request.HTTPSHandler): ...

        handlers.append(Secure)
    return request.build_opener(*handlers)


@contextmanager
def _bounded(raw: Any) -> Iterator[None]:
    """What is read here comes within the socket's timeout, which by itself starts anew with every byte."""
    patience_s = raw._sock.gettimeout()
    until, read = time.monotonic() + (patience_s or _WHOLE_S), raw.readinto

    def read_in_time(buffer: Any) -> Any:
        if time.monotonic() > until:
            raise TimeoutError(f"the headers took longer than {patience_s} s")
        return read(buffer)

    raw.readinto = read_in_time
    try:
        yield
    finally:
        del raw.readinto


def _answer(status: int, response: Any, whole_s: float) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = _read(response, whole_s)
    declared = headers.get("content-length", "")
    if declared.isdigit() and len(body) != int(declared):
        raise Unreachable(f"the answer broke off after {len(body)} of {declared} bytes")
    if headers.get("content-encoding", "").lower() in ("gzip", "x-gzip"):
        body = _inflated(body)
    return Answer(status, headers, body)


def _read(response: Any, whole_s: float) -> bytes:
    parts: list[bytes] = []
    size, until = 0, time.monotonic() + whole_s
    while True:
        part = response.read1(_CHUNK)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER:
            raise Unreachable(f"the answer is larger than {MAX_ANSWER:,} bytes")
        if time.monotonic() > until:
            raise Unreachable(f"the answer took longer than {whole_s:.0f} s")


def _inflated(body: bytes) -> bytes:
    """Unpacked gzip. Raises Unreachable when it is none, broke off or is too large."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        data = inflater.decompress(body, MAX_ANSWER)
    except zlib.error as error:
        raise Unreachable(f"the answer is no gzip: {error}") from error
    if not inflater.eof:
        raise Unreachable("the answer's gzip broke off or is too large")
    return data


def _seconds(text: str) -> float | None:
    text = text.strip()
    if text.isdigit() and len(text) < 9:
        return float(text)
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


class Line(NamedTuple):
    """The way to the server, and where is counted and said how it goes."""

    transport: Transport
    keys: KeyRing
    counters: Counters
    voice: Voice


class KeyRing:
    """The key in use; a function is asked each time, so that keys can be rotated without a restart."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self._refused: set[str] = set()
        self._lock = threading.Lock()

    def replace(self, key: Any) -> None:
        self._key = key

    def usable(self) -> str | None:
        """The key, or None while the server has refused the present one."""
        key = self._key() if callable(self._key) else self._key
        if not isinstance(key, str) or not key.strip() or not key.isprintable():
            return None
        return None if key in self._refused else key

    def refuse(self, key: str) -> bool:
        """Remember that the server does not take this key; True the first time."""
        with self._lock:
            if len(self._refused) >= 64:
                self._refused.clear()
            is_news = key not in self._refused
            self._refused.add(key)
            return is_news

    def reset_lock(self) -> None:
        self._lock = threading.Lock()
