"""The pictures of README and docs: `python -m tests.browser.screenshot` beside a running demonstration.

Takes the address and the login from the running set-up, so that a picture shows what a reader will see. It
adds a launch review, and a surface with made-up numbers that has a price: run it beside a demonstration that
may be deleted, with HEADWAY_HOME set to a folder of its own for both.
"""

import base64
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from config.embedded.backing import published
from config.embedded.home import CHECKOUT, default_root
from demo.memory import FILE
from tests import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = CHECKOUT / "docs" / "images"
WIDTH = 1280
MARGIN_PX = 10
QUALITY = 0.85
MOST_BYTES = 150_000
PLAN = "/experiments/bandit-men/plan/"
QUESTIONS = ("slower", "failure", "measurement", "personal_data", "promises")
SMALLER = """
async ([png, quality]) => {
  const picture = new Image();
  picture.src = "data:image/png;base64," + png;
  await picture.decode();
  const {width, height} = picture;
  const canvas = Object.assign(document.createElement("canvas"), {width, height});
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page from its top to the end of `until`, or of the window; in the dark too where readers see both."""

    name: str
    path: str
    until: str = ""
    in_dark: bool = False


PICTURES = (
    Picture("report", "/experiments/home-recommendations/report/", ".block-curve", in_dark=True),
    Picture("experiments", "/experiments/", "main .table-wrap"),
    Picture("price", "/impact/surfaces/front/", "main section.card"),
    Picture("flag", "/flags/slow-front/edit/?environment=production"),
)


def main() -> None:
    variables = published()
    if variables is None:
        raise SystemExit("Nothing runs. Start the demonstration with `make demo`.")
    password = json.loads((default_root() / FILE).read_text(encoding="utf-8"))["password"]
    _furnish(variables)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**chromium.launch_options())
        take_all(opened, variables["HEADWAY_WEB_URL"], password)
        opened.close()


def take_all(browser: "Browser", url: str, password: str) -> None:
    """Log in once, and write every picture."""
    window = browser.new_context(viewport={"width": WIDTH, "height": 900}, reduced_motion="reduce")
    page = window.new_page()
    page.goto(f"{url}/login")
    page.get_by_label("Name", exact=True).fill("demo")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("navigation", name="Main").wait_for()
    review = Picture("review", _reviewed(page, url))
    for picture in (*PICTURES, review):
        page.goto(f"{url}{picture.path}")
        _write(page, picture, picture.name)
        if picture.in_dark:
            page.emulate_media(color_scheme="dark")
            _write(page, picture, f"{picture.name}-dark")
            page.emulate_media(color_scheme="light")


def _write(page: "Page", picture: Picture, name: str) -> None:
    png = page.screenshot(full_page=True, clip=_clip(page, picture))  # type: ignore[arg-type]
    blank = page.context.new_page()
    packed = blank.evaluate(SMALLER, [base64.b64encode(png).decode(), QUALITY])
    blank.close()
    content = base64.b64decode(packed)
    file = FOLDER / f"{name}.webp"
    file.write_bytes(content)
    sys.stdout.write(f"{file.relative_to(CHECKOUT)}: {len(content):,} bytes\n")
    if len(content) > MOST_BYTES:
        raise SystemExit(f"{name} is larger than {MOST_BYTES:,} bytes")


def _clip(page: "Page", picture: Picture) -> dict[str, float]:
    box = page.locator(picture.until).first.bounding_box() if picture.until else None
    height = 900 if box is None else box["y"] + box["height"] + MARGIN_PX
    return {"x": 0, "y": 0, "width": WIDTH, "height": height}


def _furnish(variables: dict[str, str]) -> None:
    """A surface with a price, as the browser tests have it."""
    os.environ.update(variables, DJANGO_SETTINGS_MODULE="config.settings")
    import django

    django.setup()
    from impact import queries
    from tests.browser.furnishing import SURFACE, furnish

    if not queries.studies(surface=SURFACE).exists():
        furnish("production")


def _reviewed(page: "Page", url: str) -> str:
    """A launch review with its questions answered; its address."""
    page.goto(f"{url}{PLAN}")
    page.get_by_role("button", name="Launch review").click()
    page.get_by_role("heading", level=1, name="May").wait_for()
    for question in QUESTIONS:
        page.locator(f"select[name={question}]").select_option("yes" if question == "slower" else "no")
    page.get_by_role("button", name="nswer").first.click()
    page.get_by_text("Asked: performance").wait_for()
    return page.url.removeprefix(url)


if __name__ == "__main__":
    main()
