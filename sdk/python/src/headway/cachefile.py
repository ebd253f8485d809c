"""The last known good document on disk: written whole or not at all, believed only with its checksum."""

from __future__ import annotations

import json
import os
import time
from typing import NamedTuple

FORMAT = 1


class Kept(NamedTuple):
    """A document from disk, when it was fetched (seconds since 1970) and its ETag."""

    body: bytes
    etag: str
    fetched_at: float


class CacheRefused(ValueError):
    """The file is not one that this client may use; the message says why."""


class CacheFile:
    """One file for one server; `origin` keeps apart what another server delivered."""

    def __init__(self, path: str, origin: str) -> None:
        self._path = os.fspath(path)
        self._origin = _sha256(origin.encode("utf-8", "replace"))

    def read(self) -> Kept | None:
        """What is kept, or None when there is no file. Raises CacheRefused and OSError."""
        try:
            with open(self._path, "rb") as file:
                head, _, body = file.read().partition(b"\n")
        except FileNotFoundError:
            return None
        try:
            header = json.loads(head)
            kept = Kept(body, str(header["etag"]), float(header["fetched_at"]))
            known = header["format"], header["origin"], header["sha256"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CacheRefused(f"it has no readable header ({type(error).__name__})") from error
        if known[0] != FORMAT:
            raise CacheRefused(f"it has format {known[0]!r}, this SDK writes {FORMAT}")
        if known[1] != self._origin:
            raise CacheRefused("it belongs to another server")
        if known[2] != _sha256(body):
            raise CacheRefused("its checksum does not hold")
        return kept

    def write(self, body: bytes, etag: str) -> None:
        """Put a document in place of the old one by an atomic rename. Raises OSError."""
        header = {
            "format": FORMAT,
            "origin": self._origin,
            "sha256": _sha256(body),
            "etag": etag,
            "fetched_at": time.time(),
        }
        self._replace(json.dumps(header).encode() + b"\n" + body)

    def _replace(self, content: bytes) -> None:
        path = f"{self._path}.{os.getpid()}.{time.monotonic_ns()}"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(path, self._path)
        except OSError:
            if os.path.exists(path):
                os.unlink(path)
            raise


def _sha256(content: bytes) -> str:
    import hashlib  # loads OpenSSL, which clients without a file do not need

    return hashlib.sha256(content).hexdigest()
