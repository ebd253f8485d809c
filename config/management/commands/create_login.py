"""`manage.py create_login ada`: an account, with a password asked for or made.

There is no default account. The first one is made here, by whoever can already reach the database.
"""

import getpass
import secrets
import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from ledger import audit

MADE_BYTES = 15


class Command(BaseCommand):
    help = "Create an account for the console, or give an existing one a new password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name to log in with")
        parser.add_argument("--generate", action="store_true", help="make the password and print it once")
        parser.add_argument("--reset", action="store_true", help="the account exists: set a new password")

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        password = secrets.token_urlsafe(MADE_BYTES) if options["generate"] else _asked()
        _store(name, password, reset=options["reset"])
        self.stdout.write(f"{name} can log in now")
        if options["generate"]:
            self.stdout.write(f"password: {password}")


def _asked() -> str:
    """The password from the terminal, twice, or from standard input when that is no terminal."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("the two passwords differ; nothing was changed")
    return password


@transaction.atomic
def _store(name: str, password: str, *, reset: bool) -> None:
    accounts = get_user_model().objects
    found = accounts.filter(username=name).first()
    if found is not None and not reset:
        raise CommandError(f"{name!r} exists; to set a new password: create_login {name} --reset")
    if found is None and reset:
        raise CommandError(f"there is no account {name!r}; leave --reset out to create it")
    account = found or get_user_model()(username=name)
    try:
        account.full_clean(exclude=["password"])
        validate_password(password, account)
    except ValidationError as refused:
        raise CommandError(" ".join(refused.messages)) from None
    account.set_password(password)
    account.save()
    action = "login.password_reset" if reset else "login.created"
    audit.record(now=timezone.now(), actor="command line", action=action, subject=f"login:{name}")
