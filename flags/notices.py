"""What is told when a configuration changes: to the edge through Redis, to SDKs as a server-sent event.

A notice names the document that is current now. When nothing but flags changed it also carries those, and the
document they change, so that an SDK that holds it need not fetch the whole. Pure.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_CHANGES = 64_000
"""Characters of changed flags that travel with a notice; more are fetched."""
KIND = "refetchEvaluation"
"""What OFREP's clients look for; SDKs of ours read the rest as well."""


@dataclass(frozen=True, slots=True)
class Notice:
    """`before` and `flags` are empty unless the step from one document to the next is told in full."""

    environment_id: int
    version: int
    etag: str
    before: str = ""
    flags: Mapping[str, Any] | None = None

    @property
    def is_whole(self) -> bool:
        return self.flags is not None

    def to_bytes(self) -> bytes:
        return _json([self.environment_id, self.version, self.etag, self.before, self.flags])


def channel(database: str, site_secret: str) -> str:
    """Redis' channel for notices: two sites that share a Redis do not hear each other."""
    name = hmac.new(site_secret.encode(), database.encode(), hashlib.sha256).hexdigest()[:16]
    return f"headway:config:{name}"


def read(content: bytes) -> Notice:
    """Raises ValueError for what is no notice."""
    told = json.loads(content)
    if not isinstance(told, list) or len(told) != 5:
        raise ValueError("a notice has five parts")
    environment_id, version, etag, before, flags = told
    if not (isinstance(environment_id, int) and isinstance(version, int) and isinstance(etag, str)):
        raise ValueError("a notice begins with an environment, a version and an ETag")
    return Notice(environment_id, version, etag, str(before), flags if isinstance(flags, dict) else None)


def between(
    before: str, document: Mapping[str, Any], flags: tuple[str, ...], *, environment_id: int, etag: str
) -> Notice:
    """The step from the document with ETag `before`: these flags as they are now, None for one that left."""
    changed = {key: document["flags"].get(key) for key in flags}
    if len(_json(changed)) > MAX_CHANGES:
        return Notice(environment_id, document["version"], etag)
    return Notice(environment_id, document["version"], etag, before, changed)


def event(notice: Notice, *, with_flags: bool) -> bytes:
    """A server-sent event. Its id is the ETag, which a client that comes back sends as Last-Event-ID."""
    told: dict[str, Any] = {"type": KIND, "etag": notice.etag, "version": notice.version}
    if with_flags and notice.is_whole:
        told |= {"before": notice.before, "flags": notice.flags}
    return b"id: %s\ndata: %s\n\n" % (notice.etag.strip('"').encode(), _json(told))


def _json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
