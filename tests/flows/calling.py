"""HTTP as producers and readers of the platform speak it."""

import json
import re
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen


def post_batch(url: str, key: str, batch: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send a batch of events; the status and the answer."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return _json(Request(f"{url}/sdk/v1/events", json.dumps(batch).encode(), headers, method="POST"))


class Api:
    """The API of the platform, with a key or as whoever is logged in."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        return _json(Request(f"{self._url}/api/v1/{path}", headers=self._headers))

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        data = json.dumps(body).encode()
        return _json(Request(f"{self._url}/api/v1/{path}", data, self._headers, method="POST"))


class Console:
    """A browser without a window: cookies, the log-in form, pages as text."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open = build_opener(HTTPCookieProcessor(CookieJar())).open

    def log_in(self, name: str, password: str) -> bool:
        """Fill in the form; whether the platform let us in."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.page("/login"))
        form = {"username": name, "password": password, "csrfmiddlewaretoken": token[1] if token else ""}
        with self._open(f"{self._url}/login", urlencode(form).encode(), timeout=120) as answer:
            return not answer.url.endswith("/login")

    def page(self, path: str) -> str:
        with self._open(f"{self._url}{path}", timeout=120) as answer:
            return str(answer.read().decode())


def _json(request: Request) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)
