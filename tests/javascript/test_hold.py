"""A page held back for a study: granted before it is held, hidden for the dose, shown whatever goes wrong."""

import gzip
import json
import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from flags import services as flags
from impact import queries, services
from impact.models import AblationStudy
from tests.flows.places import environment
from tests.flows.test_ablation import place_of
from tests.javascript.test_platform import served

pytestmark = pytest.mark.flow
DOSE_MS = 300
LATE_MS = 5_000
"""A busy machine wakes a page late."""
PAGE = (
    """<!doctype html><title>Shop</title><script type="module" src="/shop.js"></script><p id="p">Hello</p>"""
)
SHOP = """
import { BrowserClient } from "/browser.js";
import { hold } from "/hold.js";
const { url, key, study, dose } = await (await fetch("/settings.json")).json();
const answer = { flag: study, value: dose, variant: "d", reason: "SPLIT", rule: "r", experiment: study,
                 version: 1, unitType: "user", exposedUnit: "user-7" };
const client = new BrowserClient(url, key, { unit: "user-7", answers: { [study]: answer } });
window.tracked = [];
const track = client.track.bind(client);
client.track = (...given) => { window.tracked.push(given); track(...given); };
window.hidden = () => document.documentElement.style.visibility;
const done = hold(client, study, { url, key });
window.atOnce = window.hidden();
window.held = await done;
"""


@pytest.fixture
def study(connected, request):
    """A running study with a budget of two page views."""
    place, now = environment("held-pages"), timezone.now()
    by = {"actor": "ada", "now": now}
    name = f"held-{request.node.name.split('__')[1].split('[')[0].replace('_', '-')}"
    place_of(name, by)
    services.propose_study(
        key=name,
        title="Held page",
        surface=name,
        environment=place,
        doses_ms=[DOSE_MS],
        days=7,
        share_ppm=20_000,
        exposures=2,
        ethics="Three tenths of a second hurt nobody.",
        actor="eva",
        now=now,
    )
    for capacity, who in (("surface_owner", "ada"), ("metric_owner", "rosa"), ("sponsor", "vera")):
        services.approve_study(key=name, capacity=capacity, actor=who, now=now)
    services.start_study(key=name, actor="ada", now=now)
    _, secret = flags.create_key(environment=place, name=name, scope="client", **by)
    return connected.edge_url, secret, name


def site(built, folder, **settings):
    for name in ("browser.js", "hold.js"):
        shutil.copy(built / "dist" / name, folder)
    (folder / "index.html").write_text(PAGE)
    (folder / "shop.js").write_text(SHOP)
    (folder / "settings.json").write_text(json.dumps(settings))
    return served(folder)


def view(page, address):
    """One view of the page, until what it asked for has come."""
    page.goto(address)
    page.wait_for_function("window.held !== undefined")
    page.wait_for_load_state("networkidle")
    return page.evaluate("[window.held, window.atOnce, window.hidden(), window.tracked]")


def test_bundle__zipped__about_a_kilobyte(built):
    assert len(gzip.compress((built / "dist" / "hold.js").read_bytes(), 9)) < 1_200


@pytest.mark.browser
def test_page__views_of_one_tab__first_free_then_held_until_the_budget_is_spent(
    browser, built, study, tmp_path
):
    url, key, name = study
    with site(built, tmp_path, url=url, key=key, study=name, dose=DOSE_MS) as address:
        page = browser.new_page()
        views = [view(page, address) for _ in range(4)]
        page.close()

    first, second, third, fourth = views
    assert (first[0]["ms"], first[0]["why"]) == (0, "the server has granted no more")
    for held, at_once, after, tracked in (second, third):
        assert DOSE_MS - 1 <= held["ms"] < DOSE_MS + LATE_MS
        assert (at_once, after) == ("hidden", "")
        assert tracked == [["injected-delay", held["ms"], {"flag": name, "asked_ms": "300", "why": ""}]]
    assert fourth[0]["ms"] == 0
    row = queries.study(name)
    assert row.spent == row.budget == 2


@pytest.mark.browser
def test_page__arm_without_delay__same_code_and_tracked_as_zero(browser, built, study, tmp_path):
    url, key, name = study
    with site(built, tmp_path, url=url, key=key, study=name, dose=0) as address:
        page = browser.new_page()
        held, at_once, after, tracked = view(page, address)
        page.close()

    assert (held["ms"], held["why"]) == (0, "")
    assert (at_once, after) == ("hidden", "")
    assert tracked[0][1] == 0


@pytest.mark.browser
def test_page__platform_is_away__shown_at_once(browser, built, study, tmp_path):
    _, key, name = study
    with site(built, tmp_path, url="http://127.0.0.1:9", key=key, study=name, dose=DOSE_MS) as address:
        page = browser.new_page()
        views = [view(page, address) for _ in range(2)]
        page.close()

    assert [each[0]["ms"] for each in views] == [0, 0]
    assert [each[2] for each in views] == ["", ""]


@pytest.mark.browser
def test_page__study_is_over__nothing_is_granted(browser, built, study, tmp_path):
    url, key, name = study
    AblationStudy.objects.filter(key=name).update(ends_at=timezone.now() - timedelta(minutes=1), spent=0)
    with site(built, tmp_path, url=url, key=key, study=name, dose=DOSE_MS) as address:
        page = browser.new_page()
        views = [view(page, address) for _ in range(2)]
        page.close()

    assert [each[0]["ms"] for each in views] == [0, 0]
    assert queries.study(name).spent == 0
