"""Retro-guardrails: proposed after an incident, replayed by a worker on the last 90 stored days."""

import math
from datetime import UTC, date, datetime, timedelta
from time import monotonic

from django.db import transaction
from django.utils import timezone

from events import queries as events
from events.labels import LabelKind
from governance import backtest
from governance import incident_queries as queries
from governance.models import BacktestState, RetroGuardrail
from governance.services import history
from governance.services.access import check_may_work
from governance.services.opening import RECORDER, record
from ledger import jobs
from ledger.jobs import NotYet, RunningJob
from ledger.refusals import Conflict, Problem, problem, raise_if_any, refuse
from metrics import queries as metrics
from metrics.definitions import Direction

KIND, QUEUE = "incident.backtest", "analysis"
DAYS = 90
LONGEST_WINDOW = 14
PART_S = 45.0
"""How long one part may read; a job that works much longer is taken for dead by its worker."""
AT_ONCE = timedelta()


@transaction.atomic
def propose_guardrail(
    *,
    id: int,
    metric: str,
    margin: float,
    actor: str,
    now: datetime,
    is_relative: bool = False,
    window_days: int = 1,
) -> RetroGuardrail:
    """A guardrail that would have stopped it; a worker replays it on stored history.

    `margin` is the largest loss accepted, in the metric's unit or as a share of the usual value. Raises
    Refused for a metric without a better way, NotFound for one that does not exist.
    """
    check_may_work(actor)
    row = queries.incident(id)
    version = metrics.version(metric)
    raise_if_any(_problems(metric, version.definition.direction, margin, window_days))
    made = RetroGuardrail.objects.create(
        incident=row,
        metric=metric,
        metric_version=version.number,
        margin=margin,
        is_relative=is_relative,
        window_days=window_days,
        requested_by=actor,
        requested_at=now,
    )
    jobs.enqueue(kind=KIND, key=str(made.id), queue=QUEUE, payload={"guardrail": made.id}, now=now)
    record("incident.guardrail_proposed", row, actor=actor, now=now, reason=words_of(made))
    return made


@transaction.atomic
def accept_guardrail(*, id: int, guardrail: int, reason: str, actor: str, now: datetime) -> RetroGuardrail:
    """Say why a guardrail of incident `id` counts although it would not have tripped on it: what hits a small
    arm, say, need not show in values over everybody. Raises Conflict for one that was not replayed, or that
    needs no such word."""
    check_may_work(actor)
    queries.guardrail(id, guardrail)
    row = RetroGuardrail.objects.select_for_update(of=("self",)).select_related("incident").get(id=guardrail)
    if row.state != BacktestState.DONE:
        why = "only what was replayed on stored history can count"
        raise Conflict(problem("guardrail", guardrail, why, "Wait for the replay, or propose another one."))
    if queries.counts_for_closing(row):
        raise Conflict(problem("guardrail", guardrail, "this one counts already", "Nothing is to be done."))
    if not reason.strip():
        fix = "Say why it is the right guardrail all the same."
        raise refuse("reason", reason, "it would not have tripped on this incident", fix)
    row.accepted_because, row.accepted_by, row.accepted_at = reason.strip(), actor, now
    row.save(update_fields=["accepted_because", "accepted_by", "accepted_at"])
    words = f"{words_of(row)}: {row.accepted_because}"
    record("incident.guardrail_accepted", row.incident, actor=actor, now=now, reason=words)
    return row


def backtest_guardrail(job: RunningJob) -> None:
    """Do the job: read the history, replay, store what came of it.

    A long history is read in parts: what was read is kept, and the job gives way after each part.
    """
    made = RetroGuardrail.objects.select_related("incident").get(id=int(job.payload["guardrail"]))
    found = replayed(made)
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        row = RetroGuardrail.objects.select_for_update().get(id=made.id)
        # A day without history before it cannot be judged; with none at all nothing was replayed.
        row.state = BacktestState.DONE if found.judged else BacktestState.FAILED
        row.result, row.finished_at = found.to_dict(), now
        row.save(update_fields=["state", "result", "finished_at"])
        reason = f"{words_of(row)}: {found.sentence}"
        record("incident.guardrail_replayed", made.incident, actor=RECORDER, now=now, reason=reason)


def words_of(row: RetroGuardrail) -> str:
    """`checkout-time worse by more than 30, over 1 day`."""
    size = f"{row.margin:.3%}".replace(".000", "") if row.is_relative else f"{row.margin:g}"
    days = "1 day" if row.window_days == 1 else f"{row.window_days} days"
    return f"{row.metric} worse by more than {size}, over {days}"


def _history(row: RetroGuardrail, today: date) -> dict[date, float]:
    """The metric on every stored day that is needed. Raises NotYet after a while, with what is read kept."""
    definition = metrics.version(row.metric, row.metric_version).definition
    read: dict[str, float | None] = dict(row.result.get("read", {}))
    known = {date.fromisoformat(day) for day in read}
    last = today - timedelta(days=1)
    first = last - timedelta(days=DAYS - 1 + backtest.BASE_DAYS + row.window_days)
    place, began = history.environment_of(row.incident), monotonic()
    for day, values in history.each_day(
        [definition], environment=place, since=first, until=last, known=known
    ):
        read[day.isoformat()] = values[definition.key]
        if monotonic() - began > PART_S:
            RetroGuardrail.objects.filter(id=row.id).update(result={"read": read})
            raise NotYet(f"{len(read)} days are read, up to {day.isoformat()}", delay=AT_ONCE)
    return {date.fromisoformat(day): value for day, value in read.items() if value is not None}


def replayed(row: RetroGuardrail) -> backtest.Replay:
    """What it would have done on the days before it was asked for. Raises NotYet while history is read."""
    today = row.requested_at.astimezone(UTC).date()
    values = _history(row, today)
    definition = metrics.version(row.metric, row.metric_version).definition
    return backtest.replay(
        values,
        last=today - timedelta(days=1),
        days=DAYS,
        window=row.window_days,
        margin=row.margin,
        is_relative=row.is_relative,
        worse=1 if definition.direction is Direction.DOWN else -1,
        incidents=_known(row.metric, today),
    )


def _known(metric: str, today: date) -> list[backtest.Known]:
    """Labelled incidents that were to move the metric, or do not say which."""
    since = datetime.combine(today - timedelta(days=DAYS), datetime.min.time(), UTC)
    found = events.labels(kind=LabelKind.INCIDENT.value, since=since)
    return [
        backtest.Known(
            title=label.title,
            first=label.started_at.astimezone(UTC).date(),
            last=label.ended_at.astimezone(UTC).date() if label.ended_at else today,
        )
        for label in found
        if not label.expected or metric in label.expected
    ]


def _problems(metric: str, direction: Direction, margin: float, window_days: int) -> list[Problem]:
    found = []
    if direction is Direction.NONE:
        fix = "Choose a metric with a direction."
        found.append(problem("metric", metric, "no direction of this metric is worse", fix))
    if not math.isfinite(margin) or margin <= 0:
        fix = "Give the largest loss you would accept, above 0."
        found.append(problem("margin", margin, "this is no margin", fix))
    if not 1 <= window_days <= LONGEST_WINDOW:
        fix = f"Give 1 to {LONGEST_WINDOW} days."
        found.append(problem("window_days", window_days, "this is no window", fix))
    return found
