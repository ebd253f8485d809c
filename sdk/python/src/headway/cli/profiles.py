"""Log-ins that are kept: one file in the user's configuration folder, readable by its owner only."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from headway.cli.failures import Failed, suggestion, wrong

DEFAULT = "default"


class Login(NamedTuple):
    """A server, a key, and the environment that the key belongs to (empty when it was not asked yet)."""

    url: str
    key: str
    environment: str


def checked_url(text: str) -> str:
    """The address without a slash at its end. Raises Failed."""
    try:
        parts = urlsplit(text.strip())
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        is_good = False
    if not is_good:
        raise Failed(
            wrong("url", text, "this is no address of a server", "For example https://headway.example.com.")
        )
    return text.strip().rstrip("/")


def folder(variables: Mapping[str, str]) -> Path:
    """Where the log-ins are kept."""
    if os.name == "nt":
        return Path(variables.get("APPDATA") or Path.home()) / "headway"
    return (
        Path(variables.get("XDG_CONFIG_HOME") or Path(variables.get("HOME") or Path.home()) / ".config")
        / "headway"
    )


def read(
    variables: Mapping[str, str], name: str | None, note: Callable[[str], None] = lambda text: None
) -> Login | None:
    """The log-in of a profile, None when there is none at all. Raises Failed for a name that is not there."""
    kept = _content(variables, note)
    chosen = name or variables.get("HEADWAY_PROFILE") or kept["current"]
    found = kept["profiles"].get(chosen)
    if found is not None:
        return Login(*(str(found.get(field, "")) for field in Login._fields))
    if name or variables.get("HEADWAY_PROFILE"):
        raise Failed(
            wrong("profile", chosen, "there is no such log-in", suggestion(chosen, list(kept["profiles"])))
        )
    return None


def names(variables: Mapping[str, str]) -> tuple[str, list[str]]:
    """The profile in use and all there are."""
    kept = _content(variables)
    return str(kept["current"]), sorted(kept["profiles"])


def keep(variables: Mapping[str, str], name: str, login: Login) -> Path:
    """Keep a log-in and use it from now on."""
    kept = _content(variables)
    kept["profiles"][name] = login._asdict()
    kept["current"] = name
    return _write(variables, kept)


def forget(variables: Mapping[str, str], name: str) -> bool:
    """Drop a log-in; whether there was one."""
    kept = _content(variables)
    found = kept["profiles"].pop(name, None) is not None
    if found:
        kept["current"] = next(iter(kept["profiles"]), DEFAULT)
        _write(variables, kept)
    return found


def current(variables: Mapping[str, str]) -> str:
    return names(variables)[0]


def _path(variables: Mapping[str, str]) -> Path:
    return folder(variables) / "credentials.json"


def _content(variables: Mapping[str, str], note: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    path = _path(variables)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {"current": DEFAULT, "profiles": {}}
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{path} cannot be read: {error}. Log in again with `headway login`.") from None
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        note(f"warning: others can read {path}; run: chmod 600 {path}")
    try:
        kept = json.loads(text)
        if isinstance(kept["current"], str) and all(
            isinstance(each, dict) for each in kept["profiles"].values()
        ):
            return dict(kept)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise Failed(f"{path} is damaged. Delete it and log in again with `headway login`.")


def _write(variables: Mapping[str, str], kept: Mapping[str, Any]) -> Path:
    """Replace the file in one step; at no time can anybody else read it."""
    path = _path(variables)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=".credentials-")  # mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file, indent=2)
        os.replace(fresh, path)
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error}.") from None
    return path
