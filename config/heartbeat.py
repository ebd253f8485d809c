"""Signs of life of processes that answer no HTTP: a file whose age `python -m config.probe` looks at.

HEADWAY_HEARTBEAT names the file; where it is not set nothing is written.
"""

import os
import time
from pathlib import Path

VARIABLE = "HEADWAY_HEARTBEAT"


def show_life() -> None:
    """Renew the file's time; called every few seconds by whoever is alive."""
    name = os.environ.get(VARIABLE)
    if name:
        Path(name).touch()


def silence_s() -> float | None:
    """How long ago the last sign was; None when there was none."""
    try:
        return time.time() - Path(os.environ.get(VARIABLE, "")).stat().st_mtime
    except OSError:
        return None
