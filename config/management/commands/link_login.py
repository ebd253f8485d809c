"""`manage.py link_login ada`: the next person whom single sign-on calls ada gets this account."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from config.models import Identity
from ledger import audit


class Command(BaseCommand):
    help = "Take an account's password away and let single sign-on claim it, also after a change of provider."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name of the account")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        account = get_user_model().objects.filter(username=name).first()
        if account is None:
            raise CommandError(f"there is no account {name!r}")
        account.set_unusable_password()
        account.save(update_fields=["password"])
        Identity.objects.filter(user=account).delete()
        audit.record(now=timezone.now(), actor="operator", action="login.opened", subject=f"login:{name}")
        self.stdout.write(f"whoever single sign-on calls {name} gets this account at the next log-in")
