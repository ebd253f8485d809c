"""A browser on the console that notices what a person would not: errors, refusals and requests elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, ViewportSize

PHONE: "ViewportSize" = {"width": 375, "height": 740}
DESK: "ViewportSize" = {"width": 1280, "height": 900}
# What htmx says of a request that a newer one replaced, or that ended with its page. One that failed is said
# as sendError or responseError as well.
GIVEN_UP = ("htmx:sendAbort", "htmx:afterRequest")
WIDER_THAN_THE_SCREEN = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass  # no slots: Playwright keeps its wrappers of the handlers on the object
class Visit:
    """A page on one site, and the trouble it has made so far."""

    page: "Page"
    url: str
    trouble: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}", wait_until="load")

    def overflow_px(self) -> int:
        """How far the page can be scrolled sideways."""
        return int(self.page.evaluate(WIDER_THAN_THE_SCREEN))

    def watch(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.trouble.append(f"script error: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)

    def _console(self, message: "ConsoleMessage") -> None:
        """Errors and warnings; what breaks the content security policy is among them."""
        if message.type in {"error", "warning"} and not message.text.startswith(GIVEN_UP):
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
    try:
        found = Visit(context.new_page(), url)
        found.watch()
        yield found
    finally:
        context.close()
