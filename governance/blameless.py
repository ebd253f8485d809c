"""Words of a postmortem that look for a culprit, and what to write instead. No Django, no I/O.

A postmortem asks how the system let it happen. Names of people and words of blame end that question, so they
are pointed out while it is written; a name among the causes keeps it from being reviewed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BLAME: tuple[tuple[str, str], ...] = (
    (
        r"should(?:\s+not|n[’']t)?\s+have",
        "Say what was known at the time, and what would have shown the rest.",
    ),
    (r"ought\s+to\s+have", "Say what was known at the time, and what would have shown the rest."),
    (r"could(?:\s+easily)?\s+have\s+(?:known|seen|noticed|checked)", "Say which signal was missing."),
    (
        r"fail(?:ed|ure)\s+to\s+(?:notice|check|test|read|follow|realise|realize|think)",
        "Say what made it easy to miss.",
    ),
    (r"careless(?:ly|ness)?", "Say what the step looked like to whoever did it."),
    (r"negligen(?:t|ce|tly)", "Say what the step looked like to whoever did it."),
    (r"sloppy|lazy|stupid|incompeten(?:t|ce)|irresponsib(?:le|ly)", "Describe the work, not the worker."),
    (
        r"(?:is|was|were|the)\s+(?:at\s+)?fault(?:\s+of)?|(?:his|her|their|my|whose)\s+fault|fault\s+of",
        "Say which condition made it possible.",
    ),
    (r"to\s+blame|blame[sd]?", "Say which condition made it possible."),
    (r"human\s+error", "Say which design let one slip reach users."),
    (r"forgot(?:ten)?|overlooked", "Say what would have reminded or caught it."),
    (r"ignored", "Say why the signal did not stand out."),
    (r"obvious(?:ly)?|clearly|simply", "What looks plain afterwards was not before: say what was visible."),
    (
        r"(?:he|she)\s+(?:did|was|had|made|broke|deployed|pushed)",
        "Name the step or the change instead of the person.",
    ),
)
"""What betrays blame, and what to write instead. Matched as whole words in any case."""
NAME_FIX = "Name the role or the change, for example: the engineer on call, the deploy of 14:05."
SHORTEST_NAME = 3
ORDINARY = frozenset({
    "admin", "art", "bill", "build", "chance", "chase", "chip", "cliff", "demo", "deploy", "dev",
    "drew", "faith", "frank", "gene", "grace", "grant", "guest", "hope", "joy", "lane", "long", "mark",
    "max", "may", "miles", "operator", "ops", "page", "pat", "pierce", "ray", "rich", "rob", "robin",
    "root", "rose", "sky", "staging", "strong", "sue", "summer", "support", "system", "team", "test",
    "user", "wade", "will",
})  # fmt: skip
"""Names of people, or of accounts, that are words as well: "the root cause" names nobody. They count after an
@, and with a capital letter in the middle of a sentence."""
STRICT = ("causes", "factors")
"""Sections in which nobody is named."""
_BLAME = tuple((re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), fix) for pattern, fix in BLAME)


@dataclass(frozen=True, slots=True)
class Remark:
    """Words in a section, the line they stand on, and what to write instead. `is_name` stops a review when
    it stands among the causes."""

    section: str
    line: int
    words: str
    why: str
    fix: str
    is_name: bool

    @property
    def stops(self) -> bool:
        return self.is_name and self.section in STRICT

    def to_dict(self) -> dict[str, object]:
        return {
            "section": self.section,
            "line": self.line,
            "words": self.words,
            "why": self.why,
            "fix": self.fix,
            "stops": self.stops,
        }


def remarks(sections: Mapping[str, str], names: Iterable[str]) -> list[Remark]:
    """Everything that looks for a culprit, section by section, in the order of the lines."""
    known = _names(names)
    return [
        remark
        for section, text in sections.items()
        for number, line in enumerate(text.splitlines(), start=1)
        for remark in _of_line(section, number, line, known)
    ]


def _of_line(section: str, number: int, line: str, names: "re.Pattern[str] | None") -> Iterable[Remark]:
    if names is not None:
        for found in names.finditer(line):
            yield Remark(section, number, found[0], "this names a person", NAME_FIX, True)
    for pattern, fix in _BLAME:
        for found in pattern.finditer(line):
            yield Remark(section, number, found[0], "this looks for a culprit", fix, False)


def _names(names: Iterable[str]) -> "re.Pattern[str] | None":
    """One pattern for all names; an @ before a name belongs to it."""
    wanted = sorted({name for name in names if len(name) >= SHORTEST_NAME}, key=len, reverse=True)
    plain = [re.escape(name) for name in wanted if name.lower() not in ORDINARY]
    words = [re.escape(name) for name in wanted if name.lower() in ORDINARY]
    parts = [rf"@?(?i:{'|'.join(plain)})"] if plain else []
    if words:
        capital = "|".join(word.capitalize() for word in words)
        parts += [rf"@(?i:{'|'.join(words)})", rf"(?<=[a-z,;] )(?:{capital})"]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w-])") if parts else None
