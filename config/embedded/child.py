"""One supervised program: its process, its output, its restarts."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from config.embedded import processes
from config.embedded.voice import Voice

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
SETTLED_AFTER_S = 60.0
CHUNK = 65_536
LONGEST_LINE = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Something to keep running. `health_port` answers GET /health when it takes requests."""

    name: str
    argv: tuple[str, ...]
    health_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all programs of one manager share. `log` gives the file for a program's output."""

    cwd: Path
    env: Mapping[str, str]
    records: Path
    log: Callable[[str], Path]
    voice: Voice


class Child:
    """A program between `start` and `finish`, perhaps through several processes."""

    def __init__(self, program: Program, around: Surroundings) -> None:
        self.program = program
        self._around = around
        self._process: subprocess.Popen[bytes] | None = None
        self._log: BinaryIO = around.log(program.name).open("wb")
        self._rest = b""
        self._failures = 0
        self._started_at = 0.0
        self._restart_at = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def output(self) -> int | None:
        """The descriptor to read the output from, while there is a process."""
        pipe = self._process.stdout if self._process else None
        return pipe.fileno() if pipe else None

    @property
    def is_due(self) -> bool:
        return self._process is None and time.monotonic() >= self._restart_at

    def start(self) -> None:
        around = self._around
        command = processes.Command(argv=self.program.argv, env=around.env, cwd=around.cwd)
        self._process = processes.launch(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        processes.write_record(self._record, self._process.pid, command.parting)
        self._started_at = time.monotonic()
        if (output := self.output) is not None:
            os.set_blocking(output, False)

    def read(self) -> None:
        """Pass on the lines that are there; a line without an end waits for it."""
        output = self.output
        while output is not None:
            try:
                chunk = os.read(output, CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                self._close_output()
                return
            self._pass_on(chunk)

    def _pass_on(self, chunk: bytes) -> None:
        self._log.write(chunk)
        self._log.flush()
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            self._around.voice.relay(self.program.name, line.decode("utf-8", "replace"))

    def status(self) -> int | None:
        """The exit status once the process ended (negative: the signal that killed it), else None."""
        return self._process.poll() if self._process else None

    def note_crash(self) -> float:
        """Clear up after an end nobody asked for; returns the pause in seconds before the next start."""
        if time.monotonic() - self._started_at > SETTLED_AFTER_S:
            self._failures = 0
        self._let_go()
        pause = min(FIRST_PAUSE_S * 2.0 ** min(self._failures, 10), LONGEST_PAUSE_S)
        self._failures += 1
        self._restart_at = time.monotonic() + pause
        return pause

    def ask_to_leave(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        if self._process:
            processes.kill_group(self._process.pid)

    def finish(self) -> None:
        """After the process ended: end what it left behind, pass on its last words, close the log."""
        self._let_go()
        self._log.close()

    def _let_go(self) -> None:
        if self._process is None:
            return
        processes.kill_group(self._process.pid)
        self._process.wait()
        self.read()
        if self._rest:
            self._pass_on(b"\n")
        self._close_output()
        self._process = None
        self._record.unlink(missing_ok=True)

    def _close_output(self) -> None:
        if self._process and self._process.stdout:
            self._process.stdout.close()
            self._process.stdout = None

    @property
    def _record(self) -> Path:
        return self._around.records / f"{self.program.name}.pid"


def describe(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
