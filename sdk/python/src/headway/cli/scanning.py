"""Finding flags in source text: which lines name one, and which ask for one that nobody has made.

A known flag is any key in quotes. An unknown one is only believed where a call that asks for flags names it,
because most quoted words are no flags. Nothing is executed and no syntax is parsed, so any language will do.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

LARGEST_FILE = 2_000_000
LONGEST_LINE = 2_000
_KEY = r"[a-z0-9][a-z0-9-]{0,62}"
_QUOTED = re.compile(rf"([\"'`])({_KEY})\1")
_CALLS = (
    r"\.(?:bool|variant|evaluate)",
    r"\bget_?(?:boolean|string|number|integer|float|object)_?(?:value|details)(?:_async)?",
    r"\buse(?:Boolean|String|Number|Object)Flag(?:Value|Details)?",
)
SKIPPED = frozenset(
    (".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", "dist", "build", "target")
)
GIT_WITHIN_S = 60


class Line(NamedTuple):
    """One line that names a flag; `snippet_hash` is SHA-256 of it without outer spaces."""

    flag: str
    path: str
    line: int
    snippet_hash: str


class Scan(NamedTuple):
    """What a checkout says."""

    files: int
    known: tuple[Line, ...]
    unknown: tuple[Line, ...]


def scan(root: Path, keys: Iterable[str], calls: Iterable[str] = (), only: Iterable[str] = ()) -> Scan:
    """Look through every text file of a checkout. `calls` are more names of functions that ask for flags."""
    wanted, asks = frozenset(keys), asking(calls)
    known: list[Line] = []
    unknown: list[Line] = []
    count = 0
    for path in files(root, tuple(only)):
        text = _text(root / path)
        if text is not None:
            count += 1
            _look(text, path, wanted, asks, known, unknown)
    return Scan(count, tuple(known), tuple(unknown))


def asking(calls: Iterable[str]) -> re.Pattern[str]:
    """A pattern for calls that ask for a flag: the SDKs', OpenFeature's, and those named."""
    named = [rf"\b{re.escape(name)}" for name in calls]
    return re.compile(rf"(?:{'|'.join([*_CALLS, *named])})\s*\(\s*([\"'`])({_KEY})\1", re.IGNORECASE)


def files(root: Path, only: tuple[str, ...] = ()) -> Iterator[str]:
    """Paths below the root with `/` between their parts: what git tracks or would track, else everything."""
    found = _of_git(root)
    for path in sorted(_walked(root) if found is None else found):
        if not only or any(path == each or path.startswith(f"{each.rstrip('/')}/") for each in only):
            yield path


def commit(root: Path) -> str:
    """What is checked out, empty when git does not know."""
    return (_git(root, "rev-parse", "HEAD") or "").strip()


def _look(
    text: str,
    path: str,
    wanted: frozenset[str],
    asks: re.Pattern[str],
    known: list[Line],
    unknown: list[Line],
) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE or not any(quote in line for quote in "\"'`"):
            continue
        named = {match.group(2) for match in _QUOTED.finditer(line)}
        asked = {match.group(2) for match in asks.finditer(line)} - wanted
        if not (named & wanted or asked):
            continue
        snippet = hashlib.sha256(line.strip().encode("utf-8", "replace")).hexdigest()
        known += [Line(key, path, number, snippet) for key in sorted(named & wanted)]
        unknown += [Line(key, path, number, snippet) for key in sorted(asked)]


def _text(path: Path) -> str | None:
    """The file's text, None for what is no source: large, binary, a link, not readable."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_FILE:
            return None
        raw = path.read_bytes()
    except OSError:
        return None
    return None if b"\0" in raw[:8000] else raw.decode("utf-8", "replace")


def _of_git(root: Path) -> list[str] | None:
    """What git tracks below the root, and new files that it would not ignore; None outside a checkout."""
    told = _git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    return None if told is None else sorted({path for path in told.split("\0") if path})


def _walked(root: Path) -> Iterator[str]:
    waiting = [root]
    while waiting:
        try:
            entries = sorted(waiting.pop().iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                waiting += [] if entry.name in SKIPPED else [entry]
            else:
                yield entry.relative_to(root).as_posix()


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words],
            capture_output=True,
            timeout=GIT_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def counted(lines: Iterable[Line]) -> Mapping[str, int]:
    """How many lines name each flag."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.flag] = counts.get(line.flag, 0) + 1
    return counts
