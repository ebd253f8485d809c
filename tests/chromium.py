"""Chromium for the browser tests: `python -m tests.chromium` finds one or installs one.

The one on the PATH first, then Debian's package where apt and root are there, then Playwright's own download.
Where none can be had the tests are skipped, loudly; continuous integration takes that for a failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MISSING = "no Chromium on this machine"
INSTALL_WITHIN_S = 600
SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@cache
def find() -> str | None:
    """The path of a browser that starts, None when there is none."""
    return next((path for path in _candidates() if path and _succeeds([path, "--version"])), None)


def _candidates() -> Iterator[str | None]:
    yield os.environ.get("HEADWAY_CHROMIUM")
    yield from (shutil.which(name) for name in NAMES)
    yield _from_playwright()


def launch_options() -> dict[str, Any]:
    """What `playwright.chromium.launch` needs here; root has no sandbox to give."""
    switches = [*SWITCHES, "--no-sandbox"] if os.geteuid() == 0 else list(SWITCHES)
    return {"executable_path": find(), "args": switches}


def install() -> None:
    """Try the two ways to get one; what they print stays visible."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt = ["apt-get", "-q", "-y", "--no-install-recommends"]
        _succeeds([*apt, "update"])
        _succeeds([*apt, "install", "chromium"])
    find.cache_clear()
    if find() is None:
        _succeeds([sys.executable, "-m", "playwright", "install", "chromium"])
    find.cache_clear()


def _from_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


def _succeeds(argv: Sequence[str]) -> bool:
    shown = None if "install" in argv else subprocess.DEVNULL
    variables = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=shown,
            stderr=shown,
            timeout=INSTALL_WITHIN_S,
            env=variables,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        sys.stderr.write(f"{argv[0]}: {problem}\n")
        return False
    return done.returncode == 0


def main() -> None:
    if find() is None:
        sys.stderr.write(f"{MISSING}: installing one for the browser tests\n")
        install()
    if find() is None:
        sys.stderr.write(f"{MISSING} and none could be installed: the browser tests will be skipped\n")


if __name__ == "__main__":
    main()
