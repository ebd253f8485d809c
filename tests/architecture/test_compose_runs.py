"""What the compose file starts, started by hand on the image's files, until its own checks are content.

An engine for containers is not needed; what it would add (isolation, networks) is not what is tested here.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml

from config.embedded.ports import Ports
from tests.architecture.test_compose import ROOT

pytestmark = pytest.mark.flow
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
HEALTHY_WITHIN_S = 300
LEAVES_WITHIN_S = 120
DATABASE = "composed"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """A folder with what `COPY . /app` puts into the image."""
    folder = tmp_path_factory.mktemp("app")
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    left_out = {ROOT / line for line in lines if line and line[0] not in "#!*"}

    def ignored(below, names):
        return {name for name in names if Path(below) / name in left_out}

    for name in (line[1:] for line in lines if line.startswith("!")):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target, ignore=ignored) if source.is_dir() else shutil.copy(source, target)
    return folder


@pytest.fixture(scope="module")
def database():
    """The address of a database of its own."""
    url = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(url.geturl(), autocommit=True) as session:
        session.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        session.execute(f"CREATE DATABASE {DATABASE}")
        yield url._replace(path=f"/{DATABASE}").geturl()
        session.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture(scope="module")
def surroundings(image, database, tmp_path_factory):
    """What the image and the compose file set, with this machine's addresses and folders."""
    state = tmp_path_factory.mktemp("state")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWAY_", "DJANGO_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        **kept,
        "PATH": path,
        "PYTHONPATH": f"{image}{os.pathsep}{image / 'sdk' / 'python' / 'src'}",
        "REMAP_SIGTERM": "SIGQUIT",
        "DATABASE_URL": database,
        "HEADWAY_SECRET_KEY": secrets.token_urlsafe(64),
        "HEADWAY_WEB_URL": "https://headway.example.com",
        "HEADWAY_EDGE_URL": "https://edge.example.com",
        "HEADWAY_EVENT_STORE": (state / "events").as_uri(),
        "HEADWAY_HEARTBEAT": str(state / "alive"),
    }


@pytest.fixture(scope="module")
def migrated(image, surroundings):
    command = SERVICES["migrate"]["command"]
    subprocess.run(command, cwd=image, env=surroundings, check=True, capture_output=True, text=True)


@pytest.fixture
def ports(tmp_path):
    chosen = Ports(tmp_path / "ports.json")
    return {"8000": str(chosen.choose("web")), "8001": str(chosen.choose("edge"))}


def test_image__files_in_it__collect_and_pass_the_deployment_checks(image, surroundings):
    for command in ("collectstatic --noinput", "check --deploy --fail-level WARNING"):
        argv = ["python", "manage.py", *command.split()]
        done = subprocess.run(argv, cwd=image, env=surroundings, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    assert (image / "staticfiles" / "css" / "console.css").exists()


@pytest.mark.usefixtures("migrated")
@pytest.mark.parametrize("name", ["web", "edge", "worker", "beat"])
def test_service__started_by_hand__becomes_healthy_and_leaves_when_asked(
    name, image, surroundings, ports, tmp_path
):
    env = {**surroundings, "HEADWAY_HEARTBEAT": str(tmp_path / "alive")}
    command = [localised(part, ports, tmp_path) for part in SERVICES[name]["command"]]
    check = [localised(part, ports, tmp_path) for part in SERVICES[name]["healthcheck"]["test"][1:]]
    log = tmp_path / "log"

    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=image, env=env, stdout=output, stderr=output, start_new_session=True
        )
        try:
            healthy = becomes_healthy(process, check, cwd=image, env=env)
        finally:
            process.terminate()
            status = leave(process)

    assert healthy, log.read_text(encoding="utf-8")
    assert status == 0, log.read_text(encoding="utf-8")


def leave(process):
    """Its exit status after being asked; one that stays is killed with its children and has none."""
    try:
        return process.wait(LEAVES_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def localised(part, ports, folder):
    """The part of a command with this machine's ports and folders in place of the container's."""
    for inside, here in ports.items():
        part = part.replace(inside, here)
    return part.replace("0.0.0.0", "127.0.0.1").replace("/tmp/", f"{folder}/")


def becomes_healthy(process, check, *, cwd, env):
    deadline = time.monotonic() + HEALTHY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        if subprocess.run(check, cwd=cwd, env=env, capture_output=True).returncode == 0:
            return True
        time.sleep(0.5)
    return False
