"""Where the files lie: a local folder, or a bucket of an S3-compatible store.

A file appears whole or not at all, and when `write` returns it survives a loss of power.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pyarrow import fs

from events.queries import store_root

TEMPORARY = ".part"


class Storage(Protocol):
    """Paths are relative to the root of the store."""

    @property
    def filesystem(self) -> fs.FileSystem:
        """For reading, by paths relative to the root."""

    def write(self, path: str, content: bytes) -> None:
        """Make a file. The same path is never written twice."""

    def delete(self, path: str) -> None:
        """A file that is not there is fine."""

    def files(self) -> Iterator[tuple[str, datetime]]:
        """Path and time of every file, unfinished ones included."""


@dataclass(frozen=True, slots=True)
class LocalFolder:
    root: Path

    @property
    def filesystem(self) -> fs.FileSystem:
        return fs.SubTreeFileSystem(str(self.root), fs.LocalFileSystem())

    def write(self, path: str, content: bytes) -> None:
        """A temporary name, both the file and the folder's entry on disk, and only then the name."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}{TEMPORARY}")
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def delete(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)

    def files(self) -> Iterator[tuple[str, datetime]]:
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                try:
                    changed = path.stat().st_mtime
                except FileNotFoundError:
                    continue
                yield str(path.relative_to(self.root)), datetime.fromtimestamp(changed, UTC)


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """An object exists from the moment its upload is complete, so that no temporary name is needed."""

    filesystem: fs.FileSystem

    def write(self, path: str, content: bytes) -> None:
        with self.filesystem.open_output_stream(path) as stream:
            stream.write(content)

    def delete(self, path: str) -> None:
        try:
            self.filesystem.delete_file(path)
        except FileNotFoundError:
            return

    def files(self) -> Iterator[tuple[str, datetime]]:
        selector = fs.FileSelector("", recursive=True, allow_not_found=True)
        for found in self.filesystem.get_file_info(selector):
            if found.type is fs.FileType.File:
                yield found.path.lstrip("/"), found.mtime


def open_store() -> Storage:
    """The store of this site, as the settings name it."""
    root = store_root()
    if root.startswith("/"):
        return LocalFolder(Path(root))
    filesystem, path = fs.FileSystem.from_uri(root)
    return ObjectStore(fs.SubTreeFileSystem(path, filesystem))
