"""The process manager: keeps programs running, prints what they say, stops all of them.

One thread and one loop, because the kernel ends a child with the thread that started it. It knows nothing of
Headway's programs: `session` says what to run.
"""

import http.client
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from config.embedded import processes
from config.embedded.child import Child, Program, Surroundings, describe
from config.embedded.ports import LOOPBACK

BEAT_S = 0.2
HEALTH_TIMEOUT_S = 2
GRACE_S = 20.0
COMMAND_GRACE_S = 5.0


class StopRequest:
    """Whether somebody asked us to stop (Ctrl-C, SIGTERM, a closed terminal), and whether twice."""

    def __init__(self) -> None:
        self._count = 0
        self._last: int | None = None

    def listen(self) -> None:
        """Take over the stop signals of this process."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self._last = number

    @property
    def is_made(self) -> bool:
        return self._count > 0

    @property
    def is_urgent(self) -> bool:
        return self._count > 1

    def take(self) -> int | None:
        """The last signal that was not taken yet."""
        number, self._last = self._last, None
        return number


class Supervisor:
    """Runs programs until asked to stop. `keep_alive` is called often and names what it had to revive."""

    def __init__(
        self,
        around: Surroundings,
        stop: StopRequest,
        *,
        keep_alive: Callable[[], Sequence[str]] = list,
        grace_s: float = GRACE_S,
    ) -> None:
        self._around = around
        self._stop = stop
        self._keep_alive = keep_alive
        self._grace_s = grace_s
        self._children: list[Child] = []

    def start(self, programs: Sequence[Program]) -> None:
        for program in programs:
            child = Child(program, self._around)
            self._children.append(child)
            child.start()

    def run_once(self, program: Program) -> int:
        """Run a program to its end, its output prefixed; asked to stop, it is ended. Returns its status."""
        child = Child(program, self._around)
        self._children.append(child)
        child.start()
        while child.status() is None and not self._stop.is_made:
            self._listen(BEAT_S)
        child.ask_to_leave()
        while child.status() is None and not self._stop.is_urgent:
            self._listen(BEAT_S)
        self._children.remove(child)
        status = child.status()
        child.finish()
        return 1 if status is None else status

    def accompany(self, argv: Sequence[str]) -> int | None:
        """Run a command on this terminal beside the programs. Its status, or None when asked to stop."""
        around = self._around
        command = processes.Command(argv=tuple(argv), env=around.env, cwd=Path.cwd())
        process = processes.launch(command, stdin=None, stdout=None)
        while process.poll() is None and not self._stop.is_made:
            self.tick()
        status = process.poll()
        processes.end(process, command.parting, patience_s=COMMAND_GRACE_S)
        return status

    def tick(self) -> None:
        """One turn of the loop: pass on output, restart what ended, revive the servers."""
        self._listen(BEAT_S)
        for child in self._children:
            self._look_after(child)
        for name in self._keep_alive():
            self._around.voice.say(f"{name} had died and runs again")

    def run_until_stopped(self) -> None:
        while not self._stop.is_made:
            self.tick()

    def wait_until_healthy(self, *, within_s: float) -> list[str]:
        """Wait for every program with a health port; returns the names that did not answer in time.

        Comes back early, with the names still missing, when asked to stop.
        """
        waiting = [child.program for child in self._children if child.program.health_port]
        deadline = time.monotonic() + within_s
        while waiting and time.monotonic() < deadline and not self._stop.is_made:
            self.tick()
            waiting = [program for program in waiting if not is_healthy(program.health_port or 0)]
        return [program.name for program in waiting]

    def stop(self) -> None:
        """Ask all programs to leave, wait, kill what stays; a second stop request cuts the wait short."""
        for child in self._children:
            child.ask_to_leave()
        deadline = time.monotonic() + self._grace_s
        while self._running() and time.monotonic() < deadline and not self._stop.is_urgent:
            self._listen(BEAT_S)
        for child in self._running():
            self._around.voice.say(f"{child.program.name} did not stop by itself and is killed")
            child.kill()
        for child in self._children:
            child.finish()
        self._children.clear()

    def _running(self) -> list[Child]:
        return [child for child in self._children if child.pid is not None and child.status() is None]

    def _look_after(self, child: Child) -> None:
        status = child.status()
        if status is not None:
            pause = child.note_crash()
            name = child.program.name
            self._around.voice.say(f"{name} {describe(status)}; starting it again in {pause:.0f} s")
        elif child.is_due:
            child.start()

    def _listen(self, seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            for child in self._children:
                if child.output is not None and child.status() is None:
                    selector.register(child.output, selectors.EVENT_READ, child)
            for key, _ in selector.select(seconds):
                key.data.read()


def is_healthy(port: int) -> bool:
    """Whether GET /health on the loopback port is answered without an error."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=HEALTH_TIMEOUT_S)
    try:
        # As a proxy in front would say it; else a site that insists on TLS redirects.
        connection.request("GET", "/health", headers={"X-Forwarded-Proto": "https"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        with suppress(OSError):
            connection.close()
