"""Real servers that fork: Celery's prefork pool and gunicorn with --preload.

The client is made before the fork. Every worker has to see a change of flags within a poll, and each exposure
has to arrive exactly once.
"""

import os
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.core.sdk.build import document, experiment
from tests.core.sdk.faults import FaultServer, eventually
from tests.mailbox import free_port

ROOT = Path(__file__).resolve().parents[3]
POLL_S = 0.3
CLIENT = """
client = headway.Client({url!r}, lambda: f"k-{{os.getpid()}}", poll_s={poll_s}, flush_s=0.1)
client.wait_until_ready(60)
met = pathlib.Path("met")

def meet():
    (met / str(os.getpid())).touch()
    until = time.monotonic() + 25
    while len(list(met.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.01)
"""
"""Its key says which process asks; whoever meets waits for a second worker, so that no worker takes all."""


@pytest.fixture
def server():
    made = FaultServer(document({"home": experiment()}))
    yield made
    made.stop()


def _started(command, folder):
    with (folder / "output.txt").open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(folder),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _environment(folder):
    """The application alone: it is no part of Headway's own Django project."""
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return {**inherited, "PYTHONPATH": f"{folder}:{ROOT / 'sdk/python/src'}"}


def _ended(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _publish_off(server, processes):
    """Returns when so many processes use it."""
    server.document = document({"home": {**experiment(), "on": False}}, version=2)
    assert eventually(lambda: len(server.knowing()) == processes), server.knowing()


CELERY_APP = """
import os, pathlib, time
import celery, headway
{client}
app = celery.Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {{
    "data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"
}}
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True

@app.task
def ask(name):
    meet()
    answer = client.evaluate("home", unit=name)
    client.track("asked", unit=name, dims={{"pid": os.getpid(), "reason": answer.reason}})
"""


def test_celery_prefork__client_made_before_the_fork__fresh_flags_and_each_exposure_once(server, tmp_path):
    for name in ("queue", "control", "met"):
        (tmp_path / name).mkdir()
    client = CLIENT.format(url=server.url, poll_s=POLL_S)
    (tmp_path / "tasks.py").write_text(CELERY_APP.format(client=client))
    options = ["--pool", "prefork", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = _started([sys.executable, "-m", "celery", "-A", "tasks", "worker", *options], tmp_path)
    try:
        _send(tmp_path, [f"before-{number}" for number in range(20)])
        assert eventually(lambda: _asked(server, "before") == 20, 120), (tmp_path / "output.txt").read_text()
        _publish_off(server, processes=3)
        _send(tmp_path, [f"after-{number}" for number in range(10)])
        assert eventually(lambda: _asked(server, "after") == 10)
    finally:
        _ended(worker)

    asked = [event for event in server.events if event["kind"] == "event"]
    exposed = Counter(event["unit"] for event in server.events if event["kind"] == "exposure")
    assert len({event["dims"]["pid"] for event in asked}) == 2
    assert exposed == {f"before-{number}": 1 for number in range(20)}
    assert {e["dims"]["reason"] for e in asked if e["unit"].startswith("after")} == {"DISABLED"}


def _send(folder, names):
    script = f"import tasks\nfor name in {names!r}: tasks.ask.delay(name)"
    command = [sys.executable, "-c", script]
    subprocess.run(command, cwd=folder, env=_environment(folder), check=True, timeout=120)


def _asked(server, prefix):
    events = list(server.events)
    return sum(event["kind"] == "event" and event["unit"].startswith(prefix) for event in events)


GUNICORN_APP = """
import os, pathlib, time
import headway
{client}
def app(environ, start_response):
    if environ["QUERY_STRING"] == "meet":
        meet()
    answer = client.evaluate("home", unit=environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{{os.getpid()}} {{answer.reason}}".encode()]
"""


def test_gunicorn_preload__client_made_before_the_fork__fresh_flags_and_each_exposure_once(server, tmp_path):
    client = CLIENT.format(url=server.url, poll_s=POLL_S)
    (tmp_path / "site_app.py").write_text(GUNICORN_APP.format(client=client))
    (tmp_path / "met").mkdir()
    port = free_port()
    options = ["--preload", "-w", "3", "-b", f"127.0.0.1:{port}"]
    master = _started([sys.executable, "-m", "gunicorn", *options, "site_app:app"], tmp_path)
    try:
        assert eventually(lambda: _page(port, "up"), 120), (tmp_path / "output.txt").read_text()
        before = _at_once(port, [f"user-{number}?meet" for number in range(60)])
        _publish_off(server, processes=4)
        after = _at_once(port, [f"user-{number}" for number in range(60)])
    finally:
        _ended(master)

    exposed = Counter(event["unit"] for event in server.events if event["kind"] == "exposure")
    assert {reason for _, reason in before} == {"SPLIT"}
    assert {reason for _, reason in after} == {"DISABLED"}
    assert len({pid for pid, _ in before}) > 1
    assert exposed == {f"/{name}": 1 for name in ["up", *(f"user-{number}" for number in range(60))]}


def _at_once(port, names):
    """Pages asked for four at a time, so that no worker can take them all."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda name: _page(port, name), names))


def _page(port, name):
    """Process id and reason, or None while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=60) as response:
            return tuple(response.read().decode().split())
    except OSError:
        return None
