"""The tutorial does what it says: its files are written and its commands run on the platform."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass

import pytest
from django.utils import timezone

from config.embedded.home import CHECKOUT
from experiments import queries as experiment_queries
from flags import queries as flag_queries
from flags import services as flag_services
from tests.flows.hurrying import hurried, soon
from tests.flows.places import environment

PAGE = CHECKOUT / "docs" / "tutorial" / "first-experiment.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r'^make manage DO="(.*)"$', re.MULTILINE)
PLACE, OWNER = "shop", "rosa"
COMMAND_WITHIN_S = 300

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the tutorial uses curl")


@dataclass(frozen=True)
class Block:
    """A fenced block; one with a file name is written, one in `sh` is run, `text` shows what is printed."""

    language: str
    file: str
    text: str


def blocks(page):
    return [Block(*found) for found in BLOCK.findall(page.read_text(encoding="utf-8"))]


def command(text):
    """What the reader types in the checkout, for another folder: this Python, and what `make manage` runs."""
    python = shlex.quote(sys.executable)
    typed = text.replace(".venv/bin/python", python)
    return MAKE.sub(lambda found: f"{python} -m config.embedded manage {found[1]}", typed)


@pytest.fixture
def surroundings(connected):
    """What section 1 leaves behind: an environment, two keys, and the variables that name them."""
    place = environment(PLACE)
    made = {
        name: flag_services.create_key(
            environment=place, name=name, scope=name, actor=OWNER, now=timezone.now()
        )[1]
        for name in ("admin", "server")
    }
    return {**connected.environment, "ADMIN_KEY": made["admin"], "SERVER_KEY": made["server"]}


@pytest.fixture
def printed(surroundings, tmp_path):
    """What each command printed, in order."""
    with hurried():
        return follow(PAGE, surroundings, tmp_path)


def follow(page, variables, folder):
    """Do what a tutorial says: write its files, run its commands; what each command printed, in order."""
    outputs = []
    for block in blocks(page):
        if block.file:
            (folder / block.file).parent.mkdir(exist_ok=True)
            (folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            outputs.append(run(block.text, folder, variables))
    return outputs


def run(text, folder, variables):
    done = subprocess.run(
        ["bash", "-euc", command(text)],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=COMMAND_WITHIN_S,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_tutorial__as_written__harm_found_run_ended_flag_held(connected, printed):
    everything = "\n".join(printed)

    assert "2 new: buyers, checkout-time" in everything
    assert re.search(r"^8\d\d\d events delivered, 0 dropped$", everything, re.MULTILINE)
    assert re.search(r"^ROLL BACK$", everything, re.MULTILINE)
    assert re.search(
        r"^Harm found: Checkout time rose [\d.]+\sms .*; limit 30\sms\)\.$", everything, re.MULTILINE
    )
    assert soon(lambda: experiment_queries.experiment("new-checkout").state == "stopped")
    assert soon(lambda: flag_queries.holds_of("new-checkout", PLACE).exists())
