"""Named filters of the list of experiments."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from experiments import listing
from experiments.models import SavedFilter
from ledger import audit
from ledger.refusals import NotFound, problem, refuse
from metrics.reading import what_is_wrong_with

MAX_NAME = 60


@transaction.atomic
def save_filter(*, name: str, filters: Mapping[str, str], actor: str, now: datetime) -> SavedFilter:
    """Keep what the list is narrowed by under a name; the same name again replaces it."""
    kept = {key: filters[key] for key in listing.ASKED if filters.get(key)}
    wrong = what_is_wrong_with(name, limit=MAX_NAME)
    if wrong:
        raise refuse("name", name, wrong, "Write a few words.")
    if not kept:
        raise refuse("filters", "", "nothing narrows the list", "Filter it first.")
    found, _ = SavedFilter.objects.update_or_create(
        owner=actor, name=name.strip(), defaults={"filters": kept, "saved_at": now}
    )
    subject = f"experiment-filter:{actor}/{found.name}"
    audit.record(now=now, actor=actor, action="experiment.filter.saved", subject=subject, after=kept)
    return found


@transaction.atomic
def forget_filter(*, filter_id: int, actor: str, now: datetime) -> None:
    """Drop one's own filter."""
    found = SavedFilter.objects.filter(id=filter_id).first()
    if found is None:
        raise NotFound(problem("filter", filter_id, "there is no such filter"))
    if found.owner != actor:
        raise refuse("actor", actor, f"this filter belongs to {found.owner}", "Save one of your own.")
    subject = f"experiment-filter:{actor}/{found.name}"
    before = found.filters
    found.delete()
    audit.record(now=now, actor=actor, action="experiment.filter.dropped", subject=subject, before=before)
