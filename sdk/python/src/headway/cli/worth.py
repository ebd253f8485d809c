"""`headway impact`: what milliseconds on a surface are worth in a year, or why nobody can say."""

from __future__ import annotations

import argparse
import re
from typing import Any

from headway.cli.asking import command
from headway.cli.failures import DONE, REFUSED
from headway.cli.shell import Shell

WORDS = """what milliseconds on a surface are worth in a year
headway impact 100ms --surface checkout. Negative for faster: headway impact --surface checkout -- -50ms.
Amounts come from randomised delays and from natural experiments only; without one the answer names the
smallest study that would give it, and the exit code is 1."""
DELAY = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(ms|s)?")
MS_PER_SECOND = 1000


def register(subparsers: Any) -> None:
    parser = command(subparsers, "impact", impact, WORDS)
    parser.add_argument("delay", type=milliseconds, metavar="DELAY", help="100ms, 0.2s or a number of ms")
    parser.add_argument(
        "--format",
        choices=["text", "markdown", "json"],
        default="text",
        help="markdown: a comment for a pull request; it says a refusal in words and ends with 0",
    )
    parser.add_argument("--surface", required=True, metavar="KEY", help="the page, screen or endpoint")


def milliseconds(text: str) -> float:
    """A delay in ms; argparse turns the error into words."""
    found = DELAY.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text} is no delay; write 100ms or 0.2s")
    return float(found[1]) * (MS_PER_SECOND if found[2] == "s" else 1)


def impact(options: argparse.Namespace, shell: Shell) -> int:
    told = shell.server.get("impact", surface=options.surface, ms=str(options.delay))
    if options.format == "markdown" and not shell.wants_json:
        shell.say(str(told["markdown"]).rstrip("\n"))
        return DONE
    shell.wants_json = shell.wants_json or options.format == "json"
    shell.give(told, _lines(told))
    return REFUSED if "refused" in told else DONE


def _lines(told: dict[str, Any]) -> list[str]:
    lines = [str(told["sentence"])]
    if "refused" in told:
        lines += [f"known: {each}" for each in told["known"]]
        return lines + [f"study: {each}" for each in told["smallest_studies"]]
    return [*lines, f"ratio version {told['ratio_version']}, valid until {told['valid_until']}"]
