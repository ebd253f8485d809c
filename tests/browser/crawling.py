"""Walks through the console as its links lead, one address for each kind of page, and looks at every page."""

import gzip
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from playwright.sync_api import Error

from tests.browser.visiting import DESK, HEADINGS, PHONE, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Response

COUNTED = {"document", "stylesheet", "script"}
FORMS_ONLY = 405
LINKS = "() => [...document.querySelectorAll('a[href]')].filter(a => !a.download).map(a => a.href)"
RUN = """
(only) => axe.run({exclude: [["tbody tr:nth-child(n+12)"]]}, {
  resultTypes: ["violations"],
  ...(only ? {runOnly: {type: "rule", values: only}} : {}),
}).then((found) => found.violations.map(
  (each) => `${each.impact} ${each.id}: ${each.nodes.map((node) => node.target.join(" ")).slice(0, 3)}`
))
"""
"""Of a long table the first rows are looked at: the others are like them, and colours take long."""
SERIOUS = ("serious", "critical")


@dataclass
class Seen:
    """What one page was like."""

    path: str
    status: int
    trouble: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    compressed_bytes: int = 0
    desk_overflow_px: int = 0
    phone_overflow_px: int = 0
    headings: int = 1


@dataclass
class Crawl:
    """Where to go next, and what was seen. `axe` is the text of the checker."""

    visit: Visit
    axe: str
    seen: dict[str, Seen] = field(default_factory=dict)
    ahead: "deque[str]" = field(default_factory=deque)
    known: set[str] = field(default_factory=set)
    loaded: "list[Response]" = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    def go(self, starts: list[str]) -> dict[str, Seen]:
        """Kind of page → what one of it was like."""
        self.visit.page.add_init_script(self.axe)  # handed over once: it is half a megabyte
        self.visit.page.on("response", lambda answer: self.loaded.append(answer))
        for path in starts:
            self._consider(path)
        while self.ahead:
            path = self.ahead.popleft()
            self.seen[route_of(path) or path] = self._look(path)
        return self.seen

    def _consider(self, path: str) -> None:
        """Go there if it is a page of a kind that was not seen yet."""
        route = route_of(path)
        if route is not None and route not in self.known:
            self.known.add(route)
            self.ahead.append(path)

    def _weight(self, response: "Response") -> int:
        """Bytes of what was loaded, as a server that compresses sends it, kept by the browser or not."""
        request: Any = response.request
        if request.resource_type not in COUNTED:
            return 0
        if response.status == 200 and response.url not in self.sizes:
            self.sizes[response.url] = len(gzip.compress(response.body(), 6))
        return self.sizes.get(response.url, 0)

    def _open(self, path: str) -> int:
        """The status; that of an address which only takes what a form sends where it shows nothing."""
        self.loaded.clear()
        self.visit.trouble.clear()
        self.visit.show(DESK, "light")
        try:
            answer = self.visit.page.goto(f"{self.visit.url}{path}", wait_until="load")
        except Error:
            return FORMS_ONLY
        return answer.status if answer else FORMS_ONLY

    def _look(self, path: str) -> Seen:
        """At a desk in the light, in the dark, and on a phone."""
        status, page = self._open(path), self.visit.page
        if status == FORMS_ONLY:
            return Seen(path, status)
        seen = Seen(path, status, list(self.visit.trouble))
        seen.compressed_bytes = sum(self._weight(each) for each in self.loaded)
        seen.headings, seen.desk_overflow_px = page.evaluate(HEADINGS), self.visit.overflow_px()
        for link in page.evaluate(LINKS):
            self._consider(urlsplit(link).path if link.startswith(self.visit.url) else "")
        found: list[str] = page.evaluate(RUN, None)
        self.visit.show(DESK, "dark")
        found += [f"dark: {each}" for each in page.evaluate(RUN, ["color-contrast"])]
        seen.violations = [each for each in found if each.removeprefix("dark: ").startswith(SERIOUS)]
        self.visit.show(PHONE, "dark")
        seen.phone_overflow_px = self.visit.overflow_px()
        return seen


def route_of(path: str) -> str | None:
    """The route of a page; None for what is none."""
    from tests.browser.pages import FILES, NO_PAGES

    if not path.startswith("/") or path.endswith(FILES) or path[1:].startswith(NO_PAGES):
        return None
    try:
        return str(resolve(path).route)
    except Resolver404:
        return None
