"""Starting, recognising and ending processes. Knows nothing of what they run.

Every process gets its own session, so a Ctrl-C in the terminal reaches the manager alone and the manager can
end a whole process group. On Linux the kernel ends a process when the thread that started it is gone, even by
kill -9: start processes from the main thread. Elsewhere the records in `run/` let the next start sweep up.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from config.embedded.account import Account

IS_LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, as whom, and the signal that asks it to leave."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    account: Account | None = None
    parting: signal.Signals = signal.SIGTERM


def launch(
    command: Command, *, stdin: int | IO[bytes] | None, stdout: int | IO[bytes] | None
) -> subprocess.Popen[bytes]:
    """Start the command in its own session; standard error goes where standard output goes.

    None for `stdout` leaves both where this process has them. Raises OSError when it cannot be executed.
    """
    account = command.account
    return subprocess.Popen(
        command.argv,
        env=dict(command.env),
        cwd=command.cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=None if stdout is None else subprocess.STDOUT,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=_leave_with_parent(command.parting),
    )


def _leave_with_parent(parting: signal.Signals) -> Callable[[], None] | None:
    """A child-side hook; it runs after the account was dropped, because dropping clears the arrangement."""
    if not IS_LINUX:
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(parting), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the arrangement stood
            os._exit(1)

    return arrange


def birth(pid: int) -> str | None:
    """A token no later process with this id shares; None when no such process lives (zombies do not live)."""
    return _birth_from_proc(pid) if IS_LINUX else _birth_from_ps(pid)


def _birth_from_proc(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # proc(5): the name in brackets may hold spaces; state is field 3, start time field 22.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else f"{_boot()}/{fields[19]}"


def _birth_from_ps(pid: int) -> str | None:
    argv = ["ps", "-o", "lstart=", "-p", str(pid)]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return done.stdout.strip() or None


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def end(process: subprocess.Popen[bytes], parting: signal.Signals, *, patience_s: float) -> int:
    """Ask the process to leave, wait, then kill what remains of its group. Returns its exit status."""
    with suppress(ProcessLookupError):
        process.send_signal(parting)
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience_s)
    kill_group(process.pid)
    return process.wait()


def kill_group(leader: int) -> None:
    """Kill whatever still belongs to the group; no group left is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def write_record(file: Path, pid: int, parting: signal.Signals) -> None:
    """Remember a started process for the sweep of a later start."""
    record = {"pid": pid, "birth": birth(pid), "parting": int(parting)}
    file.write_text(json.dumps(record), encoding="utf-8")


def sweep(folder: Path, *, patience_s: float) -> list[str]:
    """End what an earlier, killed manager left running; returns the names of what was still there.

    Call it only while holding the lock of the set-up. A recorded id that now belongs to another process is
    left alone.
    """
    return [file.stem for file in sorted(folder.glob("*.pid")) if _end_recorded(file, patience_s)]


def _end_recorded(file: Path, patience_s: float) -> bool:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        pid, born, parting = int(record["pid"]), record["birth"], int(record["parting"])
    except (ValueError, KeyError, TypeError):  # cut short by a kill: nothing to go by
        file.unlink()
        return False
    now = birth(pid)
    was_alive = now is not None and now == born
    if was_alive:
        _ask_to_leave(pid, parting, patience_s)
    if was_alive or now is None:
        kill_group(pid)
    file.unlink()
    return was_alive


def _ask_to_leave(pid: int, parting: int, patience_s: float) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, parting)
    deadline = time.monotonic() + patience_s
    while birth(pid) is not None and time.monotonic() < deadline:
        time.sleep(POLL_S)
