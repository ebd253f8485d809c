"""The edge under its real server, told to go while streams are open."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from config.embedded.home import CHECKOUT
from flags.models import FlagSighting
from tests.apps.embedded.watching import eventually
from tests.apps.flags.build import environment, flag, key, published, split
from tests.mailbox import free_port

pytestmark = pytest.mark.django_db(transaction=True)
KILLED_AFTER_S = 60


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def edge(port, tmp_path):
    """The process of the server."""
    options = ["--interface", "asgi", "--port", str(port), "--workers-kill-timeout", str(KILLED_AFTER_S)]
    with (tmp_path / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "granian", *options, "config.edge:application"],
            cwd=CHECKOUT,
            env={**os.environ, "DATABASE_URL": database_address(), "HEADWAY_SECRET_KEY": settings.SECRET_KEY},
            stdout=output,
            stderr=output,
        )
    try:
        assert eventually(lambda: is_answering(port), 120), (tmp_path / "output.txt").read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def database_address():
    """Of the database that this test runs in."""
    found = connection.get_connection_params()
    host = found.get("host") or ""
    place = f"?host={quote(host, safe='')}" if host.startswith("/") else ""
    login = f"{found['user']}:{quote(found.get('password') or '', safe='')}"
    where = "" if place else f"{host}:{found.get('port') or 5432}"
    return f"postgresql://{login}@{where}/{found['dbname']}{place}"


def is_answering(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as response:
            return response.status == 200
    except OSError:
        return False


def ask(port, path, secret):
    """Evaluate, with whatever answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as line:
        line.request("POST", path, b"{}", {"Authorization": f"Bearer {secret}"})
        line.getresponse().read()


def test_told_to_go__streams_open__they_end_at_once_and_sightings_are_written(edge, port):
    environment()
    flag()
    published([split(500_000)])
    _, secret = key()
    with closing(HTTPConnection("127.0.0.1", port, timeout=KILLED_AFTER_S)) as line:
        line.request("GET", "/sdk/v1/stream", headers={"Authorization": f"Bearer {secret}"})
        stream = line.getresponse()
        assert stream.read1().startswith(b"retry")
        ask(port, "/ofrep/v1/evaluate/flags/checkout", secret)
        started_at = time.monotonic()

        edge.send_signal(signal.SIGTERM)
        while stream.read1():
            pass
    edge.wait(KILLED_AFTER_S)

    assert time.monotonic() - started_at < KILLED_AFTER_S / 2
    assert FlagSighting.objects.filter(flag__key="checkout").exists()
