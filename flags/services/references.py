"""Code references: a scan of a repository replaces the one before, whole or not at all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from flags import references
from flags.models import CodeReference, CodeRepository
from flags.references import Found
from flags.services.names import check_text
from ledger import audit
from ledger.refusals import NotFound, problem, refuse

BATCH = 1_000


@transaction.atomic
def replace_references(
    *,
    repository: str,
    found: Sequence[Any],
    files: int,
    actor: str,
    now: datetime,
    commit: str = "",
    link: str = "",
) -> CodeRepository:
    """Keep what a scan found in place of what the scan before found. A line that only moved keeps its day."""
    name = check_text("repository", repository, limit=200, is_needed=True)
    commit = check_text("commit", commit, limit=64)
    references.check_link(link)
    if not 0 <= files <= 10_000_000:
        raise refuse("files", files, "this is no number of files", "Give how many files were read.")
    wanted = references.read_references(found)
    scanned = {"files": files, "commit": commit, "link": link, "scanned_by": actor, "scanned_at": now}
    row, _ = CodeRepository.objects.get_or_create(name=name, defaults=scanned)
    row = CodeRepository.objects.select_for_update().get(id=row.id)
    before = row.references.count()
    _replace(row, wanted, now)
    CodeRepository.objects.filter(id=row.id).update(**scanned)
    audit.record(
        now=now,
        actor=actor,
        action="code.scanned",
        subject=f"repository:{name}",
        before={"references": before},
        after={"references": len(wanted), "files": files, "commit": commit},
    )
    row.refresh_from_db()
    return row


@transaction.atomic
def forget_repository(*, repository: str, actor: str, now: datetime) -> None:
    """Drop a repository that is not scanned any more, with its references."""
    row = CodeRepository.objects.filter(name=repository).first()
    if row is None:
        raise NotFound(problem("repository", repository, "no repository with this name was scanned"))
    dropped = row.references.count()
    row.delete()
    audit.record(
        now=now,
        actor=actor,
        action="code.forgotten",
        subject=f"repository:{repository}",
        before={"references": dropped},
    )


def _replace(row: CodeRepository, wanted: Sequence[Found], now: datetime) -> None:
    known = row.references.values_list("flag_key", "path", "snippet_hash", "seen_at")
    since = {(flag, path, snippet): seen_at for flag, path, snippet, seen_at in known}
    row.references.all().delete()
    CodeReference.objects.bulk_create(
        (
            CodeReference(
                repository=row,
                flag_key=each.flag,
                path=each.path,
                line=each.line,
                snippet_hash=each.snippet_hash,
                seen_at=since.get((each.flag, each.path, each.snippet_hash), now),
            )
            for each in wanted
        ),
        batch_size=BATCH,
    )
