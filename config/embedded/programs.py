"""Headway's own programs and the environment they share, as the process manager runs them."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from config.embedded.backing import Backing
from config.embedded.child import Program
from config.embedded.home import CHECKOUT, Home
from config.embedded.ports import LOOPBACK, Ports, demanded

WEB_PORT = 8000
EDGE_PORT = 8001
QUEUES = "ingest,ramp,analysis,notify,housekeeping"
WORKER_PROCESSES = 2
# Streams stay open for hours; a stop does not wait for their readers.
GRANIAN = (
    *(sys.executable, "-m", "granian", "--host", LOOPBACK, "--no-ws"),
    *("--workers", "1", "--workers-kill-timeout", "5"),
)
# An open stream counts as a request under way, for as long as it lasts.
MANY_STREAMS = ("--backlog", "4096", "--backpressure", "12000")
# Running as root is what root asked for; the advice against it would repeat at every start.
CELERY = (
    *(sys.executable, "-W", "ignore:You're running the worker"),
    *("-m", "celery", "--quiet", "--app", "config"),
)


def choose_ports(ports: Ports) -> tuple[int, int]:
    """Ports of the console and of the edge. Raises CannotStart when a demanded one is taken."""
    web = demanded("HEADWAY_WEB_PORT") or ports.choose("web", preferred=WEB_PORT)
    edge = demanded("HEADWAY_EDGE_PORT") or ports.choose("edge", preferred=EDGE_PORT)
    return web, edge


def environment(found: Backing, *, web_port: int, edge_port: int) -> dict[str, str]:
    """Everything the programs need to know. Where the caller's environment names an address, that stays."""
    defaults = {
        "HEADWAY_EVENT_STORE": (found.home.root / "events").as_uri(),
        "HEADWAY_WEB_URL": f"http://{LOOPBACK}:{web_port}",
        "HEADWAY_EDGE_URL": f"http://{LOOPBACK}:{edge_port}",
    }
    inherited = {name: value for name, value in os.environ.items() if value or name not in defaults}
    paths = {
        "HEADWAY_HOME": str(found.home.root),
        "PATH": _in_front([Path(sys.executable).parent], "PATH"),
        "PYTHONPATH": _in_front([CHECKOUT, CHECKOUT / "sdk" / "python" / "src"], "PYTHONPATH"),
        "PYTHONUNBUFFERED": "1",
        # A worker that is told to leave hands its messages back; Celery reads this when it is imported.
        "REMAP_SIGTERM": "SIGQUIT",
    }
    return {**defaults, **inherited, **found.variables, **paths}


def _in_front(folders: Sequence[Path], variable: str) -> str:
    first = [str(folder) for folder in folders]
    rest = [part for part in os.environ.get(variable, "").split(os.pathsep) if part and part not in first]
    return os.pathsep.join([*first, *rest])


def migrate() -> Program:
    """Brings the database to the current schema."""
    return Program(name="migrate", argv=manage("migrate", "--noinput", "--verbosity", "0"))


def manage(*arguments: str) -> tuple[str, ...]:
    """The command line of a management command."""
    return (sys.executable, str(CHECKOUT / "manage.py"), *arguments)


def servers(web_port: int, edge_port: int) -> list[Program]:
    """What answers HTTP."""
    web = (
        "--interface",
        "wsgi",
        "--blocking-threads",
        "4",
        "--port",
        str(web_port),
        "config.wsgi:application",
    )
    edge = ("--interface", "asgi", *MANY_STREAMS, "--port", str(edge_port), "config.edge:application")
    return [
        Program(name="web", argv=(*GRANIAN, *web), health_port=web_port),
        Program(name="edge", argv=(*GRANIAN, *edge), health_port=edge_port),
    ]


def background(home: Home) -> list[Program]:
    """What works without being asked."""
    worker = ("worker", "--queues", QUEUES, "--pool", "prefork", "--concurrency", str(WORKER_PROCESSES))
    beat = ("beat", "--schedule", str(home.run / "beat-schedule"), "--pidfile", "")
    return [
        Program(name="worker", argv=(*CELERY, *worker, "--loglevel", "INFO")),
        Program(name="beat", argv=(*CELERY, *beat, "--loglevel", "INFO")),
    ]
