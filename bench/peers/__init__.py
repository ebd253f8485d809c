"""Other SDKs beside Headway: each in its own environment, made here, on bench.evaluation's workloads.

In every environment one process runs the peer, Headway and the floor in turns, so each ratio is of one run.
Without a package index this part is skipped, and says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".headway" / "bench" / "peers"
PACKAGES = {
    "eppo": "eppo-server-sdk",
    "statsig": "statsig-python-core",
    "growthbook": "growthbook",
    "launchdarkly": "launchdarkly-server-sdk",
    "unleash": "UnleashClient",
}
HEAD = (
    f"{'product':13}{'version':>9}{'w1/s':>12}{'w2/s':>12}{'w3/s':>12}{'w2:floor':>10}"
    f"{'w1':>7}{'w2':>7}{'w3':>7}{'w4 p50 ms':>11}{'10k ms':>9}{'10k MB':>8}{'import ms':>11}"
)


def run() -> None:
    print(f"\nw1, w2, w3: how many times faster Headway was in the same process\n{HEAD}", flush=True)
    for name, package in PACKAGES.items():
        python = _environment(name, package)
        if python is not None:
            _contest(name, python)


def _environment(name: str, package: str) -> Path | None:
    """The interpreter that has the peer, or None and a line that says why not."""
    python = HOME / package / "bin" / "python"
    if not python.exists():
        venv.create(python.parents[1], with_pip=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*install, "mmh3>=5,<6", package], capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        print(f"{name}: SKIPPED, it cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return python


def _contest(name: str, python: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk/python/src'}"}
    command = [python, "-m", "bench.peers.contest", name, PACKAGES[name]]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        print(f"{name}: SKIPPED: {done.stderr.strip().splitlines()[-1:]}", flush=True)
        return
    for found in json.loads(done.stdout.splitlines()[-1]):
        print(_line(found), flush=True)


def _line(found: dict[str, Any]) -> str:
    rates, times = found["rates"], found["times"]
    text = f"{found['product']:13}{found['version']:>9}"
    text += "".join(f"{rates[name]:12,.0f}" for name in ("w1", "w2", "w3"))
    text += f"{rates['w2'] / found['floor']:10.3f}"
    text += "".join(f"{times[name]:7.1f}" for name in ("w1", "w2", "w3"))
    return (
        text
        + f"{found['w4_ms']:11.3f}{found['load_ms']:9.0f}{found['load_mb']:8.0f}{found['import_ms']:11.0f}"
    )
