"""A browser on the console that notices what a person would not: errors, refusals and requests elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, Response, ViewportSize

PATIENT_MS = 60_000
"""How long a step may take, which Playwright gives half of that: a busy machine shows pages late."""
PHONE: "ViewportSize" = {"width": 375, "height": 740}
DESK: "ViewportSize" = {"width": 1280, "height": 900}
# What htmx says of a request that a newer one replaced, or that ended with its page. One that failed is said
# as sendError or responseError as well. A status is noted with its answer; the console repeats it later,
# perhaps when the next page is open.
SAID_OTHERWISE = (
    "htmx:sendAbort",
    "htmx:afterRequest",
    "Failed to load resource: the server responded with a status of",
)
HEADINGS = "() => [...document.querySelectorAll('h1')].filter((each) => each.checkVisibility()).length"
WIDER_THAN_THE_SCREEN = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass  # no slots: Playwright keeps its wrappers of the handlers on the object
class Visit:
    """A page on one site, and the trouble it has made so far."""

    page: "Page"
    url: str
    trouble: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}", wait_until="load")

    def send(self, button: "Locator") -> None:
        """Press what leads to another page, and wait for that: the next step would meet the page before."""
        with self.page.expect_navigation(wait_until="load"):
            button.click()

    def overflow_px(self) -> int:
        """How far the page can be scrolled sideways."""
        return int(self.page.evaluate(WIDER_THAN_THE_SCREEN))

    def faults(self, path: str) -> list[str]:
        """What is wrong with a page at a desk in the light, and on a phone in the dark, in words."""
        self.trouble.clear()
        self.show(DESK, "light")
        self.open(path)
        headings, wide_px = self.page.evaluate(HEADINGS), self.overflow_px()
        self.show(PHONE, "dark")
        return [
            *self.trouble,
            *([f"{headings} headings of level 1"] if headings != 1 else []),
            *([f"{wide_px} px wider than a desk"] if wide_px > 0 else []),
            *([f"{self.overflow_px()} px wider than a phone"] if self.overflow_px() > 0 else []),
        ]

    def show(self, screen: "ViewportSize", scheme: Literal["light", "dark"]) -> None:
        """On another screen, or in the other colours."""
        self.page.set_viewport_size(screen)
        self.page.emulate_media(color_scheme=scheme)

    def watch(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.trouble.append(f"script error: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def _console(self, message: "ConsoleMessage") -> None:
        """Errors and warnings; what breaks the content security policy is among them."""
        if message.type in {"error", "warning"} and not message.text.startswith(SAID_OTHERWISE):
            self.trouble.append(f"{message.type}: {message.text}")

    def _request(self, request: "Request") -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in {"data", "blob"} and asked.netloc != urlsplit(self.url).netloc:
            self.trouble.append(f"request elsewhere: {request.url}")

    def _response(self, response: "Response") -> None:
        if response.status >= 400:
            self.trouble.append(f"{response.status}: {response.url}")


@contextmanager
def visit(
    browser: "Browser", url: str, *, state: str | None = None, dark: bool = False, phone: bool = False
) -> Iterator[Visit]:
    """A window of its own; `state` is the file of a log-in that is kept."""
    context = browser.new_context(
        viewport=PHONE if phone else DESK,
        color_scheme="dark" if dark else "light",
        storage_state=state,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENT_MS)
    try:
        found = Visit(context.new_page(), url)
        found.watch()
        yield found
    finally:
        context.close()
