"""The console by keyboard alone: search, rows, places, and the list that says which keys there are."""

import pytest
from playwright.sync_api import expect

from tests.browser.visiting import visit

FOCUSED = "() => document.activeElement.textContent || document.activeElement.id"


@pytest.fixture
def console(browser, platform, logged_in):
    with visit(browser, platform.web_url, state=logged_in) as opened:
        opened.open("/experiments/")
        yield opened
        assert opened.trouble == []


def test_keys__question_mark__opens_the_list_and_escape_closes_it(console):
    dialog = console.page.get_by_role("dialog", name="Keyboard")

    console.page.keyboard.press("?")
    expect(dialog).to_be_visible()

    console.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_keys__button__opens_the_same_list(console):
    console.page.get_by_role("button", name="Keyboard shortcuts").click()

    expect(console.page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_keys__slash__into_the_search_where_letters_are_letters(console):
    console.page.keyboard.press("/")
    expect(console.page.locator("[data-search]")).to_be_focused()
    console.page.keyboard.type("j?g")

    expect(console.page.locator("[data-search]")).to_have_value("j?g")
    expect(console.page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_keys__j_and_k__down_and_up_the_rows(console):
    rows = console.page.locator("[data-row] a[data-open]")
    titles = [title.strip() for title in rows.all_inner_texts()]
    seen = []
    for key in ("j", "j", "k", "k", "k"):
        console.page.keyboard.press(key)
        seen.append(console.page.evaluate(FOCUSED).strip())

    assert seen == [titles[0], titles[1], titles[0], titles[0], titles[0]]


def test_keys__enter_on_a_row__opens_it(console):
    address = console.page.locator("[data-row] a[data-open]").first.get_attribute("href")
    console.page.keyboard.press("j")
    console.page.keyboard.press("Enter")

    console.page.wait_for_url(f"{console.url}{address}**")


@pytest.mark.parametrize(("letter", "address"), [("h", "/"), ("f", "/flags/"), ("w", "/reviews/trips/")])
def test_keys__g_and_a_letter__goes_there(console, letter, address):
    console.page.keyboard.press("g")
    console.page.keyboard.press(letter)

    console.page.wait_for_url(f"{console.url}{address}")


def test_keys__g_and_another_letter__nothing(console):
    before = console.page.url

    console.page.keyboard.press("g")
    console.page.keyboard.press("z")

    assert console.page.url == before


def test_theme__switched__stays_on_the_next_page(console):
    console.page.locator("details.user-menu > summary").click()
    console.page.get_by_role("button", name="Switch between light and dark").click()

    console.open("/flags/")

    expect(console.page.locator("html")).to_have_attribute("data-theme", "dark")


def test_skip_link__first_tab__leads_past_the_menu(console):
    console.page.keyboard.press("Tab")
    console.page.keyboard.press("Enter")

    expect(console.page.locator("#content")).to_be_focused()


def test_menu__on_a_phone__opens_and_says_so(browser, platform, logged_in):
    with visit(browser, platform.web_url, state=logged_in, phone=True) as opened:
        opened.open("/")
        button = opened.page.get_by_role("button", name="Menu")
        menu = opened.page.get_by_role("navigation", name="Main")

        expect(menu).to_be_hidden()
        button.click()

        expect(menu).to_be_visible()
        expect(button).to_have_attribute("aria-expanded", "true")
        assert opened.trouble == []
