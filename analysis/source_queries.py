"""Reads of the sources: a company's own tables that experiments can be analysed from."""

from __future__ import annotations

from django.db.models import QuerySet

from analysis.models import Source, SourceTest, SourceVersion
from ledger import queries as ledger
from ledger.refusals import NotFound, problem
from metrics.reading import meant

TEST_JOB = "analysis.source_test"
UNDONE = ("queued", "running")


def sources() -> QuerySet[Source]:
    """All sources by key, with the current version and its test."""
    return Source.objects.filter(current__isnull=False).select_related("current", "current__test")


def source(key: str, number: int | None = None) -> SourceVersion:
    """One version of a source, the newest without a number. Raises NotFound."""
    owner = sources().filter(key=key).first()
    found = owner and (owner.current if number is None else owner.versions.filter(number=number).first())
    if not found:
        known = Source.objects.values_list("key", flat=True)
        fix = f"{meant(key, known)}Sources are listed on the page Sources."
        raise NotFound(problem("source", key, "there is no such source", fix))
    return found


def versions(key: str) -> QuerySet[SourceVersion]:
    """All versions of a source, newest first. Raises NotFound."""
    return source(key).source.versions.order_by("-number")


def is_being_tested(key: str) -> bool:
    """Whether a test was asked for and has not ended."""
    return ledger.jobs().filter(kind=TEST_JOB, key__startswith=f"{key}/", state__in=UNDONE).exists()


def last_test(version: SourceVersion) -> SourceTest | None:
    return SourceTest.objects.filter(version=version).first()
