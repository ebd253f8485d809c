"""Handing over what somebody owns."""

from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import transaction

from ledger.refusals import refuse
from organisation import ownership, queries
from organisation.services.structure import change_surface, change_team


@transaction.atomic
def hand_over_everything(
    *, from_user: str, to_user: str, actor: str, now: datetime, reason: str
) -> list[ownership.Owned]:
    """Make `to_user` the owner of all that `from_user` owns: all of it or, when one refuses, none.

    Raises Refused when nobody of that name can log in, or for no reason.
    """
    if not get_user_model().objects.filter(username=to_user, is_active=True).exists():
        raise refuse("to_user", to_user, "nobody of this name can log in", "Name somebody with an account.")
    if to_user == from_user:
        raise refuse("to_user", to_user, "this is the owner already", "Name somebody else.")
    if not reason.strip():
        raise refuse("reason", reason, "this is empty", "Say why, for example: changed teams.")
    things = ownership.of(from_user)
    for thing in things:
        ownership.hand_over(thing, owner=to_user, actor=actor, now=now, reason=reason)
    return things


def transfer_team(*, key: str, owner: str, actor: str, now: datetime, reason: str) -> None:
    """Another owner for the team; a backup who becomes the owner is backup no more."""
    row = queries.team(key)
    backup = "" if row.backup == owner else row.backup
    change_team(
        key=key,
        name=row.name,
        owner=owner,
        backup=backup,
        channel=row.channel,
        actor=actor,
        now=now,
        reason=reason,
    )


def transfer_surface(*, key: str, owner: str, actor: str, now: datetime, reason: str) -> None:
    """Another owner for the surface; a backup who becomes the owner is backup no more."""
    row = queries.surface(key)
    backup = "" if row.backup == owner else row.backup
    change_surface(
        key=key,
        name=row.name,
        team=row.team.key,
        owner=owner,
        backup=backup,
        description=row.description,
        actor=actor,
        now=now,
        reason=reason,
    )
