"""What the demonstration says in the end: one line per verdict, where to read on, how to log in."""

import json
from typing import Any

from rich.markup import escape
from rich.table import Table

from analysis import queries as analysis_queries
from demo import login, runs
from demo.display import Display
from demo.surroundings import Surroundings

TONES = {"SHIP": "bold blue", "ROLL BACK": "bold red", "DO NOT USE": "bold red"}


def show(display: Display, where: Surroundings, password: str | None) -> None:
    """Print verdicts, addresses and the login."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for key in runs.KEYS:
        table.add_row(*_row(report(key), where))
    display.print()
    display.print(table)
    display.print()
    display.print(f"Console   {where.web_url}")
    display.print(f"Log in    {login.NAME}, password {password or '(the one you have set since)'}")


def is_missing(key: str) -> bool:
    return analysis_queries.latest_snapshot(key) is None


def report(key: str) -> dict[str, Any]:
    """The newest report of an experiment. Raises LookupError when there is none."""
    snapshot = analysis_queries.latest_snapshot(key)
    if snapshot is None:
        raise LookupError(f"{key} has no report")
    document: dict[str, Any] = json.loads(snapshot.document)
    return document


def _row(document: dict[str, Any], where: Surroundings) -> tuple[str, str]:
    verdict, experiment = document["verdict"], document["experiment"]
    tone = TONES.get(verdict["code"], "bold yellow")
    address = f"{where.web_url}/experiments/{experiment['key']}/report/"
    lines = (f"[bold]{escape(experiment['title'])}[/]", escape(" ".join(verdict["sentences"])), address)
    return f"[{tone}]{verdict['word']}[/]", "\n".join(lines)
