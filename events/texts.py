"""Which texts are taken: names people read have to be readable, ids and values only storable."""

import unicodedata

from events.wire import MAX_NAME

INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of what a reader cannot see: controls, formats, halves of a pair, separators."""

RESERVED = frozenset({"__proto__", "constructor", "prototype"})
"""Names that are not data in JavaScript, where browsers' events come from and dashboards are written."""


def is_plain(body: bytes) -> bool:
    """True when every text in this JSON is visible ASCII, so that no text has to be looked at."""
    return body.isascii() and b"\\" not in body and b"\x7f" not in body


def name_fault(name: str, limit: int = MAX_NAME) -> str | None:
    """Why this is no name, or None."""
    if not 1 <= len(name) <= limit:
        return f"it has {len(name)} characters; 1 to {limit} are possible"
    if name != name.strip():
        return "it begins or ends with a space"
    for position, character in enumerate(name):
        if unicodedata.category(character) in INVISIBLE:
            return f"it holds the invisible character U+{ord(character):04X} at position {position}"
    return None


def text_fault(text: str, limit: int, least: int = 1) -> str | None:
    """Why this text cannot be an id or a value, or None."""
    if not least <= len(text) <= limit:
        return f"it has {len(text)} characters; {least} to {limit} are possible"
    for position, character in enumerate(text):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            what = "a NUL" if character == "\0" else "half of a surrogate pair"
            return f"it holds {what} at position {position}"
    return None


def is_name(name: str) -> bool:
    """Quick test for what certainly is a name; what fails it may still be one."""
    return name.isprintable() and name == name.strip() and name not in RESERVED
