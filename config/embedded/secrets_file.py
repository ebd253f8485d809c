"""Passwords of the embedded servers and Django's secret key: made once, readable by their owner only."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from config.embedded import CannotStart


@dataclass(frozen=True, slots=True)
class Secrets:
    """URL-safe by construction, so that they may stand in an address."""

    postgres: str
    valkey: str
    secret_key: str


def load(data: Path) -> Secrets:
    """Read the secrets, or make them when there is no data yet that older ones protect."""
    file = data / "secrets.json"
    if not file.exists():
        return _make(file)
    try:
        return Secrets(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise CannotStart(
            f"{file} is damaged. Restore it from a backup, "
            "or delete all embedded data with `make clean-data`."
        ) from None


def _make(file: Path) -> Secrets:
    if (file.parent / "pgdata").exists():
        raise CannotStart(
            f"{file} is gone, and the database beside it opens with the password in it only. "
            "Restore it from a backup, or delete all embedded data with `make clean-data`."
        )
    made = Secrets(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(64))
    half = file.with_suffix(".half")
    half.unlink(missing_ok=True)
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        json.dump(asdict(made), opened)
    half.rename(file)
    return made
