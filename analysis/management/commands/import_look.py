"""`manage.py import_look EXPERIMENT FILE.csv --until TIME`: a look at numbers computed elsewhere."""

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analysis import aggregate_files, queries
from analysis.management.times import read_time
from analysis.services import importing
from ledger.refusals import Refused, refuse


class Command(BaseCommand):
    help = "Store a look at aggregates: one CSV row for each metric and arm (n, mean, variance or n, events)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("experiment")
        parser.add_argument("file", type=Path)
        parser.add_argument("--until", required=True, help="the numbers cover all data before this time")
        parser.add_argument("--actor", default="", help="who is named as bringing it (default: you)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = importing.import_look(
                experiment=options["experiment"],
                rows=_rows(options["file"]),
                first_line=aggregate_files.FIRST_LINE,
                until=read_time(options["until"]),
                actor=options["actor"] or getpass.getuser(),
                now=timezone.now(),
            )
        except Refused as refused:
            lines = "\n".join(str(problem) for problem in refused.problems)
            raise CommandError(f"{len(refused.problems)} problems, nothing was stored\n{lines}") from None
        report = queries.latest_snapshot(options["experiment"])
        verdict = report.verdict if report else ""
        self.stdout.write(f"{options['experiment']}: look {run.look}, {verdict}")


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header."""
    if not path.is_file() or path.stat().st_size > aggregate_files.MAX_BYTES:
        raise refuse("file", str(path), "there is no CSV file of at most 10 MB here", "Name the file.")
    return aggregate_files.rows_of(path.read_bytes())
