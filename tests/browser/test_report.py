"""The report in a real browser: what it says, by mouse and keyboard alike, in either theme and on paper."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import visit

LIST = "/experiments/"
REPORT = "/experiments/home-recommendations/report/"
READABLE = {".verdict-word": 3.0, ".verdict .lead": 4.5, ".verdict-meta": 4.5, "td .under": 4.5}
"""The least contrast of WCAG AA: 3 for large text, 4.5 for all other."""

CONTRAST = """
(element) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.canvas.width = canvas.canvas.height = 1;
  const layers = [];
  for (let each = element; each; each = each.parentElement) {
    layers.unshift(getComputedStyle(each).backgroundColor);
  }
  const painted = (colours) => {
    for (const colour of ["white", ...colours]) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (parts) => parts
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const a = light(painted([...layers, getComputedStyle(element).color])), b = light(painted(layers));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
"""
"""Colours as they are painted, whatever notation and transparency the style sheet uses."""


@pytest.fixture
def report(browser, platform, logged_in):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        opened.open(REPORT)
        yield opened
        assert opened.trouble == []


def bar(opened):
    return opened.page.locator("header.verdict")


def test_list__experiment_followed__its_report_says_roll_back(browser, platform, logged_in):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        opened.open(LIST)
        expect(opened.page.get_by_role("row", name=re.compile("home page")).first).to_contain_text(
            "Roll back", ignore_case=True
        )
        opened.page.get_by_role("link", name="Recommendations on the home page").first.click()

        expect(bar(opened)).to_contain_text("ROLL BACK")
        assert opened.trouble == []


def test_verdict_bar__shop__names_the_harmed_metric_its_range_and_its_limit(report):
    expect(bar(report)).to_contain_text(re.compile(r"Home page time, p95 rose 1\d\d\s?ms"))
    expect(bar(report)).to_contain_text(re.compile(r"limit 20\s?ms"))


def test_interval__reached_by_keyboard__its_numbers_are_shown_and_escape_hides_them(report):
    reached = False
    for _ in range(80):
        report.page.keyboard.press("Tab")
        reached = report.page.evaluate("() => document.activeElement.matches('button.hover')")
        if reached:
            break

    detail = report.page.locator("button.hover:focus + dl.hovercard")
    assert reached, "no interval can be reached with the tab key"
    expect(detail).to_be_visible()
    expect(detail).to_contain_text("standard error")
    report.page.keyboard.press("Escape")
    expect(detail).to_be_hidden()


def test_interval__under_the_mouse__same_numbers(report):
    report.page.locator("button.hover").first.hover()

    expect(report.page.locator("button.hover + dl.hovercard").first).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text__either_theme__enough_contrast_to_read(browser, platform, logged_in, dark):
    with visit(browser, platform.web_url, state=logged_in, dark=dark) as opened:
        opened.open(REPORT)
        for selector, least in READABLE.items():
            found = opened.page.locator(selector).first
            assert found.evaluate(CONTRAST) >= least, selector


def test_theme__switched__kept_on_the_next_page(browser, platform, logged_in):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    with visit(browser, platform.web_url, state=logged_in) as opened:
        opened.open(REPORT)
        light = opened.page.evaluate(ground)
        opened.page.locator("details.user-menu > summary").click()
        opened.page.get_by_role("button", name="Switch between light and dark").click()
        dark = opened.page.evaluate(ground)
        opened.open(LIST)

        assert dark != light
        assert opened.page.evaluate(ground) == dark


def test_phone__menu_opened__navigation_is_there(browser, platform, logged_in):
    with visit(browser, platform.web_url, state=logged_in, phone=True) as opened:
        opened.open(REPORT)
        expect(bar(opened)).to_be_in_viewport()
        opened.page.get_by_role("button", name="Menu").click()

        expect(opened.page.get_by_role("navigation", name="Main")).to_be_visible()
        assert opened.overflow_px() <= 0


def test_without_scripts__report__still_says_it_all(browser, platform, logged_in):
    context = browser.new_context(storage_state=logged_in, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{platform.web_url}{REPORT}")

    expect(page.locator("header.verdict")).to_contain_text("ROLL BACK")
    expect(page.locator("table.results").first).to_contain_text("Home page time, p95")
    context.close()


def test_print__report__no_navigation_on_paper(report):
    report.page.emulate_media(media="print")

    expect(report.page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(bar(report)).to_be_visible()
