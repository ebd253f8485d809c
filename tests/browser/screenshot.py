"""The picture in the README: `python -m tests.browser.screenshot` beside a running demonstration.

Takes the address and the login from the running set-up, so that the picture shows what a reader will see.
"""

import json
from pathlib import Path

from playwright.sync_api import sync_playwright

from config.embedded.backing import published
from config.embedded.home import CHECKOUT, default_root
from demo.memory import FILE
from tests import chromium

REPORT = "/experiments/home-recommendations/report/"
PICTURE = CHECKOUT / "docs" / "images" / "report.png"
WIDTH = 1280
MARGIN_PX = 10


def main() -> None:
    variables = published()
    if variables is None:
        raise SystemExit("Nothing runs. Start the demonstration with `make demo`.")
    password = json.loads((default_root() / FILE).read_text(encoding="utf-8"))["password"]
    take(variables["HEADWAY_WEB_URL"], password, PICTURE)


def take(url: str, password: str, picture: Path) -> None:
    """Log in, open the report and write it as a picture, from the top to the end of the document."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**chromium.launch_options())
        page = opened.new_page(viewport={"width": WIDTH, "height": 900}, reduced_motion="reduce")
        page.goto(f"{url}/login")
        page.get_by_label("Name", exact=True).fill("demo")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        page.goto(f"{url}{REPORT}")
        report = page.locator("article.report").bounding_box() or {"y": 0, "height": 900}
        height = report["y"] + report["height"] + MARGIN_PX
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": height}
        page.screenshot(path=picture, full_page=True, clip=clip)  # type: ignore[arg-type]
        opened.close()


if __name__ == "__main__":
    main()
