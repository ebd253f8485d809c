"""Saying no in words a person can act on.

A refusal names the field, the value it held, why that is not accepted and what would be. Every app raises
`Refused` (or a subclass); the console, the API and the command line print its problems the same way.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

SHOWN_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field; `fix` says what to do instead. `line` and `file` are set for files."""

    field: str
    value: str
    reason: str
    fix: str = ""
    line: int | None = None
    file: str | None = None

    def __str__(self) -> str:
        fix = f" {self.fix}" if self.fix else ""
        return f"{self._place()}{self.field} = {self.value}: {self.reason}.{fix}"

    def _place(self) -> str:
        if self.file is None:
            return "" if self.line is None else f"line {self.line}: "
        return f"{self.file}: " if self.line is None else f"{self.file}:{self.line}: "

    def to_dict(self) -> dict[str, object]:
        return {key: value for key, value in asdict(self).items() if value is not None}


class Refused(Exception):
    """The input is not accepted; nothing was changed."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems))


class NotFound(Refused):
    """No object of that kind has that key."""


class Conflict(Refused):
    """The object is not in a state that allows this, or somebody else changed it meanwhile."""


def problem(field: str, value: object, reason: str, fix: str = "", line: int | None = None) -> Problem:
    """A Problem whose value is shown as `repr`, shortened."""
    return Problem(field=field, value=shortened(value), reason=reason, fix=fix, line=line)


def shortened(value: object) -> str:
    """The start of a value's `repr`."""
    try:
        shown = repr(value)
    except RecursionError:
        return f"(a deeply nested {type(value).__name__})"
    if len(shown) > SHOWN_CHARACTERS:
        shown = f"{shown[:SHOWN_CHARACTERS]}… ({len(shown)} characters)"
    return shown


def refuse(field: str, value: object, reason: str, fix: str = "") -> Refused:
    """`raise refuse("weights", 99.99, "weights add up to 99.99 %", "They must add up to 100 %.")`."""
    return Refused(problem(field, value, reason, fix))


def raise_if_any(problems: Iterable[Problem]) -> None:
    """Raise one Refused with all problems, if there are any."""
    found = tuple(problems)
    if found:
        raise Refused(*found)
