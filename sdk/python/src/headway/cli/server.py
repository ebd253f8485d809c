"""The platform's API as commands use it: JSON in and out, problems as sentences, every wait bounded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import headway
from headway.cli.failures import NOT_ALLOWED, REFUSED, UNREACHABLE, Failed
from headway.transport import Answer, Transport, Unreachable

API = "/api/v1/"
MOST_PAGES = 1_000


class Server:
    """One Headway server with a key. Proxies come from the usual variables (HTTPS_PROXY, NO_PROXY)."""

    def __init__(self, url: str, key: str, timeout_s: float, environment: str = "") -> None:
        self.url = url
        self._key = key
        self._environment = environment
        self._timeout_s = timeout_s

    @property
    def environment(self) -> str:
        """The environment that the key belongs to; asked once."""
        if not self._environment:
            told = self.get("whoami")
            self._environment = str(told.get("environment") or "")
        if not self._environment:
            raise Failed("The key belongs to no environment. Name one with --environment.")
        return self._environment

    def get(self, path: str, **query: str) -> Any:
        """The answer of a GET. Raises Failed."""
        asked = f"?{urlencode(query)}" if query else ""
        return self._json(self._send("GET", f"{path}{asked}"))

    def pages(self, path: str, most: int = 0) -> list[Any]:
        """All rows of a list that comes in pages, or the first `most`."""
        rows: list[Any] = []
        address = path
        for _ in range(MOST_PAGES):
            page = self.get(address)
            rows += page["results"]
            if not page.get("next") or (most and len(rows) >= most):
                break
            address = page["next"].split(API, 1)[-1]
        return rows[:most] if most else rows

    def post(self, path: str, body: Mapping[str, Any], patience_s: float = 0.0) -> Any:
        """The answer of a POST, for which `patience_s` are waited even where other answers get less."""
        return self._json(self._send("POST", path, body, patience_s))

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._json(self._send("PUT", path, body))

    def bytes(self, path: str) -> bytes:
        """The answer as it came."""
        return self._send("GET", path).body

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, patience_s: float = 0.0
    ) -> Answer:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        data = None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
            headers["Content-Type"] = "application/json"
        if not self._key.isascii() or not self._key.isprintable() or " " in self._key:
            raise Failed("The key has characters that no key has. Log in again.", code=NOT_ALLOWED)
        try:
            answer = self._patient(patience_s).send(method, f"{API}{path}", self._key, headers, data)
        except Unreachable as error:
            raise Failed(f"{self.url} cannot be reached: {error}.", code=UNREACHABLE) from None
        if answer.status >= 300:
            raise _failure(self.url, answer)
        return answer

    def _patient(self, seconds: float) -> Transport:
        return Transport(self.url, f"headway-cli/{headway.__version__}", max(seconds, self._timeout_s))

    def _json(self, answer: Answer) -> Any:
        try:
            return json.loads(answer.body) if answer.body else None
        except (ValueError, RecursionError):
            raise Failed(
                f"{self.url} does not answer as Headway does (no JSON). Is this the address of the console?",
                code=UNREACHABLE,
            ) from None


def part(text: str) -> str:
    """A key as it stands in an address."""
    return quote(text, safe="")


def _failure(url: str, answer: Answer) -> Failed:
    if 300 <= answer.status < 400:
        there = answer.headers.get("location", "elsewhere")
        line = f"{url} sends us to {there}. A key is not sent on; log in with that address."
        return Failed(line, code=UNREACHABLE)
    told = _told(answer.body)
    if answer.status in (401, 403):
        return Failed(
            f"Not allowed: {_detail(told) or 'the server does not take this key'}.", code=NOT_ALLOWED
        )
    if answer.status == 429 or answer.status >= 500:
        return Failed(
            f"{url} answered {answer.status}: {_detail(told) or 'try again shortly'}.", code=UNREACHABLE
        )
    lines = [_line(each) for each in told.get("problems", ()) if isinstance(each, dict)]
    return Failed(
        *(lines or [f"The server answered {answer.status}: {_detail(told) or 'no reason given'}."]),
        code=REFUSED,
    )


def _told(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _detail(told: Mapping[str, Any]) -> str:
    return str(told.get("detail") or "").strip().rstrip(".")


def _line(problem: Mapping[str, Any]) -> str:
    fix = f" {problem['fix']}" if problem.get("fix") else ""
    line = f"line {problem['line']}: " if problem.get("line") else ""
    return f"{line}{problem.get('field')} = {problem.get('value')}: {problem.get('reason')}.{fix}"
