"""`manage.py verify_audit`: does every audit row still follow from the one before it?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger import audit, queries


class Command(BaseCommand):
    help = (
        "Check the hash chain of the audit trail; exit code 1 and the first broken row if it does not hold."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        broken = audit.first_broken()
        if broken is not None:
            raise CommandError(f"the chain breaks at row {broken.id}: {broken}")
        self.stdout.write(f"{queries.audit_events().count()} audit rows, the chain holds")
