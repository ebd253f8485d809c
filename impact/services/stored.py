"""Where the event store lies, for what reads its files. Worker processes only."""

from typing import Any

from events import queries as events


def filesystem() -> Any:
    """The file system of the store as pyarrow takes it; None for a local one."""
    from pyarrow import fs

    root = events.store_root()
    return None if root.startswith("/") else fs.FileSystem.from_uri(root)[0]
