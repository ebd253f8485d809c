"""Handing a flag over to another owner."""

from datetime import datetime

from django.db import transaction

from flags import queries
from flags.services.catalogue import edit_flag


@transaction.atomic
def hand_over_flag(*, key: str, owner: str, actor: str, now: datetime, reason: str) -> None:
    """Another owner for the flag; a backup who becomes the owner is backup no more."""
    content = {"owner": owner}
    if queries.flag(key).backup == owner:
        content["backup"] = ""
    edit_flag(flag=key, content=content, actor=actor, now=now, reason=reason)
