"""The JavaScript SDK against the running platform: from Node, and from a page in a browser."""

import json
import shutil
import subprocess
import threading
from contextlib import contextmanager
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from events import queries
from flags import services
from headway import Client
from tests.apps.embedded.watching import eventually
from tests.flows.places import environment, filed

pytestmark = pytest.mark.flow
NEVER = (date(1990, 1, 1), date(2990, 1, 1))
FLAG = "javascript-home"
ARMS = [("control", 500_000), ("treatment", 500_000)]


def key_of(place, scope):
    _, secret = services.create_key(
        environment=environment(place), name="javascript", scope=scope, actor="rosa", now=timezone.now()
    )
    return secret


def split_flag(place):
    now = timezone.now()
    variants = {name: name for name, _ in ARMS}
    services.create_flag(
        key=FLAG, value_type="string", variants=variants, in_environments=[place], actor="rosa", now=now
    )
    services.publish_experiment_rule(
        environment=place,
        flag=FLAG,
        experiment=FLAG,
        arms=ARMS,
        coverage_ppm=1_000_000,
        actor="rosa",
        now=now,
    )


def counted(place):
    since, until = NEVER
    return queries.tallies(place, since=since, until=until)


def test_node_client__real_server__python_variants_and_every_event(connected, built):
    place = environment("javascript-node")
    key = key_of(place, "server")
    split_flag(place)
    command = [shutil.which("node") or "node", "test/visitors.mjs", connected.edge_url, key, FLAG]

    done = subprocess.run(command, cwd=built, capture_output=True, text=True, timeout=300, check=True)
    filed(place)

    told = json.loads(done.stdout)
    with Client(connected.edge_url, key) as flags:
        assert flags.wait_until_ready(120)
        mine = [flags.variant(FLAG, unit=f"visitor-{number}", default="none") for number in range(100)]
    assert told["variants"] == mine
    assert told["counters"] == {"queued": 200, "dropped": 0, "delivered": 200, "refused": 0}
    assert counted(place) == {"exposure": 100, "event": 100}


PAGE = """<!doctype html><title>Shop</title>
<script src="/headway.min.js"></script><script src="/shop.js"></script>"""
SHOP = """
const answer = {flag: "f", value: "new", variant: "treatment", reason: "SPLIT", rule: "r", experiment: "e",
                version: 1, unitType: "user", exposedUnit: "user-7"};
window.client = new headway.BrowserClient(%(url)r, %(key)r, {unit: "user-7", answers: {f: answer}});
window.shown = [client.variant("f", "control"), client.value("f", "old"), client.variant("g", "control")];
client.track("opened", 2.5, {page: "home"});
"""


@contextmanager
def served(folder):
    """The folder on a port of its own, which is another origin than the platform's."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        """Test output is for the tests."""


@pytest.mark.browser
def test_browser_client__page_left__exposure_and_event_arrive(browser, connected, built, tmp_path):
    place = environment("javascript-browser")
    key = key_of(place, "client")
    shutil.copy(built / "dist" / "headway.min.js", tmp_path)
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "shop.js").write_text(SHOP % {"url": connected.edge_url, "key": key})

    with served(tmp_path) as site:
        # A context of the page's own would close with it, and take the beacon on its way along.
        context = browser.new_context()
        page = context.new_page()
        page.goto(site)
        shown = page.evaluate("window.shown")
        page.close(run_before_unload=True)
        arrived = eventually(lambda: _file(place) == {"exposure": 1, "event": 1}, within_s=180)
        context.close()

    assert shown == ["treatment", "new", "control"]
    assert arrived, counted(place)


def _file(place):
    filed(place)
    return counted(place)
