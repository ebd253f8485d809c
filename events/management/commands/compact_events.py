"""`manage.py compact_events`: file everything that waits in the inbox, now; before a backup, say."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from events import services


class Command(BaseCommand):
    help = "File every acknowledged batch into the event store and say what became of its events."

    def handle(self, *args: Any, **options: Any) -> None:
        done = services.drain(now=timezone.now())
        self.stdout.write(
            f"{done.batches:,} batches filed: {done.stored:,} events stored, {done.duplicates:,} duplicates "
            f"and {done.conflicting:,} conflicting ones left out, {done.refused:,} refused"
        )
