"""Does the store hold what the manifest says, and what else lies there?"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from events.compaction.storage import Storage
from events.models import StoreFile

FRESH = timedelta(hours=1)
"""A file this young may belong to a round whose transaction is still open."""
TOGETHER = 1_000


@dataclass(slots=True)
class Checked:
    """`orphans` are files that no row of the manifest names: what killed rounds leave behind."""

    files: int = 0
    rows: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not (self.missing or self.damaged)


def check(storage: Storage, *, now: datetime, reads_content: bool = True) -> Checked:
    """Every file that readers are told of is there and is what was written; nothing is changed."""
    checked = Checked(orphans=orphans(storage, now=now))
    for file in (
        StoreFile.objects.filter(retired_at__isnull=True).order_by("id").iterator(chunk_size=TOGETHER)
    ):
        checked.files += 1
        checked.rows += file.rows
        fault = _fault(storage, file, reads_content=reads_content)
        if fault is not None:
            getattr(checked, fault).append(file.path)
    return checked


def orphans(storage: Storage, *, now: datetime) -> list[str]:
    """Files older than an hour that no row names, retired ones' rows included."""
    old = sorted(path for path, changed_at in storage.files() if changed_at < now - FRESH)
    found: list[str] = []
    for start in range(0, len(old), TOGETHER):
        some = old[start : start + TOGETHER]
        named = set(StoreFile.objects.filter(path__in=some).values_list("path", flat=True))
        found += [path for path in some if path not in named]
    return found


def _fault(storage: Storage, file: StoreFile, *, reads_content: bool) -> str | None:
    try:
        with storage.filesystem.open_input_file(file.path) as opened:
            size = opened.size()
            digest = hashlib.sha256(opened.read()).hexdigest() if reads_content else file.sha256
    except FileNotFoundError:
        return "missing"
    return None if (size, digest) == (file.size, file.sha256) else "damaged"
