"""`manage.py import_events FILE --environment production --kind events [--map column=field …]`."""

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from events.imports.files import open_table
from events.imports.mapping import WIRE_KIND, Reading, TimeFormat
from events.services import importing
from events.services.importing import BadRows, Import, Outcome
from ledger.refusals import Refused, refuse

SAID_EVERY = 100_000


class Command(BaseCommand):
    help = "Read exposures or events from a CSV or Parquet file into the event store, each row once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--environment", required=True)
        parser.add_argument("--kind", required=True, choices=list(WIRE_KIND))
        parser.add_argument(
            "--map", action="append", default=[], metavar="COLUMN=FIELD", help="- leaves it out"
        )
        parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="for all rows")
        parser.add_argument("--time", choices=list(TimeFormat), default=TimeFormat.RFC3339.value)
        parser.add_argument("--delimiter", default=",", help="of a CSV file: , ; | or tab")
        parser.add_argument("--ignore-rest", action="store_true", help="leave out columns that mean nothing")
        parser.add_argument("--skip-bad-rows", action="store_true", help="import the good rows all the same")
        parser.add_argument("--dry-run", action="store_true", help="judge every row, import none")
        parser.add_argument("--actor", default="", help="who is named in the audit (default: you)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._import(_wanted(options), options)
        except BadRows as bad:
            self._list(bad.outcome)
            total = bad.outcome.accepted + bad.outcome.refused
            why = f"{bad.outcome.refused:,} of {total:,} rows are not accepted; nothing was imported"
            raise CommandError(f"{why}. Correct them, or import the others with --skip-bad-rows.") from None
        except Refused as refused:
            lines = "\n".join(str(problem) for problem in refused.problems)
            raise CommandError(f"Nothing was imported.\n{lines}") from None

    def _import(self, wanted: Import, options: dict[str, Any]) -> None:
        now = timezone.now()
        if options["dry_run"]:
            outcome = importing.check_file(wanted, now=now, say=self._say)
            self._list(outcome)
            self.stdout.write(
                f"{outcome.accepted:,} rows are good, {outcome.refused:,} are not; none imported"
            )
            return
        actor = options["actor"] or getpass.getuser()
        outcome = importing.import_file(wanted, actor=actor, now=now, say=self._say)
        self._list(outcome)
        if outcome.was_done:
            self.stdout.write("this file was imported before; nothing changed")
        self.stdout.write(f"{outcome.accepted:,} rows imported, {outcome.refused:,} refused")

    def _say(self, rows: int) -> None:
        if rows % SAID_EVERY == 0:
            self.stderr.write(f"{rows:,} rows")

    def _list(self, outcome: Outcome) -> None:
        for problem in outcome.problems:
            self.stderr.write(str(problem))
        more = outcome.refused - len(outcome.problems)
        if more > 0 and outcome.problems:
            self.stderr.write(f"and {more:,} more")


def _wanted(options: dict[str, Any]) -> Import:
    delimiter = "\t" if options["delimiter"] in {"tab", "\\t"} else options["delimiter"]
    return Import(
        file=open_table(options["file"], delimiter),
        reading=Reading(
            kind=options["kind"],
            fields=_pairs("--map", options["map"]),
            constants=_pairs("--set", options["set"]),
            time=TimeFormat(options["time"]),
            ignores_rest=options["ignore_rest"],
        ),
        environment=options["environment"],
        skips_bad_rows=options["skip_bad_rows"],
    )


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    """`name=value`, the last sign counting: names of columns may hold one."""
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.rpartition("=") if option == "--map" else text.partition("=")
        if not (name and sign and value):
            raise refuse(
                option, text, "this does not read name=value", f"For example {option} unit_type=user."
            )
        if name in found:
            raise refuse(option, name, "this is said twice", "Say it once.")
        found[name] = value
    return found
