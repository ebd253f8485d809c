"""Saying what is wrong with a configuration document, in words a person can act on."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN_CHARACTERS = 120


class Problem:
    """One thing wrong with one field; `fix` says what to do instead."""

    __slots__ = ("field", "fix", "reason", "value")

    def __init__(self, field: str, value: str, reason: str, fix: str = "") -> None:
        self.field = field
        self.value = value
        self.reason = reason
        self.fix = fix

    def under(self, place: str) -> Problem:
        """The same problem seen from one level further out."""
        glue = "" if not self.field or self.field.startswith("[") else "."
        return Problem(f"{place}{glue}{self.field}", self.value, self.reason, self.fix)

    def __str__(self) -> str:
        fix = f" {self.fix}" if self.fix else ""
        return f"{self.field or 'document'} = {self.value}: {self.reason}.{fix}"

    def __repr__(self) -> str:
        return f"Problem({self.field!r}, {self.value!r}, {self.reason!r}, {self.fix!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.field, self.value, self.reason, self.fix))

    def to_dict(self) -> dict[str, str]:
        return {"field": self.field, "value": self.value, "reason": self.reason, "fix": self.fix}


Problems = Sequence[Problem]
FINE: Problems = ()
"""What a check returns when nothing is wrong: nothing is built on the way that is almost always taken."""


class ConfigRefused(ValueError):
    """The whole document is refused; what was in use before stays in use. `problems` says why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems[:10]))


def shown(value: object) -> str:
    """A value as `repr`, shortened; never raises."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a value that cannot be shown must not hide the problem it has
        return f"<{type(value).__name__}>"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}… ({len(text)} characters)"


def problem(field: str, value: object, reason: str, fix: str = "") -> Problems:
    """A sequence with one problem, for checks that stop at the first."""
    return (Problem(field, shown(value), reason, fix),)


def under(place: str, found: Problems) -> Problems:
    """The problems seen from one level further out."""
    return tuple(each.under(place) for each in found) if found else FINE
