"""`manage.py load_metrics DIR [--check]`: metric definitions from a folder of TOML files."""

import getpass
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ledger.refusals import Problem, Refused
from metrics import services
from metrics.parsing import decode, parse_all


class Command(BaseCommand):
    help = "Store the metric definitions (*.toml) of a folder, all of them or none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--check", action="store_true", help="only judge the files, store nothing")
        parser.add_argument("--actor", default="", help="who is named as the author (default: you)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._load(_texts(options["folder"]), options["actor"] or getpass.getuser(), options["check"])
        except Refused as refused:
            lines = "\n".join(str(problem) for problem in refused.problems)
            raise CommandError(f"{len(refused.problems)} problems, nothing was stored\n{lines}") from None

    def _load(self, texts: dict[str, str], actor: str, check: bool) -> None:
        if check:
            self.stdout.write(f"{len(parse_all(texts))} definitions are good")
            return
        loaded = services.load_definitions(texts=texts, actor=actor, now=timezone.now())
        for name in ("new", "changed", "unchanged"):
            keys = getattr(loaded, name)
            self.stdout.write(f"{len(keys)} {name}{': ' if keys else ''}{', '.join(keys)}")


def _texts(folder: Path) -> dict[str, str]:
    """File path → text of every *.toml below the folder; an empty folder is refused, not a success."""
    files = sorted(folder.rglob("*.toml")) if folder.is_dir() else []
    if not files:
        reason = "there is no folder with *.toml files at this place"
        raise Refused(Problem("folder", repr(str(folder)), reason, "One file holds one metric."))
    return {str(file): decode(file.read_bytes(), file=str(file)) for file in files}
