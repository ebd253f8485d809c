"""Every page of the console in a real browser: nothing breaks, nothing leaves the site, nothing overflows."""

import pytest

from tests.browser.visiting import visit

EXPERIMENT = "/experiments/home-recommendations"
PAGES = {
    "home": "/",
    "experiments": "/experiments/",
    "experiment": f"{EXPERIMENT}/",
    "report": f"{EXPERIMENT}/report/",
    "plan": f"{EXPERIMENT}/plan/",
    "history": f"{EXPERIMENT}/history/",
    "health": f"{EXPERIMENT}/health/",
    "explore": f"{EXPERIMENT}/explore/",
    "new experiment": "/experiments/new/",
    "flags": "/flags/",
    "flag": "/flags/home-recommendations/",
    "flag history": "/flags/home-recommendations/history/",
    "flag preview": "/flags/home-recommendations/preview/",
    "new flag": "/flags/new/",
    "keys": "/flags/keys/",
    "metrics": "/metrics/",
    "metric": "/metrics/home-latency-p95/",
    "new metric": "/metrics/new/",
    "events": "/events/",
    "refused events": "/events/refused/",
    "labelled events": "/events/labelled/",
    "audit": "/reviews/audit/",
    "jobs": "/watch/jobs/",
    "learn": "/learn/",
}

LOOKS: list[dict[str, bool]] = [{}, {"phone": True, "dark": True}]


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(look) or "desk")
def test_page__desk_or_phone_light_or_dark__no_trouble_and_no_scrolling_sideways(
    browser, platform, logged_in, path, look
):
    with visit(browser, platform.web_url, state=logged_in, **look) as opened:
        opened.open(path)

        assert opened.page.get_by_role("heading", level=1).count() == 1
        assert opened.trouble == []
        assert opened.overflow_px() <= 0


def test_login__wrong_password__stays_outside_and_says_so(browser, platform, demonstration):
    with visit(browser, platform.web_url) as opened:
        opened.open("/experiments/")
        opened.page.get_by_label("Name", exact=True).fill("demo")
        opened.page.get_by_label("Password").fill("not this one")
        opened.page.get_by_role("button", name="Log in").click()

        assert "/login" in opened.page.url
        assert opened.page.get_by_role("alert").is_visible()
