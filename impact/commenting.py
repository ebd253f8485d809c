"""What a change of speed is worth, as a comment on a pull request, in Markdown."""

import re
from datetime import date

SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")
CALLS = re.compile(r"([@#])(?=\w)")
"""What makes a name a call to somebody, and a number a link, even behind a backslash."""
JOINER = "\u2060"


def priced(
    *,
    surface: str,
    name: str,
    ms: float,
    sentence: str,
    per_100_ms: float,
    low: float,
    high: float,
    findings: int,
    version: int,
    valid_until: date,
    link: str = "",
) -> str:
    """The sentence, and what it rests on."""
    noun = "finding" if findings == 1 else "findings"
    return _comment(
        surface,
        name,
        ms,
        [
            f"**{escaped(sentence)}**",
            "",
            "| rests on | |",
            "| --- | --- |",
            f"| each 100 ms | {_share(per_100_ms)} of the outcome ({_share(low)} to {_share(high)}) |",
            f"| evidence | {findings} {noun}, ratio version {version} |",
            f"| valid until | {valid_until.isoformat()} |",
        ],
        link,
    )


def refused(
    *, surface: str, name: str, ms: float, why: str, known: list[str], study: str, link: str = ""
) -> str:
    """No amount, what is known instead, and the smallest study that would tell."""
    lines = [f"**No amount: {escaped(why)}.**"]
    if known:
        lines += ["", "What is known, and gives no money:", "", *(f"- {escaped(each)}" for each in known)]
    if study:
        lines += ["", f"The smallest study that would tell: {escaped(study)}."]
    return _comment(surface, name, ms, lines, link)


def escaped(text: str) -> str:
    """Text that means nothing to Markdown, on one line; nobody is called by an @."""
    return CALLS.sub(rf"\1{JOINER}", SPECIAL.sub(r"\\\1", " ".join(text.split())))


def _comment(surface: str, name: str, ms: float, lines: list[str], link: str) -> str:
    """With a hidden mark, so that a build can find the comment that it wrote before."""
    delay = f"{ms:+g}".replace("-", "−")
    head = [f"<!-- headway-impact:{surface} -->", f"### {delay} ms on {escaped(name)}", ""]
    tail = ["", f"[Where this is from]({link})"] if link else []
    return "\n".join([*head, *lines, *tail]) + "\n"


def _share(value: float) -> str:
    return f"{value:+.2%}".replace("-", "−")
