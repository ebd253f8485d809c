"""Does a design document say what the design does to speed? Checks the section on performance. No Django.

Headings are Markdown's (`## Performance`). What is looked for is plain words and numbers, so that the author
sees why something counts as missing and can fix it in a minute.
"""

import re
from dataclasses import dataclass

HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$", re.MULTILINE)
UNDERLINED = re.compile(r"^([^\s#>|*+-][^\n]*)\n(=+|-+)[ \t]*$", re.MULTILINE)
FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?(?:^\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
IS_PERFORMANCE = re.compile(r"\b(performance|speed|latency|perf)\b", re.IGNORECASE)
TIME = r"\d+(?:[.,]\d+)?\s*(?:ms|milliseconds?|s|seconds?)\b"
SIZE = r"\d+(?:[.,]\d+)?\s*(?:k|m)i?b\b"
MONEY = r"(?:[$€£]\s?\d|\b(?:USD|EUR|GBP|CHF|JPY|INR)\b|price tag|per 100\s?ms|no price)"
PLACEHOLDER = re.compile(r"<[^<>\n]{3,}>")
"""What the template leaves to be filled in."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the section has to say. All `patterns` must be found in it."""

    key: str
    title: str
    patterns: tuple[str, ...]
    fix: str


PARTS = (
    Part(
        "budget",
        "Budget",
        (r"\bbudget\b", f"{TIME}|{SIZE}"),
        "State the budget with a number, for example: Budget: p75 LCP stays below 2,500 ms.",
    ),
    Part(
        "effect",
        "Expected effect with the price tag",
        (r"\b(?:expect(?:s|ed)?|effect|estimate[sd]?)\b", f"{TIME}|{SIZE}|\\d\\s*%", MONEY),
        "State the expected effect and what it is worth, for example: Expected effect: +40 ms, by the price "
        "tag EUR 80,000 a year; or say that the surface has no price tag.",
    ),
    Part(
        "evidence",
        "Ablation or CI plan",
        (r"\b(?:ablation|perf(?:ormance)?[ -]ci|headway perf check|load test|benchmark|experiment)\b",),
        "Say how it will be known: an experiment, an ablation, or a check in continuous integration.",
    ),
    Part(
        "rollout",
        "Roll-out plan",
        (r"\broll[ -]?out\b|\bramp\b", r"\d+(?:[.,]\d+)?\s*%", r"\b(?:guardrail|hold|roll(?:ed)? back|stop)"),
        "Give the steps and what stops them, for example: Roll-out: 1 %, 10 %, 50 %, 100 %; the guardrail on "
        "p95 holds it.",
    ),
)

TEMPLATE = """# <Title of the design>

## What changes
<Two sentences for somebody who does not know the code.>

## Performance
Budget: <which metric stays below which number, for example p75 LCP below 2,500 ms>.

Expected effect: <how much slower or faster, for example +40 ms>, by the price tag <what that is worth a
year, or: this surface has no price tag>.

Evidence: <experiment, ablation or headway perf check, and when its result is known>.

Roll-out: <steps, for example 1 %, 10 %, 50 %, 100 %>; <which guardrail holds or rolls back>.

## Risks
<What else could go wrong, and how you would notice.>
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: whether it is there, and what to write when it is not."""

    key: str
    title: str
    is_there: bool
    fix: str

    @property
    def words(self) -> str:
        """The title inside a sentence."""
        return self.title[:1].lower() + self.title[1:]

    def to_dict(self) -> dict[str, object]:
        return {"key": self.key, "title": self.title, "is_there": self.is_there, "fix": self.fix}


def check(text: str) -> list[Finding]:
    """One finding a part, in the order of the template; the first is the section itself."""
    section = section_of(text)
    is_there = section is not None
    fix = "Add a heading such as ## Performance; the template has one."
    return [Finding("section", "Section on performance", is_there, "" if is_there else fix)] + [
        _finding(part, PLACEHOLDER.sub(" ", section or "")) for part in PARTS
    ]


def passes(text: str) -> bool:
    return all(finding.is_there for finding in check(text))


def section_of(text: str) -> str | None:
    """What stands under the first heading that names performance, down to the next of the same rank."""
    text = _plain(text)
    headings = list(HEADING.finditer(text))
    for position, heading in enumerate(headings):
        if IS_PERFORMANCE.search(heading[2]):
            rank = len(heading[1])
            after = (each.start() for each in headings[position + 1 :] if len(each[1]) <= rank)
            return text[heading.end() : next(after, len(text))]
    return None


def _plain(text: str) -> str:
    """Without comments, which nobody reads; headings with `#` only, and none in blocks of code."""
    text = COMMENT.sub(" ", text.replace("\r\n", "\n"))
    text = FENCE.sub(lambda block: re.sub(r"^(?=#|\S[^\n]*\n[=-]+[ \t]*$)", " ", block[0], flags=re.M), text)
    return UNDERLINED.sub(lambda found: f"{'#' if found[2][0] == '=' else '##'} {found[1]}", text)


def _finding(part: Part, section: str) -> Finding:
    is_there = all(re.search(pattern, section, re.IGNORECASE) for pattern in part.patterns)
    return Finding(part.key, part.title, is_there, "" if is_there else part.fix)
