"""Reading fields out of a mapping that people wrote, and saying everything that is wrong with it at once.

A reader returns a harmless value after it noted a problem, so that reading goes on; the caller raises the
collected problems before it uses any value. Metric files and experiment bodies are read with this. It knows
neither TOML nor HTTP.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar, cast

from ledger.refusals import Problem, Refused, problem, shortened
from metrics.lines import line_of

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SLUG_RULE = "Use lower-case letters, digits and hyphens, at most 63 of them, starting with a letter or digit."
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}
_LAYOUT = {"\n", "\r", "\t"}
_LINE_ENDS = {"\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"}
ONE_LINE = 200
"""Texts of so many characters at most are names and titles, which stand in tables and in subjects of mail."""
LONGEST_NAME = 100

Choice = TypeVar("Choice", bound=StrEnum)
Instead = TypeVar("Instead")


@dataclass(slots=True)
class Findings:
    """The problems of one document; `lines` maps dotted paths to line numbers when it is a file."""

    file: str | None = None
    lines: Mapping[str, int] | None = None
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: str, value: object, reason: str, fix: str) -> None:
        self._place(problem(path, value, reason, fix))

    def add_missing(self, path: str, fix: str) -> None:
        self._place(Problem(field=path, value="(missing)", reason="this field is required", fix=fix))

    def raise_if_any(self) -> None:
        if self.problems:
            raise Refused(*self.problems)

    def _place(self, found: Problem) -> None:
        line = None if self.lines is None else line_of(found.field, self.lines)
        self.problems.append(replace(found, line=line, file=self.file))


class Fields:
    """One table of the document. Keys that are not in `known` are refused with the closest known one."""

    def __init__(
        self, values: Mapping[str, object], known: Iterable[str], findings: Findings, path: str = ""
    ) -> None:
        self.values = values
        self.findings = findings
        self.path = path
        self._refuse_unknown(tuple(known))

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def refuse(self, name: str, reason: str, fix: str) -> None:
        """Note a problem with a field that is there."""
        self.findings.add(self._full(name), self.values.get(name), reason, fix)

    def refuse_missing(self, name: str, fix: str) -> None:
        self.findings.add_missing(self._full(name), fix)

    def text(self, name: str, *, fix: str, default: str | None = None, limit: int = 200) -> str:
        """Visible text of 1 to `limit` characters; `default=None` makes the field required."""
        value = self._value(name, fix, default)
        if not isinstance(value, str):
            return self._wrong(name, "this is not text", fix, default or "") if value is not None else ""
        if value == default:
            return value
        reason = what_is_wrong_with(value, limit=limit)
        return self._wrong(name, reason, fix, "") if reason else value.strip()

    def slug(self, name: str, *, fix: str = SLUG_RULE) -> str:
        value = self.text(name, fix=fix)
        if value and not SLUG.fullmatch(value):
            return self._wrong(name, "this is not a key", SLUG_RULE, "")
        return value

    def choice(self, name: str, kind: type[Choice], *, fix: str, default: Choice | None = None) -> Choice:
        """One of the words of the enumeration `kind`."""
        first = next(iter(kind))
        value = self._value(name, fix, default)
        words = [member.value for member in kind]
        if isinstance(value, str) and value in words:
            return kind(value)
        if value is None:
            return first
        return self._wrong(name, f"this is not one of {_listed(words)}", f"{meant(value, words)}{fix}", first)

    def number(self, name: str, *, fix: str, default: float | None = None) -> float:
        """A finite number, never text or true/false; `default=None` makes the field required."""
        value = self._value(name, fix, default)
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._wrong(name, "this is not a number", fix, math.nan)
        if not _is_usable(value):
            return self._wrong(name, "this is not a finite number below 2^53", fix, math.nan)
        return float(value)

    def whole(self, name: str, *, low: int, high: int, fix: str, default: int | None = None) -> int | None:
        """A whole number from `low` to `high`; None (or `default`) when it is not there."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            return self._wrong(name, "this is not a whole number", fix, default)
        if not low <= value <= high:
            return self._wrong(name, f"this is not between {low:,} and {high:,}", fix, default)
        return value

    def boolean(self, name: str, *, fix: str, default: bool | None = None) -> bool:
        """true or false; `default=None` makes the field required."""
        value = self._value(name, fix, default)
        if value is not None and not isinstance(value, bool):
            return self._wrong(name, "this is neither true nor false", fix, False)
        return bool(value)

    def table(self, name: str, known: Iterable[str], *, fix: str) -> "Fields | None":
        """The table of that name, None when it is missing or something else."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            return self._wrong(name, "this is not a table", fix, None)
        return Fields(cast("Mapping[str, object]", value), known, self.findings, self._full(name))

    def pairs(self, name: str, *, fix: str, limit: int = 10) -> tuple[tuple[str, str], ...]:
        """A table of name = text, sorted by name."""
        value = self.values.get(name, {})
        if not isinstance(value, Mapping):
            return self._wrong(name, "this is not a table", fix, ())
        if len(value) > limit:
            return self._wrong(name, f"this has {len(value)} entries, at most {limit} are possible", fix, ())
        for key in value:
            if reason := what_is_wrong_with(key, limit=LONGEST_NAME):
                return self._wrong(name, f"the name {shortened(key)}: {reason}", fix, ())
        inner = Fields(cast("Mapping[str, object]", value), value, self.findings, self._full(name))
        return tuple(sorted((key, inner.text(key, fix=fix)) for key in value))

    def names(self, name: str, *, fix: str, limit: int = 20) -> tuple[str, ...]:
        """A list of distinct names."""
        value = self.values.get(name, [])
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            return self._wrong(name, "this is not a list of names", fix, ())
        reason = next(filter(None, (what_is_wrong_with(item, limit=100) for item in value)), "")
        if len(value) > limit:
            reason = f"this has {len(value)} entries, at most {limit} are possible"
        elif len(set(value)) < len(value):
            reason = "a name stands here twice"
        return self._wrong(name, reason, fix, ()) if reason else tuple(value)

    def _full(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _value(self, name: str, fix: str, default: object) -> object:
        value = self.values.get(name, default)
        if value is None:
            self.refuse_missing(name, fix)
        return value

    def _wrong(self, name: str, reason: str, fix: str, instead: Instead) -> Instead:
        self.refuse(name, reason, fix)
        return instead

    def _refuse_unknown(self, known: tuple[str, ...]) -> None:
        for name in self.values:
            if name not in known:
                fix = meant(name, known) or f"Possible here: {', '.join(sorted(known))}."
                self.refuse(name, "there is no such field", fix.strip())


def body_fields(body: object, known: Iterable[str]) -> Fields:
    """The fields of a decoded JSON body. Raises Refused when it is no object."""
    findings = Findings()
    if not isinstance(body, Mapping):
        findings.add("body", body, "this is not a JSON object", f"Possible fields: {', '.join(known)}.")
    findings.raise_if_any()
    return Fields(cast("Mapping[str, object]", body), known, findings)


def meant(value: object, words: Iterable[str]) -> str:
    """'Did you mean …? ' when one of the words is close to the value, else nothing."""
    close = get_close_matches(str(value).lower(), list(words), n=1, cutoff=0.6)
    return f'Did you mean "{close[0]}"? ' if close else ""


def what_is_wrong_with(text: str, *, limit: int) -> str:
    """The reason why a text cannot be shown to people as it is, or nothing; `limit` in characters, and up to
    `ONE_LINE` of them also a limit to one line."""
    if not text.strip():
        return "this is empty"
    if len(text) > limit:
        return f"this has {len(text):,} characters, at most {limit:,} are possible"
    if limit <= ONE_LINE and _LINE_ENDS & set(text.strip()):
        return "this is more than one line"
    hidden = next((c for c in text if c not in _LAYOUT and unicodedata.category(c) in _HIDDEN_CATEGORIES), "")
    return f"this holds the invisible character U+{ord(hidden):04X}" if hidden else ""


def _is_usable(value: float) -> bool:
    return abs(value) < 2**53 and math.isfinite(value)


def _listed(words: list[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
