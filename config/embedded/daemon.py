"""One embedded server: started on a free port, waited for, revived, stopped."""

import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.embedded import CannotStart, processes
from config.embedded.home import Home
from config.embedded.ports import Ports, is_free

ATTEMPTS = 4
BETWEEN_ATTEMPTS_S = 0.5
LOG_LINES_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to run one kind of server. `command` and `answers` take the port."""

    name: str
    command: Callable[[int], processes.Command]
    answers: Callable[[int], bool]
    configuration: Callable[[int], bytes]
    clear_leftovers: Callable[[], None]
    ready_within_s: float
    stops_within_s: float


class Daemon:
    """A server process and the port it listens on."""

    def __init__(self, recipe: Recipe, home: Home, ports: Ports) -> None:
        self.recipe = recipe
        self.port = 0
        self._home = home
        self._ports = ports
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None

    def start(self) -> None:
        """Start and wait until it answers. Raises CannotStart with the end of the server's log.

        More than one attempt, because another program may take the port in between and because the children
        of a killed PostgreSQL need a moment to let go of its memory.
        """
        self.port = self._ports.choose(self.recipe.name)
        for attempt in range(ATTEMPTS):
            if self._attempt():
                return
            if not is_free(self.port):
                self.port = self._ports.choose(self.recipe.name)
            time.sleep(BETWEEN_ATTEMPTS_S * attempt)
        raise CannotStart(f"{self.recipe.name} did not start. The end of {self._log}:\n{self._end_of_log()}")

    def revive(self) -> bool:
        """Start it again on its port when it died. True when that was needed and worked."""
        if self._process is None or self._process.poll() is None:
            return False
        processes.kill_group(self._process.pid)
        return self._attempt()

    def stop(self) -> None:
        if self._process is not None:
            parting = self.recipe.command(self.port).parting
            processes.end(self._process, parting, patience_s=self.recipe.stops_within_s)
            self._record.unlink(missing_ok=True)
            self._process = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def _record(self) -> Path:
        return self._home.run / "servers" / f"{self.recipe.name}.pid"

    def _attempt(self) -> bool:
        self.recipe.clear_leftovers()
        command = self.recipe.command(self.port)
        self._log = self._home.log(self.recipe.name)
        with self._log.open("wb") as log, tempfile.TemporaryFile() as configuration:
            configuration.write(self.recipe.configuration(self.port))
            configuration.seek(0)
            self._process = processes.launch(command, stdin=configuration, stdout=log)
        processes.write_record(self._record, self._process.pid, command.parting)
        return self._became_ready(self._process)

    def _became_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + self.recipe.ready_within_s
        while process.poll() is None and time.monotonic() < deadline:
            if self.recipe.answers(self.port):
                return True
            time.sleep(processes.POLL_S)
        processes.end(process, self.recipe.command(self.port).parting, patience_s=self.recipe.stops_within_s)
        return False

    def _end_of_log(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log else []
        return "\n".join(f"    {line}" for line in lines[-LOG_LINES_SHOWN:])
