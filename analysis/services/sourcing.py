"""Describing a company's own tables, and asking for a test of the description."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from analysis import source_queries
from analysis.models import Source, SourceVersion
from analysis.sources import parsing
from analysis.sources.definition import SourceDefinition
from ledger import audit, jobs
from ledger.refusals import refuse

if TYPE_CHECKING:
    from ledger.models import Job

QUEUE = "analysis"


@transaction.atomic
def save_source(*, text: str, actor: str, now: datetime, key: str = "") -> SourceVersion:
    """Store a description and return the version that holds it; the current one when it means the same.

    With `key` only a text of that source is taken. Raises Refused with every problem and its line.
    """
    definition = parsing.parse(text)
    if key and definition.key != key:
        raise refuse("key", definition.key, f'this describes another source than "{key}"', "Keep the key.")
    source, _ = Source.objects.select_for_update().get_or_create(
        key=definition.key, defaults={"created_at": now}
    )
    before = source.versions.order_by("-number").first()
    if before is not None and before.sha256 == definition.sha256:
        return before
    version = _stored(source, definition, text, actor, now, 1 if before is None else before.number + 1)
    audit.record(
        now=now,
        actor=actor,
        action="analysis.source.described",
        subject=f"source:{source.key}",
        before=None if before is None else {"version": before.number, "sha256": before.sha256},
        after={"version": version.number, "sha256": version.sha256, "place": definition.place},
    )
    return version


@transaction.atomic
def request_test(*, key: str, actor: str, now: datetime) -> Job:
    """Ask a worker to look at the first rows of the current version; twice in a second is once."""
    version = source_queries.source(key)
    asked = now.replace(microsecond=0).isoformat()
    payload = {"version": version.id, "actor": actor, "requested_at": now.isoformat()}
    job = jobs.enqueue(
        kind=source_queries.TEST_JOB,
        key=f"{key}/{version.number}/{asked}",
        queue=QUEUE,
        payload=payload,
        now=now,
    )
    if job.created_at == now:
        audit.record(
            now=now,
            actor=actor,
            action="analysis.source.tested",
            subject=f"source:{key}",
            after={"version": version.number},
        )
    return job


def address_of(definition: SourceDefinition) -> str:
    """The database's address from the worker's environment; "" when the variable is not set."""
    return os.environ.get(definition.connection, "") if definition.connection else ""


def _stored(
    source: Source, definition: SourceDefinition, text: str, actor: str, now: datetime, number: int
) -> SourceVersion:
    version = SourceVersion.objects.create(
        source=source,
        number=number,
        text=text,
        content=definition.canonical(),
        sha256=definition.sha256,
        author=actor,
        created_at=now,
    )
    Source.objects.filter(id=source.id).update(current=version)
    return version
