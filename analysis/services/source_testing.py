"""The test of a source: what a worker sees of its tables, kept until the next test. Worker processes only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from analysis.engines import probe
from analysis.engines.contract import EngineFailure
from analysis.models import SourceTest, SourceVersion
from analysis.services import sourcing
from analysis.sources.definition import SourceDefinition, SourceKind
from ledger.jobs import RunningJob


def look_at(job: RunningJob) -> None:
    """Do the job. What is wrong with the source is the answer of the test and no failure of the job."""
    version = SourceVersion.objects.get(id=job.payload["version"])
    outcome = _outcome(version.definition)
    asked_at = datetime.fromisoformat(job.payload["requested_at"])
    is_ok = not outcome["failure"] and not any(table["problems"] for table in outcome["tables"])
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        SourceTest.objects.update_or_create(
            version=version,
            defaults={
                "asked_by": job.payload["actor"],
                "asked_at": asked_at,
                "finished_at": now,
                "is_ok": is_ok,
                "outcome": outcome,
            },
        )
        # Rows of other versions are of no use any more, and they hold values of the company's tables.
        SourceTest.objects.filter(version__source_id=version.source_id).exclude(version=version).delete()


def _outcome(definition: SourceDefinition) -> dict[str, Any]:
    address = sourcing.address_of(definition)
    if definition.kind is SourceKind.POSTGRES and not address:
        failure = f"the worker has no environment variable {definition.connection}"
        return {"failure": failure, "tables": []}
    try:
        tables = probe.probe(definition, address=address, roots=settings.HEADWAY_SOURCE_ROOTS)
    except EngineFailure as failure:
        return {"failure": str(failure), "tables": []}
    return {"failure": "", "tables": tables}
