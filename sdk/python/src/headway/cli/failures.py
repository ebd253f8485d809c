"""How a command ends: its exit codes, and failures in words a person can act on."""

from __future__ import annotations

DONE = 0
REFUSED = 1
DIFFERS = 2
NOT_ALLOWED = 3
UNREACHABLE = 4
USAGE = 64
INTERRUPTED = 130

CODES = {
    DONE: "done, or nothing to do",
    REFUSED: "refused: bad input, or the server said no; nothing was changed",
    DIFFERS: "there is a difference: changes are pending, a generated file is behind",
    NOT_ALLOWED: "not logged in, or the key may not do this",
    UNREACHABLE: "the server cannot be reached or does not answer as Headway does",
    USAGE: "wrong usage of the command line",
    INTERRUPTED: "interrupted",
}


class Failed(Exception):
    """A command cannot go on. `lines` are said on standard error, each a whole sentence."""

    def __init__(self, *lines: str, code: int = REFUSED) -> None:
        self.lines = lines
        self.code = code
        super().__init__("; ".join(lines))


def wrong(field: str, value: object, reason: str, fix: str = "") -> str:
    """One line that names the field, its value, what is wrong and what to do."""
    shown = repr(value)
    shown = shown if len(shown) <= 120 else f"{shown[:120]}… ({len(shown)} characters)"
    return f"{field} = {shown}: {reason}.{' ' + fix if fix else ''}"


def suggestion(name: object, known: list[str]) -> str:
    """ "Did you mean …?" where a known name is close, else the known names."""
    from difflib import get_close_matches

    close = get_close_matches(str(name), known, 1)
    return f"Did you mean {close[0]}?" if close else f"Possible are: {', '.join(sorted(known)[:30])}."
