"""`headway import-look`: numbers that were computed elsewhere become a look of an experiment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from headway.cli.asking import command
from headway.cli.failures import DONE
from headway.cli.reading import read_text
from headway.cli.server import part
from headway.cli.shell import Shell

WORDS = """store a look at numbers that were computed elsewhere
One CSV row for each metric and arm, over all data since the start: metric,arm,n,mean,variance or
metric,arm,n,events. All rows are taken or none; the same numbers again are the same look."""
PATIENCE_S = 120.0


def register(subparsers: Any) -> None:
    parser = command(subparsers, "import-look", import_look, WORDS)
    parser.add_argument("experiment", help="its key")
    parser.add_argument("file", type=Path, help="the CSV file, or - for standard input")
    parser.add_argument(
        "--until", required=True, metavar="TIME", help="the numbers cover all data before it, with a zone"
    )


def import_look(options: argparse.Namespace, shell: Shell) -> int:
    body = {"until": options.until, "csv": read_text(options.file)}
    told = shell.server.post(f"experiments/{part(options.experiment)}/imports", body, patience_s=PATIENCE_S)
    shell.give(told, [f"{options.experiment}: look {told['look']}, {told['verdict']}"])
    return DONE
