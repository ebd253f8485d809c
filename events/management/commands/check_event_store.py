"""`manage.py check_event_store`: is every file of the manifest there and unchanged, and what else is?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from events.compaction import checking
from events.compaction.checking import Checked
from events.compaction.storage import open_store


class Command(BaseCommand):
    help = "Compare the event store with its manifest; exit code 1 when a file is missing or damaged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quick", action="store_true", help="compare sizes only, not contents")
        parser.add_argument(
            "--delete-orphans",
            action="store_true",
            help="delete files that no row names; never right after the database was restored from a backup",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        storage = open_store()
        checked = checking.check(storage, now=timezone.now(), reads_content=not options["quick"])
        self._say(checked)
        if options["delete_orphans"] and checked.is_sound:
            for path in checked.orphans:
                storage.delete(path)
            self.stdout.write(f"{len(checked.orphans):,} orphans deleted")
        if not checked.is_sound:
            raise CommandError("the store is not what its manifest says; restore these files from a backup")

    def _say(self, checked: Checked) -> None:
        self.stdout.write(f"{checked.files:,} files with {checked.rows:,} rows in the manifest")
        for name in ("missing", "damaged", "orphans"):
            for path in getattr(checked, name):
                self.stdout.write(f"{name}: {path}")
