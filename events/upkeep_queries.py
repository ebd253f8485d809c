"""Reads about what may stay in the store and what had to go."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet, Sum

from events.layout import KEPT_COUNTS_DAYS, KEPT_RAW_DAYS
from events.models import (
    AssignmentCount,
    Erasure,
    EventName,
    IngestCount,
    RetentionRule,
    StoreFile,
)
from ledger.refusals import NotFound, problem


@dataclass(frozen=True, slots=True)
class Kept:
    """Days that stored events and counts by day stay; None for ever."""

    environment: str
    raw_days: int | None = KEPT_RAW_DAYS
    count_days: int | None = KEPT_COUNTS_DAYS
    is_default: bool = True


def kept(environment: str) -> Kept:
    """What holds in an environment."""
    return kept_in([environment])[0]


def kept_in(environments: Iterable[str]) -> list[Kept]:
    """What holds in each of them, in their order."""
    listed = list(environments)
    rules = {rule.environment: rule for rule in RetentionRule.objects.filter(environment__in=listed)}
    return [
        Kept(key, rules[key].raw_days, rules[key].count_days, is_default=False) if key in rules else Kept(key)
        for key in listed
    ]


def environments_with_data() -> list[str]:
    """Keys of all environments of which anything is kept, in order; those deleted meanwhile, too."""
    models = (StoreFile, IngestCount, EventName)
    found = (model.objects.values_list("environment", flat=True).distinct() for model in models)
    return sorted({key for keys in found for key in keys})


def erasures(*, environment: str = "") -> "QuerySet[Erasure]":
    """Deletions of units, newest first."""
    found = Erasure.objects.all()
    return found.filter(environment=environment) if environment else found


def erasure(erasure_id: int) -> Erasure:
    """Raises NotFound."""
    found = erasures().filter(id=erasure_id).first()
    if found is None:
        raise NotFound(problem("id", erasure_id, "there is no deletion with this number"))
    return found


def rewritten_count() -> int:
    """How often rows were taken out of the store; what was derived from rows before is out of date."""
    return Erasure.objects.filter(rewritten_at__isnull=False).count()


def personal_units(*, since: date) -> list[tuple[str, str, int]]:
    """Environment, name of the key and how many events came under ids that look like personal data."""
    found = IngestCount.objects.filter(kind="personal", day__gte=since)
    grouped = found.values_list("environment", "key__name").annotate(total=Sum("count"))
    return [(environment, key or "import", total) for environment, key, total in grouped.order_by("-total")]


def assignments(environment: str, flag: str, *, since: date) -> tuple[int, int]:
    """Sampled exposures of a flag whose arm was computed again: as reported, and otherwise."""
    found = AssignmentCount.objects.filter(environment=environment, flag=flag, day__gte=since)
    sums = found.aggregate(matched=Sum("matched"), mismatched=Sum("mismatched"))
    return sums["matched"] or 0, sums["mismatched"] or 0
