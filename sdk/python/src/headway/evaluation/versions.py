"""Version numbers after SemVer 2.0, compared by precedence.

Taken a little wider than the standard, because devices report what they like: a leading `v`, and missing
minor and patch numbers count as zero. Build metadata is ignored.
"""

from __future__ import annotations

import re
from functools import lru_cache

VersionKey = tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]

MAX_TEXT = 128
_NUMBER = r"(0|[1-9]\d{0,14})"
_VERSION = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)


def version_key(text: object) -> VersionKey | None:
    """What versions are compared by, or None when this is no version."""
    return _key(text) if isinstance(text, str) and len(text) <= MAX_TEXT else None


@lru_cache(maxsize=1024)
def _key(text: str) -> VersionKey | None:
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    major, minor, patch, release = match.group(1, 2, 3, 4)
    identifiers = () if release is None else tuple(map(_identifier, release.split(".")))
    if any(identifier is None for identifier in identifiers):
        return None
    return int(major), int(minor or 0), int(patch or 0), int(release is None), identifiers  # type: ignore[return-value]


def _identifier(text: str) -> tuple[int, int, str] | None:
    """Numbers sort below words and by size; a number with a leading zero or over 15 digits is none."""
    if not text.isdigit():
        return 1, 0, text
    is_plain = len(text) <= 15 and (text == "0" or text[0] != "0")
    return (0, int(text), "") if is_plain else None
