"""`manage.py erase_unit UNIT --environment production --unit-type user --reason "request 4711"`."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from events import services
from ledger.refusals import Refused


class Command(BaseCommand):
    help = "Delete everything that is known of one unit; a worker does it, and late events are left out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("unit", help="the id exactly as events carry it; - reads it from standard input")
        parser.add_argument("--environment", required=True)
        parser.add_argument("--unit-type", required=True, help="as events carry it: user, device, …")
        parser.add_argument("--reason", required=True, help="for the audit, without the name of a person")
        parser.add_argument("--actor", help="who asks; the user of this shell when it is left out")

    def handle(self, *args: Any, **options: Any) -> None:
        unit = options["unit"] if options["unit"] != "-" else input()
        try:
            made = services.erase_unit(
                environment=options["environment"],
                unit_type=options["unit_type"],
                unit=unit,
                reason=options["reason"],
                actor=options["actor"] or getpass.getuser(),
                now=timezone.now(),
            )
        except Refused as refused:
            raise CommandError("\n".join(str(problem) for problem in refused.problems)) from None
        self.stdout.write(
            f"deletion {made.id} has begun; GET /api/v1/unit-erasures/{made.id} says how far it is"
        )
