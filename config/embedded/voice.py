"""What the process manager prints: one prefixed line per event, coloured by program on a terminal only."""

import os
from contextlib import suppress
from typing import TextIO

OWN_NAME = "headway"
WIDTH = 8
RESET = "\x1b[0m"
COLOURS = {
    OWN_NAME: "\x1b[1m",
    "web": "\x1b[36m",
    "edge": "\x1b[35m",
    "worker": "\x1b[33m",
    "beat": "\x1b[34m",
}
OTHER = "\x1b[32m"


class Voice:
    """Writes lines to a stream; a reader who went away never stops the platform.

    A quiet one leaves what programs say to their log files.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._is_quiet = quiet
        wants_colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._is_coloured = stream.isatty() and wants_colour

    def say(self, line: str) -> None:
        self._print(OWN_NAME, line)

    def relay(self, name: str, text: str) -> None:
        """Print what a program said, each line behind its name."""
        if not self._is_quiet:
            self._print(name, text)

    def _print(self, name: str, text: str) -> None:
        for line in text.splitlines():
            with suppress(OSError, ValueError):
                self._stream.write(f"{self._prefix(name)} {line}\n")
        with suppress(OSError, ValueError):
            self._stream.flush()

    def _prefix(self, name: str) -> str:
        plain = f"{name:<{WIDTH}}|"
        return f"{COLOURS.get(name, OTHER)}{plain}{RESET}" if self._is_coloured else plain
