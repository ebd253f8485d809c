"""`headway analyse FILE …`: the report of a table, by the platform's own statistics, without a server."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from headway.cli.failures import DONE, REFUSED, USAGE, Failed
from headway.cli.shell import Shell

PLATFORM = "analysis.adhoc.__main__"
"""The platform's command; the SDK never needs the platform to be there."""
WORDS = "the report of a Parquet or CSV file of units and arms, without a server"


def register(subparsers: Any) -> None:
    # No word here begins with NUL, so every option is left for the platform's own command.
    parser = subparsers.add_parser("analyse", help=WORDS, prefix_chars="\0", add_help=False)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    parser.set_defaults(run=analyse)


def analyse(options: argparse.Namespace, shell: Shell) -> int:
    """What is asked is read by the platform's own command, so that both take the same options."""
    try:
        main = importlib.import_module(PLATFORM).main
    except ImportError as error:
        raise Failed(
            f"This command needs Headway's statistics, which are not installed here ({error}). "
            "Run it where the platform is installed: in the checkout, .venv/bin/headway analyse."
        ) from None
    try:
        return REFUSED if main(options.arguments) else DONE
    except SystemExit as left:
        return USAGE if left.code else DONE
