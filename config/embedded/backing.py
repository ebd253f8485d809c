"""Which PostgreSQL and Redis a run uses: embedded ones, or those that DATABASE_URL and REDIS_URL name."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded import CannotStart, secrets_file, servers
from config.embedded.home import Home, default_root, is_locked, locked, open_home

ENVIRONMENT = "environment.json"


@dataclass(frozen=True, slots=True)
class Backing:
    """The open folder, the variables that name the servers, and what brings embedded servers back to life."""

    home: Home
    variables: dict[str, str]
    revive: Callable[[], Sequence[str]] = list


@contextmanager
def backing(*, throwaway: bool, say: Callable[[str], None]) -> Iterator[Backing]:
    """Hold the set-up's folder, with servers running, for the block. Raises CannotStart."""
    root = _root(throwaway=throwaway)
    named = [name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)]
    if len(named) == 1:
        missing = "REDIS_URL" if named == ["DATABASE_URL"] else "DATABASE_URL"
        raise CannotStart(
            f"{named[0]} is set and {missing} is not. Set both to use servers of your own, "
            "or neither to use the embedded ones."
        )
    with _own(root) if named else _embedded(root, throwaway, say) as found:
        yield found


def _root(*, throwaway: bool) -> Path:
    if throwaway and not os.environ.get("HEADWAY_HOME"):
        return Path(tempfile.mkdtemp(prefix="headway-")).resolve()
    return default_root()


@contextmanager
def _own(root: Path) -> Iterator[Backing]:
    home = open_home(root)
    with locked(home.run / servers.LOCK, what="Headway"):
        yield Backing(home, {"HEADWAY_SECRET_KEY": _secret_key(home)})


@contextmanager
def _embedded(root: Path, throwaway: bool, say: Callable[[str], None]) -> Iterator[Backing]:
    with servers.start(root, throwaway=throwaway, say=say) as running:
        variables = {
            "DATABASE_URL": running.database_url,
            "REDIS_URL": running.redis_url,
            "HEADWAY_SECRET_KEY": _secret_key(running.home),
            "HEADWAY_EMBEDDED": "1",
        }
        yield Backing(running.home, variables, running.revive)


def _secret_key(home: Home) -> str:
    return os.environ.get("HEADWAY_SECRET_KEY") or secrets_file.load(home.data).secret_key


def publish(home: Home, variables: dict[str, str]) -> None:
    """Let `manage` and `shell-env` find the running set-up. The file holds passwords: its owner's only."""
    file = home.run / ENVIRONMENT
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        json.dump(variables, opened, indent=2)


def withdraw(home: Home) -> None:
    (home.run / ENVIRONMENT).unlink(missing_ok=True)


def published() -> dict[str, str] | None:
    """The variables of the running set-up, None when none runs. Raises CannotStart while one is starting."""
    run = default_root() / "run"
    if not is_locked(run / servers.LOCK):
        return None
    try:
        variables: dict[str, str] = json.loads((run / ENVIRONMENT).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        raise CannotStart(
            "Headway is just starting or stopping. Try again once it says that it is ready."
        ) from None
    return variables
