"""`headway import PRODUCT FILE`: flags of another product become drafts on the server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from headway.cli.asking import command, environment_option
from headway.cli.failures import DIFFERS, DONE, Failed
from headway.cli.reading import read_data
from headway.cli.server import part
from headway.cli.shell import Shell

PRODUCTS = ("flagd", "growthbook", "unleash", "flagsmith")
WORDS = """make drafts of another product's flags; nothing is served until you publish them
What cannot be said the same way is left out whole and listed with its reason; then the exit code is 2. Units
are bucketed anew, so let running experiments end first."""
TONES = {"draft": "good", "same": "dim", "left out": "warn"}


def register(subparsers: Any) -> None:
    parser = command(subparsers, "import", import_flags, WORDS)
    parser.add_argument("product", choices=PRODUCTS)
    parser.add_argument("file", type=Path, help="what the product exports, as JSON (or YAML for flagd)")
    parser.add_argument(
        "--from-environment", default="", metavar="NAME", help="which environment of the document"
    )
    parser.add_argument("--trial", action="store_true", help="say what would come and keep nothing")
    environment_option(parser)


def import_flags(options: argparse.Namespace, shell: Shell) -> int:
    content = read_data(options.file)
    if not isinstance(content, dict):
        raise Failed(f"{options.file}: this is no document of {options.product}; it has to be an object.")
    body = {
        "product": options.product,
        "content": content,
        "place": options.from_environment,
        "trial": options.trial,
    }
    told = shell.server.post(f"environments/{part(shell.environment)}/import", body)
    shell.give(told, _lines(shell, told, is_trial=options.trial))
    left_out = [row for row in told["flags"] if row["outcome"] == "left out"]
    return DIFFERS if left_out else DONE


def _lines(shell: Shell, told: dict[str, Any], *, is_trial: bool) -> list[str]:
    rows = told["flags"]
    lines: list[str] = []
    for row in rows:
        name = (
            row["key"]
            if row["key"] == row["source_key"]
            else f"{row['source_key']} → {row['key'] or 'nothing'}"
        )
        lines.append(f"{shell.colour(row['outcome'].ljust(8), TONES[row['outcome']])}  {name}")
        lines += [f"            {text}" for text in (*row["reasons"], *row["words"])]
        lines += [shell.colour(f"            note: {text}", "dim") for text in row["notes"]]
    lines += [f"note: {text}" for text in told["notes"]]
    counts = {outcome: sum(row["outcome"] == outcome for row in rows) for outcome in TONES}
    verb = "would be made" if is_trial else "made"
    summary = f"{counts['draft']} drafts {verb} in {told['environment']}, {counts['left out']} flags left out"
    return [*lines, summary, told["rebucketed"]]
