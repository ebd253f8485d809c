"""How long an environment keeps what it was sent, and dropping what is older.

Events go as whole days: 90 after the day itself and after they were filed, so that history that was imported
yesterday does not vanish tonight. Days that a running experiment still reads wait for it, but never longer
than the counts stay.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Sum

from events import holding
from events import upkeep_queries as queries
from events.layout import EVENTS, EXPOSURES
from events.models import AssignmentCount, EventName, ExposureCount, IngestCount, RetentionRule, StoreFile
from events.upkeep_queries import Kept
from flags import queries as flags
from ledger import audit
from ledger.refusals import Problem, Refused, problem

ACTOR = "retention"
LONGEST = 3_650
FIX = f"A whole number from 1 to {LONGEST:,}, or nothing for ever."


@dataclass(frozen=True, slots=True)
class Dropped:
    """What went of one environment: files and rows of events, and rows of counts."""

    files: int = 0
    rows: int = 0
    counts: int = 0


@transaction.atomic
def set_retention(
    *, environment: str, raw_days: int | None, count_days: int | None, reason: str, actor: str, now: datetime
) -> RetentionRule:
    """From tonight on. Raises Refused with every problem, NotFound for an unknown environment."""
    flags.environment(environment)
    problems = [*_days("raw_days", raw_days), *_days("count_days", count_days)]
    if not problems and (count_days or LONGEST + 1) < (raw_days or LONGEST + 1):
        why = "counts would go before the events they count"
        problems.append(problem("count_days", count_days, why, "Keep them at least as long as raw events."))
    if not reason.strip():
        problems.append(problem("reason", reason, "this is empty", "Say why, for the audit."))
    if problems:
        raise Refused(*problems)
    before = queries.kept(environment)
    said = {"raw_days": raw_days, "count_days": count_days}
    rule, _ = RetentionRule.objects.update_or_create(
        environment=environment, defaults={**said, "changed_by": actor, "changed_at": now}
    )
    audit.record(
        now=now,
        actor=actor,
        action="environment.retention.set",
        subject=f"environment:{environment}",
        before={"raw_days": before.raw_days, "count_days": before.count_days},
        after=said,
        reason=reason.strip(),
    )
    return rule


def _days(name: str, value: object) -> list[Problem]:
    is_good = value is None or (
        isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST
    )
    return [] if is_good else [problem(name, value, "this is no number of days", FIX)]


def drop_old(*, now: datetime) -> dict[str, Dropped]:
    """Of every environment; readers keep for an hour what they hold. Safe to run as often as one likes."""
    dropped = {key: _drop(queries.kept(key), now) for key in queries.environments_with_data()}
    return {key: found for key, found in dropped.items() if found != Dropped()}


@transaction.atomic
def _drop(kept: Kept, now: datetime) -> Dropped:
    files, rows = _drop_files(kept, now)
    found = Dropped(files, rows, _drop_counts(kept, now))
    if found != Dropped():
        audit.record(
            now=now,
            actor=ACTOR,
            action="environment.retention.applied",
            subject=f"environment:{kept.environment}",
            after={"files": found.files, "rows": found.rows, "counts": found.counts},
        )
    return found


def _drop_files(kept: Kept, now: datetime) -> tuple[int, int]:
    if kept.raw_days is None:
        return 0, 0
    due = StoreFile.objects.filter(
        environment=kept.environment,
        kind__in=(EXPOSURES, EVENTS),
        day__lt=first_day(kept, now),
        created_at__lt=now - timedelta(days=kept.raw_days),
        retired_at__isnull=True,
    )
    rows = due.aggregate(total=Sum("rows"))["total"] or 0
    return due.update(retired_at=now), rows


def first_day(kept: Kept, now: datetime) -> date:
    """The first day whose events stay: those that are young enough, and those that somebody still reads."""
    today = now.astimezone(UTC).date()
    young = today - timedelta(days=kept.raw_days or 0)
    needed = holding.needed_since(kept.environment) or young
    oldest = date.min if kept.count_days is None else today - timedelta(days=kept.count_days)
    return min(young, max(needed, oldest))


def _drop_counts(kept: Kept, now: datetime) -> int:
    if kept.count_days is None:
        return 0
    first = now.astimezone(UTC).date() - timedelta(days=kept.count_days)
    where = {"environment": kept.environment}
    by_day = (IngestCount, ExposureCount, AssignmentCount)
    deleted = sum(model.objects.filter(**where, day__lt=first).delete()[0] for model in by_day)
    since = datetime.combine(first, time(), UTC)
    return deleted + EventName.objects.filter(**where, last_seen_at__lt=since).delete()[0]
