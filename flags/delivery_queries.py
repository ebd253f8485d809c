"""Reads of what is delivered to pages, and of what running code asked for."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Min

from flags.models import Flag, FlagSighting


def client_side_flags(keys: Iterable[str]) -> list[str]:
    """Those of the flags that keys of scope client may ask for, sorted."""
    return sorted(Flag.objects.filter(is_client_side=True, key__in=keys).values_list("key", flat=True))


def last_sightings(environment: str, flags: Iterable[str]) -> dict[str, datetime]:
    """Flag → when running code last said that it asks for it."""
    found = FlagSighting.objects.filter(environment__key=environment, flag__key__in=flags)
    return dict(found.values_list("flag__key", "last_at"))


def sightings_since(environment: str) -> datetime | None:
    """When running code first said what it asks for; None before that."""
    found = FlagSighting.objects.filter(environment__key=environment)
    first: datetime | None = found.aggregate(first=Min("first_at"))["first"]
    return first


def existing_flags(keys: Iterable[str]) -> set[str]:
    """Those of the keys that are flags, archived or not."""
    return set(Flag.objects.filter(key__in=keys).values_list("key", flat=True))
