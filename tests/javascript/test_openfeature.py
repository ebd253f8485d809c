"""The JavaScript SDK's OpenFeature providers, under the real OpenFeature SDKs, against the platform."""

import json
import shutil
import subprocess

import pytest
from django.utils import timezone

from flags import services
from headway import Client
from tests.apps.embedded.watching import eventually
from tests.flows.places import environment, filed
from tests.javascript.test_platform import ARMS, counted, key_of, served

pytestmark = pytest.mark.flow


def split_flag(place):
    """A flag with the name of its environment, half and half."""
    now = timezone.now()
    variants = {name: name for name, _ in ARMS}
    services.create_flag(
        key=place,
        value_type="string",
        variants=variants,
        is_client_side=True,
        in_environments=[place],
        actor="rosa",
        now=now,
    )
    services.publish_experiment_rule(
        environment=place,
        flag=place,
        experiment=place,
        arms=ARMS,
        coverage_ppm=1_000_000,
        actor="rosa",
        now=now,
    )


def python_variants(url, key, flag, units):
    with Client(url, key) as flags:
        assert flags.wait_until_ready(120)
        return [flags.config.evaluate(flag, unit).variant for unit in units]


def test_server_provider__real_server__python_variants_and_every_event(connected, built):
    place = environment("openfeature-node")
    key = key_of(place, "server")
    split_flag(place)
    command = [shutil.which("node") or "node", "test/providing.mjs", connected.edge_url, key, place]

    done = subprocess.run(command, cwd=built, capture_output=True, text=True, timeout=300, check=True)
    filed(place)

    told = json.loads(done.stdout)
    visitors = [f"visitor-{number}" for number in range(100)]
    assert told["variants"] == python_variants(connected.edge_url, key, place, visitors)
    assert told["counters"] == {"queued": 200, "dropped": 0, "delivered": 200, "refused": 0}
    assert counted(place) == {"exposure": 100, "event": 100}


PAGE = """<!doctype html><title>Shop</title>
<script src="/settings.js"></script><script src="/page.js"></script>"""


@pytest.mark.browser
def test_web_provider__context_and_flag_change__python_variants_and_every_event(
    browser, connected, built, npm, tmp_path
):
    place = environment("openfeature-browser")
    key = key_of(place, "client")
    split_flag(place)
    settings = {"url": connected.edge_url, "key": key, "flag": place}
    npm(
        "exec", "--", "esbuild", "test/page.mjs", "--bundle", "--format=iife", f"--outfile={tmp_path}/page.js"
    )
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "settings.js").write_text(f"window.settings = {json.dumps(settings)}")

    with served(tmp_path) as site:
        context = browser.new_context()
        page = context.new_page()
        page.goto(site)
        shown = page.evaluate("window.shown")
        switch_off(place)
        changed = eventually(lambda: page.evaluate("window.now()") == "DISABLED", within_s=120)
        reason = page.evaluate("window.now()")
        page.close(run_before_unload=True)
        arrived = eventually(lambda: _file(place) == {"exposure": 2, "event": 1}, within_s=180)
        context.close()

    assert changed, reason
    assert arrived, counted(place)
    with_server_key = key_of(place, "server")
    services.switch_on(environment=place, flag=place, actor="rosa", now=timezone.now(), reason="back")
    assert shown == python_variants(connected.edge_url, with_server_key, place, ["visitor-7", "visitor-8"])


def switch_off(place):
    services.switch_off(environment=place, flag=place, actor="rosa", now=timezone.now(), reason="test")


def _file(place):
    filed(place)
    return counted(place)
