"""Which operating-system account the servers run under, and what that account can reach."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.embedded import CannotStart

UNPRIVILEGED = "nobody"
MINIMAL_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """An account to drop to."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Whom the servers run as: None for the current user, `nobody` for root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise CannotStart(
            f"PostgreSQL refuses to run as root and this machine has no account {UNPRIVILEGED!r}. "
            "Start Headway as an ordinary user, or set DATABASE_URL and REDIS_URL to servers of your own."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def can_enter(account: Account | None, folder: Path) -> bool:
    """Whether the account may pass through the folder. Tried, because mode bits say nothing of ACLs."""
    return _succeeds(account, ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)])


def can_run(account: Account | None, program: Path) -> bool:
    """Whether the account may execute the program where it lies."""
    return _succeeds(account, [str(program), "--version"])


def _succeeds(account: Account | None, argv: list[str]) -> bool:
    try:
        done = subprocess.run(
            argv,
            cwd="/",
            env={"PATH": MINIMAL_PATH},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError:
        return False
    return done.returncode == 0
