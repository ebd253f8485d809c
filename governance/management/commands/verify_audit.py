"""`manage.py verify_audit`: does every audit row still follow from the one before it, and is none missing?

A seal that is kept outside the database finds even what nothing in it can: rows cut off the end by somebody
who put back the older seal as well. Without one, that of the newest walk by a worker is asked for.
"""

import re
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ledger import audit, verifying


class Command(BaseCommand):
    help = (
        "Check the audit trail: exit code 1 and the first fault if rows were altered, removed or re-ordered."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        why = "seal the rows as they stand and say why, after HEADWAY_SECRET_KEY was changed"
        parser.add_argument("--seal", metavar="REASON", default="", help=why)
        kept = "a seal that was written down earlier, as this command prints it: 1234:9f3c…"
        parser.add_argument("--kept", metavar="ROWS:SEAL", type=_kept, default=None, help=kept)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["seal"]:
            audit.seal_anew(actor="operator", now=timezone.now(), reason=options["seal"])
        found = audit.check(kept=options["kept"] or verifying.kept_before())
        if found.fault:
            row = "" if found.broken is None else f" ({found.broken})"
            raise CommandError(f"{found.fault}{row}")
        self.stdout.write(f"{found.rows} audit rows, the chain holds")
        self.stdout.write(f"seal to keep elsewhere: {found.kept}")


def _kept(text: str) -> audit.Kept:
    rows, _, seal = text.partition(":")
    if not rows.isdecimal() or not re.fullmatch(r"[0-9a-f]{64}|", seal):
        raise ArgumentTypeError(f"{text!r} is no kept seal; write it as the command printed it, 1234:9f3c…")
    return audit.Kept(int(rows), seal)
