"""The folder of an embedded set-up: where data, logs, process records and the lock lie.

.headway/            `root`: events/, logs/, run/; HEADWAY_HOME moves it
  run/               lock, ports.json, environment.json, records of running processes
pgdata/ valkey/ secrets.json binaries-*/
                     in `data`: the same folder, or one outside it when the servers' account cannot enter
"""

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded import CannotStart
from config.embedded.account import Account, can_enter, server_account

CHECKOUT = Path(__file__).resolve().parents[2]
KEPT_OUTSIDE = ("/var/lib", "/var/tmp", "/tmp")  # noqa: S108  ownership is verified before use


@dataclass(frozen=True, slots=True)
class Home:
    """An opened folder. `account` is whom the servers run as, None for the current user."""

    root: Path
    data: Path
    account: Account | None

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def is_outside(self) -> bool:
        return self.data != self.root

    def log(self, name: str) -> Path:
        """A fresh log file; the one of the last start is kept beside it as `.1`."""
        file = self.logs / f"{name}.log"
        if file.exists():
            file.replace(file.with_suffix(".log.1"))
        return file

    def server_folder(self, name: str) -> Path:
        """A folder that belongs to the servers' account and is closed to everybody else."""
        folder = self.data / name
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        if self.account:
            os.chown(folder, self.account.uid, self.account.gid)
        return folder

    def erase(self) -> None:
        """Delete everything, the data included."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)


def default_root() -> Path:
    """`.headway` in the checkout, or where HEADWAY_HOME says."""
    return Path(os.environ.get("HEADWAY_HOME") or CHECKOUT / ".headway").resolve()


def open_home(root: Path, *, throwaway: bool = False) -> Home:
    """Create the folders that are missing. Raises CannotStart when they cannot be written."""
    account = server_account()
    # Passing through is all the servers' account needs; what is secret inside is closed file by file.
    mode = 0o711 if account else 0o700
    try:
        for folder in (
            root,
            root / "run",
            root / "run" / "servers",
            root / "run" / "programs",
            root / "logs",
        ):
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
        root.chmod(mode)
    except OSError as problem:
        raise CannotStart(
            f"Cannot write to {root} ({problem.strerror}). Make the folder writable, "
            "or set HEADWAY_HOME to another one."
        ) from None
    reachable = account is None or can_enter(account, root)
    return Home(root, root if reachable else _outside(root, account, throwaway), account)


def _outside(root: Path, account: Account | None, throwaway: bool) -> Path:
    name = f"headway-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}"
    for parent in map(Path, reversed(KEPT_OUTSIDE) if throwaway else KEPT_OUTSIDE):
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent)) if throwaway else parent / name
            folder.mkdir(mode=0o711, exist_ok=True)
            if _is_ours(folder):
                folder.chmod(0o711)
                if can_enter(account, folder):
                    return folder
        except OSError:
            continue
    raise CannotStart(
        f"PostgreSQL cannot run as root, and the account it runs as instead cannot reach {root} "
        f"nor a folder of ours in {', '.join(KEPT_OUTSIDE)}. Open the way to the checkout "
        "(chmod o+x on the folders above it), or start Headway as an ordinary user."
    )


def _is_ours(folder: Path) -> bool:
    """A real folder of this user: in a shared place somebody else may have put a trap under the name."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


@contextmanager
def locked(file: Path, *, what: str) -> Iterator[None]:
    """Hold the lock file for the block; the system releases it even when this process is killed.

    Raises CannotStart naming the process that holds it.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, file, what)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, file: Path, what: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace")
        raise CannotStart(
            f"{what} already runs from {file.parents[1]} (process {holder or 'unknown'}). "
            f"Use the one that runs, stop it with Ctrl-C or `kill {holder}`, "
            "or set HEADWAY_HOME to another folder for a second one."
        ) from None


def is_locked(file: Path) -> bool:
    """Whether another process, or another part of this one, holds the lock."""
    if not file.exists():
        return False
    descriptor = os.open(file, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
