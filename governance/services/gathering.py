"""What the event store says of an incident: a few sessions that were hit, and what the surface's most
important metrics showed. Worker processes only; the slow reading changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from events import queries as events
from experiments import queries as experiments
from governance import backtest, policy_queries
from governance import incident_queries as queries
from governance.models import ActionItem, Incident
from governance.services import history
from governance.services.opening import RECORDER, record
from impact import queries as impact
from ledger.jobs import NotYet, RunningJob
from metrics import queries as metrics
from metrics.definitions import MetricDefinition
from organisation import queries as organisation

TOP = 5
BASE = timedelta(days=backtest.BASE_DAYS)
SILENT_DUE = timedelta(days=14)
WAIT = timedelta(seconds=10)
WAIT_AT_MOST = timedelta(minutes=5)


def gather(job: RunningJob) -> None:
    """Do the job: exemplars and the detection gap, stored with the end of the job."""
    row = queries.incident(int(job.payload["incident"]))
    _wait_for_store(row)
    exemplars = _exemplars(row)
    gap = detection_gap(row, now=timezone.now())
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        kept = Incident.objects.select_for_update().get(id=row.id)
        kept.exemplars, kept.gap, kept.gathered_at = exemplars, gap, now
        kept.save(update_fields=["exemplars", "gap", "gathered_at"])
        reason = f"{exemplars['sentence']} {gap['sentence']}"
        record("incident.evidence_gathered", kept, actor=RECORDER, now=now, reason=reason)
        _ask_about_silence(kept, gap, now)


def detection_gap(row: Incident, *, now: datetime) -> dict[str, Any]:
    """Did the surface's most important metrics move, and when? Daily values over everybody, not of an arm."""
    since, last = row.began_at.astimezone(UTC).date(), now.astimezone(UTC).date()
    chosen = [metrics.version(key).definition for key in top_metrics(row)]
    values = history.daily_values(
        chosen, environment=history.environment_of(row), since=since - BASE, until=last
    )
    rows = [_moved(each, values[each.key], since, last) for each in chosen]
    return {"metrics": rows, "sentence": _gap_sentence(rows)}


def top_metrics(row: Incident) -> list[str]:
    """At most five: the incident's own, the guardrails of the surface, what its value model names."""
    surface = row.surface_id or ""
    team = organisation.surface(surface).team.key if surface else ""
    attached = [each.metric for each in policy_queries.attached(surface=surface, team=team)]
    model = impact.value_model(surface) if surface else None
    valued = [model.latency_metric, model.outcome] if model is not None else []
    bound = (
        [each.metric for each in experiments.plan(row.experiment_id).bindings]
        if row.trip_id and row.experiment_id
        else []
    )
    known = metrics.titles()
    wanted = [row.metric, *attached, *valued, *bound]
    return [key for key in dict.fromkeys(wanted) if key and key in known][:TOP]


def _moved(
    definition: MetricDefinition, values: Mapping[date, float], since: date, last: date
) -> dict[str, Any]:
    move = backtest.first_move(values, since=since, until=last)
    known = {
        "metric": definition.key,
        "title": definition.title,
        "unit": definition.unit,
        "owner": definition.owner,
    }
    found = {"usual": move.usual, "value": move.value, "z": move.z}
    if move.usual is None:
        state, sentence = "unknown", f"{definition.title}: too little history before {since.isoformat()}."
    elif move.day is None:
        state = "silent"
        sentence = f"{definition.title} stayed in its usual range around {move.usual:.4g} {definition.unit}."
    else:
        state = "moved"
        after = (move.day - since).days
        sentence = (
            f"{definition.title} moved on {move.day.isoformat()}, day {after} of the incident: "
            f"{move.value:.4g} instead of {move.usual:.4g} {definition.unit}."
        )
    day = move.day.isoformat() if move.day else None
    return {**known, **found, "state": state, "day": day, "sentence": sentence}


def _gap_sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "No metric is tied to this surface, so nothing could have shown it."
    moved = sum(row["state"] == "moved" for row in rows)
    unknown = sum(row["state"] == "unknown" for row in rows)
    words = f"{moved} of the top {len(rows)} metrics left their usual range"
    return f"{words}; of {unknown} nothing is known." if unknown else f"{words}."


def _ask_about_silence(row: Incident, gap: Mapping[str, Any], now: datetime) -> None:
    """A metric that was expected to move and did not is a question for its owner."""
    for each in gap["metrics"]:
        if each["state"] != "silent" or each["metric"] != row.metric or not each["owner"]:
            continue
        made, is_new = ActionItem.objects.get_or_create(
            incident=row,
            origin=f"silent:{each['metric']}",
            defaults={
                "title": f"Find out why {each['title']} did not move",
                "owner": each["owner"],
                "due_on": now.date() + SILENT_DUE,
                "created_by": RECORDER,
                "created_at": now,
            },
        )
        if is_new:
            record("action_item.opened", row, actor=RECORDER, now=now, reason=made.title)


def _exemplars(row: Incident) -> dict[str, Any]:
    """Up to five sessions of the arm that were hit hardest; or why there are none."""
    if row.trip is None or row.experiment is None:
        return _none("a person opened this incident, so no arm says whose sessions they are")
    owner = experiments.experiment(row.experiment.key)
    locked = experiments.plan(owner.key)
    if locked.source:
        return _none("the experiment reads tables of your own; sessions are in the event store only")
    variant = next((arm.variant for arm in locked.arms if arm.key == row.arm), "")
    definition = metrics.by_ids([row.trip.metric_version_id])[row.trip.metric_version_id].definition
    from governance.services import sessions

    found = sessions.hardest_hit(
        definition,
        experiment=owner.key,
        variant=variant,
        environment=owner.environment,
        since=row.began_at,
        until=row.trip.run.data_cut,
        worse=1 if row.direction == "up" else -1,
        hit=row.slice if row.slice.get("state") == "slice" else {},
    )
    if not found:
        return _none(f"no event of {definition.key} with a value is stored for {row.arm}")
    return {"sessions": found, "sentence": f"{len(found)} sessions of {row.arm} that were hit hardest."}


def _none(why: str) -> dict[str, Any]:
    return {"sessions": [], "sentence": f"No session to show: {why}."}


def _wait_for_store(row: Incident) -> None:
    """What was acknowledged may wait in the inbox for some seconds."""
    place = history.environment_of(row)
    now = timezone.now()
    waiting = place and events.waiting_batches(place, received_until=row.opened_at)
    if waiting and now - row.opened_at < WAIT_AT_MOST:
        raise NotYet(f"{waiting} batches are not in the store yet", delay=WAIT)
