"""`manage.py verify_audit`: does every audit row still follow from the one before it, and is none missing?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ledger import audit


class Command(BaseCommand):
    help = (
        "Check the audit trail: exit code 1 and the first fault if rows were altered, removed or re-ordered."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        why = "seal the rows as they stand and say why, after HEADWAY_SECRET_KEY was changed"
        parser.add_argument("--seal", metavar="REASON", default="", help=why)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["seal"]:
            audit.seal_anew(actor="operator", now=timezone.now(), reason=options["seal"])
        found = audit.check()
        if found.fault:
            row = "" if found.broken is None else f" ({found.broken})"
            raise CommandError(f"{found.fault}{row}")
        self.stdout.write(f"{found.rows} audit rows, the chain holds")
