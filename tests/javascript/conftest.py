"""The JavaScript SDK, built once. Without Node.js its tests are skipped, and the summary says so."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import nodejs

SDK = Path(__file__).resolve().parents[2] / "sdk" / "javascript"


@pytest.fixture(scope="session")
def npm():
    """Runs npm in the SDK's folder and returns what it printed."""
    if not nodejs.is_there():
        pytest.skip(nodejs.MISSING)

    def run(*arguments: str) -> str:
        command = [shutil.which("npm") or "npm", *arguments]
        done = subprocess.run(command, cwd=SDK, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, (
            f"npm {' '.join(arguments)}\n{failed(done.stdout)}{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        return done.stdout

    return run


def failed(printed: str) -> str:
    """What Node's runner says of each test that failed, wherever it stands."""
    return "".join(re.findall(r"^ *not ok .*\n(?: *---\n(?:.*\n)*? *\.\.\.\n)?", printed, re.MULTILINE))


@pytest.fixture(scope="session")
def built(npm) -> Path:
    """The folder of the SDK with its bundles made from the sources as they are."""
    npm("ci", "--no-audit", "--no-fund")
    npm("run", "build")
    return SDK


class Decider:
    """A Node process that answers one line with one line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, document, cases=()):
        question = json.dumps({"document": document, "cases": list(cases)})
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="session")
def decider(built) -> Iterator[Decider]:
    command = [shutil.which("node") or "node", "test/decider.mjs"]
    with subprocess.Popen(
        command, cwd=built, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield Decider(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
