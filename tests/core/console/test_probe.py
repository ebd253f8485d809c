"""Container health checks say what is wrong and exit accordingly."""

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from config import heartbeat, probe


@pytest.fixture
def sign(tmp_path, monkeypatch):
    file = tmp_path / "alive"
    monkeypatch.setenv(heartbeat.VARIABLE, str(file))
    return file


def test_beating__just_now__healthy(sign, capsys):
    heartbeat.show_life()

    assert probe.main(["beating"]) == probe.HEALTHY
    assert "0 s ago" in capsys.readouterr().out


def test_beating__silent_for_too_long__sick(sign, capsys):
    heartbeat.show_life()
    long_ago = time.time() - probe.LONGEST_SILENCE_S - 1
    os.utime(sign, (long_ago, long_ago))

    assert probe.main(["beating"]) == probe.SICK


def test_beating__never__sick(sign, capsys):
    assert probe.main(["beating"]) == probe.SICK
    assert "no sign of life yet" in capsys.readouterr().out


def test_show_life__no_file_named__nothing_written(monkeypatch, tmp_path):
    monkeypatch.delenv(heartbeat.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)

    heartbeat.show_life()

    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=[200, 503])
def server(request):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(request.param)
            self.end_headers()

        def log_message(self, *words):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/health", request.param
        listening.shutdown()


def test_answering__status__decides(server, capsys):
    url, status = server

    assert probe.main([url]) == (probe.HEALTHY if status == 200 else probe.SICK)


def test_answering__nobody_there__sick(capsys):
    assert probe.main(["http://127.0.0.1:1/health"]) == probe.SICK
