"""Where the running platform is: read from the environment that the process manager gives its programs."""

import os
from dataclasses import dataclass
from pathlib import Path

from config import environment
from config.embedded.home import default_root


class NoPlatform(Exception):
    """The demonstration was started outside a running platform."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Addresses of the console and the edge, and the folder where secrets may be kept."""

    web_url: str
    edge_url: str
    home: Path


def read() -> Surroundings:
    """Raises NoPlatform, naming the fix."""
    if "HEADWAY_EDGE_URL" not in os.environ or "DATABASE_URL" not in os.environ:
        raise NoPlatform("The demonstration runs beside a running platform: start it with `make demo`.")
    found = environment.read()
    return Surroundings(found.web_url, found.edge_url, default_root())
