"""Drawing salts: 32 random bits, unique over the whole project, kept beside what they belong to."""

import secrets
from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError, transaction

from flags.models import TWO_TO_32, Salt
from ledger.refusals import refuse

ATTEMPTS = 20


def random_salt() -> int:
    return secrets.randbelow(TWO_TO_32)


def draw_salt(*, subject: str, now: datetime, draw: Callable[[], int] = random_salt) -> Salt:
    """A salt nobody has. The primary key decides between two who drew the same number."""
    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return Salt.objects.create(value=draw(), subject=subject, created_at=now)
        except IntegrityError:
            continue
    raise RuntimeError(f"{ATTEMPTS} random salts were all taken: the random source is broken")


def adopt_salt(*, value: int, subject: str, field: str, now: datetime) -> Salt:
    """Register a salt that somebody wrote down. Raises Refused for no salt, or when it belongs to something
    else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < TWO_TO_32:
        why = f"a salt is a whole number from 0 to {TWO_TO_32 - 1}"
        raise refuse(field, value, why, "Leave the salt out to get a fresh one.")
    salt, _ = Salt.objects.get_or_create(value=value, defaults={"subject": subject, "created_at": now})
    if salt.subject != subject:
        raise refuse(
            field,
            value,
            f"this salt belongs to {salt.subject}: both would pick the same people",
            "Leave the salt out to get a fresh one; a layer shares traffic on purpose.",
        )
    return salt
