"""The palette by keyboard and mouse, and how dense tables are."""

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import visit


@pytest.fixture
def console(browser, platform, logged_in):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        opened.open("/")
        yield opened
        assert opened.trouble == []


def palette(opened):
    return opened.page.get_by_role("dialog", name="Search everything")


def options(opened):
    return opened.page.get_by_role("option")


def test_palette__ctrl_k_words_and_enter__opens_what_was_chosen(console):
    console.page.keyboard.press("Control+k")
    expect(options(console).first).to_be_visible()
    console.page.keyboard.type("audit trail")
    expect(options(console).first).to_contain_text("Audit trail")
    expect(options(console).first).to_have_attribute("aria-selected", "true")

    console.page.keyboard.press("Enter")

    console.page.wait_for_url("**/reviews/audit/")


def test_palette__arrows__choose_round_and_round_and_say_so(console):
    console.page.keyboard.press("Control+k")
    expect(options(console).first).to_have_attribute("aria-selected", "true")
    field = console.page.get_by_role("combobox")

    console.page.keyboard.press("ArrowDown")
    expect(options(console).nth(1)).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "found-2")
    console.page.keyboard.press("ArrowUp")
    console.page.keyboard.press("ArrowUp")

    expect(options(console).last).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(
    ("words", "kind", "address"),
    [
        ("recommendations home", "Experiment", "/experiments/home-recommendations/"),
        ("home-latency", "Metric", "/metrics/home-latency-p95/"),
        ("POST /api/v1/experiments/{key}/start", "API", "/help/api/#post-api-v1-experiments-key-start"),
    ],
)
def test_palette__thing_clicked__its_page(console, words, kind, address):
    console.page.get_by_role("link", name="Search").click()
    expect(palette(console)).to_be_visible()
    console.page.keyboard.type(words)

    # Answers to the first of the words may come and go meanwhile.
    found = console.page.locator(f'[role=option][data-address="{address}"]')
    expect(found.locator(".found-kind")).to_have_text(kind)
    found.click()

    console.page.wait_for_url(f"{console.url}{address}**")


def test_palette__nothing_fits__said_and_escape_closes(console):
    console.page.keyboard.press("Control+k")
    console.page.keyboard.type("zzz qqq")
    expect(options(console).first).to_contain_text("Nothing has all of these words")
    console.page.keyboard.press("Enter")

    console.page.wait_for_url("**/find/?q=zzz+qqq")


def test_palette__enter_before_the_answer__what_fits_the_words_not_what_fitted_before(console):
    console.page.keyboard.press("Control+k")
    expect(options(console).first).to_have_attribute("aria-selected", "true")

    console.page.keyboard.insert_text("audit trail")
    console.page.keyboard.press("Enter")

    console.page.wait_for_url("**/reviews/audit/")


def test_palette__escape__closed_and_focus_back(console):
    console.page.keyboard.press("Control+k")
    expect(palette(console)).to_be_visible()

    console.page.keyboard.press("Escape")

    expect(palette(console)).to_be_hidden()


def test_density__switched__kept_on_the_next_page(console):
    height = "() => document.querySelector('.table tbody tr').getBoundingClientRect().height"
    console.open("/experiments/")
    before = console.page.evaluate(height)
    console.page.locator("details.user-menu > summary").click()
    console.page.get_by_role("button", name="Compact rows").click()

    console.open("/experiments/")

    assert console.page.evaluate(height) < before
    expect(console.page.locator("[data-density-toggle]")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(("key", "part"), [("r", "report"), ("e", "explore")])
def test_keys__on_a_row__report_or_exploration_of_that_experiment(console, key, part):
    console.open("/experiments/")
    console.page.keyboard.press("j")

    console.page.keyboard.press(key)

    console.page.wait_for_url(f"**/experiments/*/{part}/")
