"""The environment in which something of a flag lives, empty when there is no such thing. Roles ask for it."""

from typing import Any

from django.db.models import QuerySet

from flags.models import Hold, Holdout, RampRun, ScheduledChange, SdkKey


def of_ramp(ramp_id: int) -> str:
    return _place(RampRun.objects.filter(id=ramp_id))


def of_hold(hold_id: int) -> str:
    return _place(Hold.objects.filter(id=hold_id))


def of_change(change_id: int) -> str:
    return _place(ScheduledChange.objects.filter(id=change_id))


def of_holdout(key: str) -> str:
    return _place(Holdout.objects.filter(key=key))


def of_key(prefix: str) -> str:
    return _place(SdkKey.objects.filter(prefix=prefix))


def _place(found: QuerySet[Any]) -> str:
    return str(found.values_list("environment__key", flat=True).first() or "")
