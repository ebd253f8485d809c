"""Reads of what interactions were estimated, and of the estimates that are under way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from analysis.models import InteractionReading
from analysis.pairs import in_order
from ledger import queries as ledger

if TYPE_CHECKING:
    from ledger.models import Job

JOB = "analysis.interaction"
UNDONE, DEAD = ("queued", "running"), "dead"

Keys = tuple[str, str]
"""Keys of two experiments in the order in which they are stored."""


def newest() -> dict[Keys, InteractionReading]:
    """The newest reading of every pair."""
    rows = InteractionReading.objects.select_related("one", "other")
    of_pair = rows.order_by("one_id", "other_id", "-data_cut", "-id").distinct("one_id", "other_id")
    return {(row.one.key, row.other.key): row for row in of_pair}


def readings(one: str, other: str) -> QuerySet[InteractionReading]:
    """All readings of a pair, newest first."""
    first, second = in_order(one, other)
    rows = InteractionReading.objects.filter(one__key=first, other__key=second)
    return rows.select_related("one", "other").order_by("-data_cut", "-id")


def last_jobs(pairs: list[Keys]) -> dict[Keys, Job]:
    """The newest job of each of these pairs that was ever asked for."""
    found = {}
    for job in _jobs().filter(key__regex=_any_of(pairs)).order_by("id") if pairs else ():
        one, other, _ = job.key.split("/", 2)
        found[one, other] = job
    return found


def is_under_way(job: Job | None) -> bool:
    return job is not None and job.state in UNDONE


def failure(job: Job | None) -> str:
    """Why the newest estimate failed for good; empty when it did not."""
    return job.failure if job is not None and job.state == DEAD else ""


def _jobs() -> QuerySet[Job]:
    return ledger.jobs().filter(kind=JOB)


def _any_of(pairs: list[Keys]) -> str:
    """Keys of experiments are slugs, so that nothing in them means anything to a pattern."""
    return f"^({'|'.join(_prefixes(pairs))})/"


def _prefixes(pairs: list[Keys]) -> Iterator[str]:
    yield from (f"{one}/{other}" for one, other in pairs)
