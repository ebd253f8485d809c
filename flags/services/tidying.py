"""Keeping flags in order: ticking a clean-up's steps, naming filters of the list."""

from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from django.db import transaction

from flags import clean_up, queries
from flags.models import CleanUpTick, Flag, SavedFilter
from flags.services.names import check_text
from ledger import audit
from ledger.refusals import Conflict, NotFound, problem, refuse

FILTERS = ("search", "environment", "stale", "archived")
MAX_FILTERS = 50


@transaction.atomic
def tick_clean_up(*, flag: str, step: str, actor: str, now: datetime) -> bool:
    """Say that a step is done, or take that back. True when it is done now."""
    if step not in clean_up.STEPS:
        raise refuse("step", step, "there is no such step", f"Possible are: {', '.join(clean_up.STEPS)}.")
    queries.flag(flag)
    row = Flag.objects.select_for_update(no_key=True).get(key=flag)
    taken_back = CleanUpTick.objects.filter(flag=row, step=step).delete()[0]
    if not taken_back:
        CleanUpTick.objects.create(flag=row, step=step, ticked_by=actor, ticked_at=now)
    audit.record(
        now=now,
        actor=actor,
        action="flag.clean-up.reopened" if taken_back else "flag.clean-up.done",
        subject=f"flag:{flag}",
        after={"step": step},
    )
    return not taken_back


@transaction.atomic
def save_filter(*, name: str, query: str, actor: str, now: datetime) -> SavedFilter:
    """Name what the list shows now, for everybody. Only what the list can be filtered by is kept."""
    name = check_text("name", name, limit=60, is_needed=True)
    known = [(key, value) for key, value in parse_qsl(query[:2000]) if key in FILTERS and "\0" not in value]
    kept = urlencode(known)
    if not kept or len(kept) > 500:
        raise refuse("query", query, "this filters nothing that can be kept", "Filter the list first.")
    if SavedFilter.objects.count() >= MAX_FILTERS:
        raise Conflict(problem("name", name, f"{MAX_FILTERS} filters are saved", "Delete one first."))
    made, is_new = SavedFilter.objects.get_or_create(
        name=name, defaults={"query": kept, "created_by": actor, "created_at": now}
    )
    if not is_new:
        raise Conflict(problem("name", name, "there is a filter with this name", "Choose another name."))
    audit.record(
        now=now, actor=actor, action="filter.saved", subject=f"filter:{made.id}", after={"name": name}
    )
    return made


@transaction.atomic
def delete_filter(*, filter_id: int, actor: str, now: datetime) -> None:
    """Nobody sees it any more."""
    row = SavedFilter.objects.select_for_update().filter(id=filter_id).first()
    if row is None:
        raise NotFound(problem("filter", filter_id, "there is no such filter"))
    row.delete()
    audit.record(
        now=now,
        actor=actor,
        action="filter.deleted",
        subject=f"filter:{filter_id}",
        before={"name": row.name},
    )
