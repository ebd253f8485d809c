"""Options that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def command(
    subparsers: Any, name: str, run: Callable[..., int], words: str, *, uses_server: bool = True
) -> argparse.ArgumentParser:
    """A subcommand with the options that all of them take; `words` is its help, the first line in lists."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=words.splitlines()[0],
        description=words,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="answer with JSON")
    if uses_server:
        server_options(parser)
    return parser


def server_options(parser: argparse.ArgumentParser) -> None:
    """Which server, with which key, and how long to wait for it."""
    parser.add_argument("--url", help="address of the console (else HEADWAY_URL, else the log-in's)")
    parser.add_argument("--profile", help="which log-in to use (else HEADWAY_PROFILE, else the newest)")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="how long an answer may take (30)")


def environment_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--environment", metavar="KEY", help="another environment than the key's own")


def reason_option(parser: argparse.ArgumentParser, *, is_needed: bool = False) -> None:
    parser.add_argument("--reason", default="", required=is_needed, help="one sentence for the history")


def seconds(text: str) -> float:
    """A time to wait; argparse turns the ValueError into words."""
    value = float(text)
    if not 0.1 <= value <= 600:
        raise argparse.ArgumentTypeError(f"{text} is not between 0.1 and 600 seconds")
    return value
