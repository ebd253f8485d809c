"""Two ways to use a page, so that one story can be told with either: a mouse, and a keyboard alone."""

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

MOST_TABS = 250
HAS_FOCUS = "element => element === document.activeElement"
CHOSEN = "element => element.selectedIndex"
PLACE_OF = "(element, label) => [...element.options].findIndex(each => each.label.trim().startsWith(label))"


class Mouse:
    """Clicks, and types into what was clicked."""

    def __init__(self, page: "Page") -> None:
        self.page = page

    def go(self, entry: str) -> None:
        """To an entry of the menu."""
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name=entry, exact=True).click()

    def next_step(self) -> None:
        """Where the page says that the experiment goes on."""
        self.page.locator("[data-next-step]").click()

    def press(self, target: "Locator") -> None:
        target.click()

    def write(self, target: "Locator", text: str) -> None:
        target.click()
        target.fill(text)

    def choose(self, target: "Locator", label: str) -> None:
        target.select_option(index=_index(target, label))

    def set_time(self, target: "Locator", at: datetime) -> None:
        target.fill(f"{at:%Y-%m-%dT%H:%M}")


class Keyboard:
    """Tab, Enter, arrows, letters and the console's own keys; nothing is clicked or focused by a script."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.keys = page.keyboard

    def go(self, entry: str) -> None:
        self.page.wait_for_load_state("load")
        link = self.page.locator("#rail a[data-key]").filter(has_text=entry).first
        address, key = link.get_attribute("href"), link.get_attribute("data-key") or ""
        self.keys.press("g")
        self.keys.press(key)
        self.page.wait_for_url(lambda url: urlsplit(url).path == address, wait_until="load")

    def next_step(self) -> None:
        self.page.wait_for_load_state("load")  # before that its keys are not there
        before = self.page.url
        self.keys.press("n")
        self.page.wait_for_url(lambda url: url != before, wait_until="load")

    def press(self, target: "Locator") -> None:
        self.reach(target)
        self.keys.press("Enter")

    def write(self, target: "Locator", text: str) -> None:
        self.reach(target)
        self.keys.press("Control+a")
        self.keys.type(text)

    def choose(self, target: "Locator", label: str) -> None:
        self.reach(target)
        steps = _index(target, label) - target.evaluate(CHOSEN)
        for _ in range(abs(steps)):
            self.keys.press("ArrowDown" if steps > 0 else "ArrowUp")
        assert target.evaluate(CHOSEN) == _index(target, label)

    def set_time(self, target: "Locator", at: datetime) -> None:
        """Part by part, as the field of an American browser asks for it."""
        self.reach(target)
        self.keys.type(f"{at:%m%d%Y}")
        self.keys.press("ArrowRight")
        self.keys.type(f"{at:%I%M%p}")
        expect(target).to_have_value(f"{at:%Y-%m-%dT%H:%M}")

    def reach(self, target: "Locator") -> None:
        """Tab until it has the focus; fails where the Tab key never leads to it."""
        expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            if target.evaluate(HAS_FOCUS):
                return
            self.keys.press("Tab")
        raise AssertionError(f"the Tab key does not lead to {target}")


def _index(target: "Locator", label: str) -> int:
    """Which option has a label that begins so."""
    found = int(target.evaluate(PLACE_OF, label))
    assert found >= 0, f"{target} offers no {label!r}"
    return found
