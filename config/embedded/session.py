"""One run of the whole platform: servers, migrations, programs, perhaps a command, and the way back down."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from signal import SIGINT

from config.embedded import CannotStart, processes, programs
from config.embedded.backing import Backing, backing, publish, published, withdraw
from config.embedded.child import Surroundings, describe
from config.embedded.home import CHECKOUT
from config.embedded.ports import Ports
from config.embedded.supervisor import StopRequest, Supervisor
from config.embedded.voice import Voice

HEALTHY_WITHIN_S = 120
SWEEP_PATIENCE_S = 20
INTERRUPTED = 128 + SIGINT
PUBLISHED = ("DATABASE_URL", "REDIS_URL", "HEADWAY_", "PYTHONPATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to do with the running platform: serve, or run `command` and then stop unless `keep`.

    `quiet` leaves what the programs say to their log files, so that the command has the terminal to itself.
    """

    command: tuple[str, ...] = ()
    keep: bool = True
    throwaway: bool = False
    quiet: bool = False


def run(wish: Wish) -> int:
    """Run the platform until asked to stop. Returns an exit status. Raises CannotStart."""
    stop = StopRequest()
    stop.listen()
    voice = Voice(sys.stdout, quiet=wish.quiet)
    with backing(throwaway=wish.throwaway, say=voice.say) as found:
        session = _Session(found, stop, voice)
        try:
            return session.carry_out(wish)
        finally:
            session.take_down()


class _Session:
    """The platform over one set of servers."""

    def __init__(self, found: Backing, stop: StopRequest, voice: Voice) -> None:
        self._home = found.home
        self._stop = stop
        self._voice = voice
        self._web_port, self._edge_port = programs.choose_ports(Ports(self._home.run / "ports.json"))
        self._env = programs.environment(found, web_port=self._web_port, edge_port=self._edge_port)
        around = Surroundings(
            cwd=CHECKOUT,
            env=self._env,
            records=self._home.run / "programs",
            log=self._home.log,
            voice=voice,
        )
        self._supervisor = Supervisor(around, stop, keep_alive=found.revive)

    def carry_out(self, wish: Wish) -> int:
        self._bring_up()
        status = 0
        if wish.command and not self._stop.is_made:
            status = self._accompany(wish.command)
        if wish.keep and status == 0:
            if wish.command:
                self._voice.say("serving until Ctrl-C")
            self._supervisor.run_until_stopped()
        return status

    def take_down(self) -> None:
        self._voice.say("stopping")
        withdraw(self._home)
        self._supervisor.stop()

    def _bring_up(self) -> None:
        for name in processes.sweep(self._home.run / "programs", patience_s=SWEEP_PATIENCE_S):
            self._voice.say(f"stopped the {name} that an earlier start had left running")
        self._voice.say("bringing the database to the current schema")
        status = self._supervisor.run_once(programs.migrate())
        if status and not self._stop.is_made:
            raise CannotStart(f"The migration {describe(status)}; what it said is in {self._home.logs}.")
        if not self._stop.is_made:
            self._start_programs()

    def _start_programs(self) -> None:
        self._supervisor.start(programs.servers(self._web_port, self._edge_port))
        missing = self._supervisor.wait_until_healthy(within_s=HEALTHY_WITHIN_S)
        if self._stop.is_made:
            return
        if missing:
            raise CannotStart(
                f"No answer from {' and '.join(missing)} within {HEALTHY_WITHIN_S} s. "
                f"What they said is in {self._home.logs}."
            )
        self._supervisor.start(programs.background(self._home))
        publish(self._home, {name: value for name, value in self._env.items() if name.startswith(PUBLISHED)})
        self._announce()

    def _announce(self) -> None:
        self._voice.say(
            f"ready: console {self._env['HEADWAY_WEB_URL']}, SDKs {self._env['HEADWAY_EDGE_URL']}"
        )
        self._voice.say(f"data in {self._home.data}, logs in {self._home.logs}; Ctrl-C stops everything")

    def _accompany(self, command: Sequence[str]) -> int:
        try:
            status = self._supervisor.accompany(command)
        except OSError as problem:
            raise CannotStart(f"Cannot run {command[0]!r}: {problem.strerror}.") from None
        if status is None:
            return INTERRUPTED
        return status if status >= 0 else 128 - status


def manage(arguments: Sequence[str], *, throwaway: bool) -> int:
    """Run a management command against the running set-up, or against its servers alone when none runs."""
    argv = programs.manage(*arguments)
    if not throwaway and (variables := published()) is not None:
        return _in_foreground(argv, {**os.environ, **variables})
    with backing(throwaway=throwaway, say=Voice(sys.stderr).say) as found:
        ports = {"web_port": programs.WEB_PORT, "edge_port": programs.EDGE_PORT}
        return _in_foreground(argv, programs.environment(found, **ports))


def _in_foreground(argv: Sequence[str], env: dict[str, str]) -> int:
    """Run on this terminal, in our own process group: password prompts and Ctrl-C work as ever."""
    stop = StopRequest()
    stop.listen()
    process = subprocess.Popen(argv, env=env)
    while True:
        with suppress(subprocess.TimeoutExpired):
            status = process.wait(0.2)
            return status if status >= 0 else 128 - status
        # Ctrl-C reached the command by itself; it decides what that means.
        number = stop.take()
        if number is not None and number != SIGINT:
            process.send_signal(number)
