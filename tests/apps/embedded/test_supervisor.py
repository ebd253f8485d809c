"""The process manager on real processes: restarts, output, and an end that leaves nothing."""

import io
import signal
import socket
import sys
import textwrap
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from config.embedded.child import Program, Surroundings
from config.embedded.supervisor import StopRequest, Supervisor, is_healthy
from config.embedded.voice import Voice
from tests.apps.embedded.watching import eventually, living_below

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


class Stage:
    """A supervisor and what can be seen of it."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.stop_request = StopRequest()
        self.text = io.StringIO()
        around = Surroundings(
            cwd=folder,
            env={},
            records=folder,
            log=lambda name: folder / f"{name}.log",
            voice=Voice(self.text),
        )
        self.supervisor = Supervisor(around, self.stop_request, **options)

    def start(self, name, code, **options):
        argv = (sys.executable, "-u", "-c", textwrap.dedent(code))
        self.supervisor.start([Program(name=name, argv=argv, **options)])

    def said(self, text, times=1):
        """Turn the loop until the text was printed so many times."""

        def turned():
            self.supervisor.tick()
            return self.text.getvalue().count(text) >= times

        return eventually(turned)


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path, grace_s=5)
    yield made
    made.supervisor.stop()
    assert eventually(lambda: not living_below(tmp_path)), living_below(tmp_path)


SLEEP = "import time; print('up'); time.sleep(600)"
# A child of a child that ignores polite requests, as a forgotten helper would.
WITH_HELPER = """
    import os, subprocess, sys, time
    there, tell = os.pipe()
    helper = "import os, signal, sys, time; signal.signal(15, signal.SIG_IGN); print('helper');"
    helper += "os.close(int(sys.argv[1])); time.sleep(600)"
    subprocess.Popen([sys.executable, "-u", "-c", helper, str(tell)], pass_fds=[tell])
    os.close(tell)
    os.read(there, 1)  # ends when the helper has come so far
    time.sleep(600)
"""


def test_output__several_kinds_of_lines__each_prefixed_none_lost(stage):
    stage.start(
        "web",
        r"""
        import sys, time
        sys.stdout.buffer.write(b"first\nsec"); sys.stdout.flush(); time.sleep(0.3)
        sys.stdout.buffer.write(b"ond\nbad byte \xff\n"); sys.stderr.write("last words")
        """,
    )

    assert stage.said("ended with status 0")
    lines = stage.text.getvalue().splitlines()
    assert lines[:4] == [f"web     | {text}" for text in ("first", "second", "bad byte \ufffd", "last words")]
    assert (stage.folder / "web.log").read_bytes().startswith(b"first\nsecond\nbad byte \xff\nlast words")


def test_crash__again_and_again__restarted_after_growing_pauses_and_said(stage):
    stage.start("worker", "import os; print('up'); os.kill(os.getpid(), 9)")

    assert stage.said("worker  | up", times=3)

    text = stage.text.getvalue()
    assert "headway | worker was killed by SIGKILL; starting it again in 1 s" in text
    assert "worker was killed by SIGKILL; starting it again in 2 s" in text


def test_crash__with_a_helper_left_behind__helper_is_gone_before_the_restart(stage):
    stage.start("worker", WITH_HELPER.replace("time.sleep(600)\n", "raise SystemExit(4)\n"))
    assert stage.said("helper")

    assert stage.said("worker ended with status 4")

    assert eventually(lambda: not living_below(stage.folder)), living_below(stage.folder)


def test_stop__helper_ignores_polite_signals__whole_group_is_gone(stage):
    stage.start("worker", WITH_HELPER)
    assert stage.said("helper")
    assert len(living_below(stage.folder)) == 2

    stage.supervisor.stop()

    assert eventually(lambda: not living_below(stage.folder)), living_below(stage.folder)


def test_stop__program_ignores_sigterm__killed_after_the_grace_and_said(tmp_path):
    stage = Stage(tmp_path, grace_s=0.5)
    stage.start("beat", "import signal; signal.signal(15, signal.SIG_IGN);" + SLEEP)
    assert stage.said("up")

    stage.supervisor.stop()

    assert "beat did not stop by itself and is killed" in stage.text.getvalue()
    assert eventually(lambda: not living_below(tmp_path)), living_below(tmp_path)


def test_stop__asked_twice__grace_is_cut_short(tmp_path):
    stage = Stage(tmp_path, grace_s=600)
    stage.start("beat", "import signal; signal.signal(15, signal.SIG_IGN);" + SLEEP)
    assert stage.said("up")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    stage.stop_request.listen()
    try:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        stage.supervisor.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert eventually(lambda: not living_below(tmp_path)), living_below(tmp_path)


def test_accompany__command_ends__its_status(stage):
    stage.start("web", SLEEP)

    assert stage.supervisor.accompany([sys.executable, "-c", "raise SystemExit(7)"]) == 7


def test_run_once__command_ends__its_status_and_output(stage):
    program = Program(name="migrate", argv=(sys.executable, "-c", "print('done'); raise SystemExit(3)"))

    assert stage.supervisor.run_once(program) == 3
    assert stage.text.getvalue() == "migrate | done\n"


def test_keep_alive__revived_a_server__said(tmp_path):
    revived = iter([["postgres"], []])
    stage = Stage(tmp_path, keep_alive=lambda: next(revived))

    stage.supervisor.tick()
    stage.supervisor.tick()

    assert stage.text.getvalue() == "headway | postgres had died and runs again\n"


def test_wait_until_healthy__one_of_two_never_answers__that_one_is_named(stage, health_port):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        stage.start("web", SLEEP, health_port=health_port)
        stage.start("edge", SLEEP, health_port=unused.getsockname()[1])

        assert stage.supervisor.wait_until_healthy(within_s=3) == ["edge"]


@pytest.fixture
def health_port():
    """A site whose /health is well and where nothing else is."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/health" else 503)
            self.end_headers()

        def log_message(self, *_):
            return

    with HTTPServer(("127.0.0.1", 0), Site) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield site.server_port
        site.shutdown()
        thread.join()


def test_is_healthy__nobody_listens__false():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        assert not is_healthy(unused.getsockname()[1])


def test_voice__not_a_terminal__no_colour_codes():
    text = io.StringIO()

    Voice(text).relay("web", "one\ntwo")

    assert text.getvalue() == "web     | one\nweb     | two\n"


def test_voice__quiet__own_lines_only():
    text = io.StringIO()
    voice = Voice(text, quiet=True)

    voice.relay("web", "one")
    voice.say("web was killed")

    assert text.getvalue() == "headway | web was killed\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_voice__terminal__coloured_unless_no_color_is_set(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    coloured, plain = Terminal(), Terminal()

    Voice(coloured).say("hello")
    monkeypatch.setenv("NO_COLOR", "1")
    Voice(plain).say("hello")

    assert "\x1b[" in coloured.getvalue()
    assert plain.getvalue() == "headway | hello\n"
