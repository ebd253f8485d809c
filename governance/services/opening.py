"""From a trip to an incident: read off the audit trail, once for each trip.

The trail is read after a cursor; moving the cursor and writing the job is one transaction, and the job's own
transaction holds everything that opening means: the incident with the slice and the money at risk, the draft
of its postmortem, the evidence row with which metrics are validated, the mails to the owners, the job that
gathers sessions. A worker may die anywhere between, and Redis may lose everything.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from analysis import queries as analysis
from events import services as events
from events.labels import Direction, Label, LabelKind
from experiments import queries as experiments
from governance.models import FeedCursor, Incident, Postmortem
from governance.services.harm import money_at_risk, worst_slice
from governance.services.mailing import mail_people
from ledger import audit, jobs
from ledger import queries as ledger
from ledger.jobs import RunningJob
from metrics import queries as metrics
from organisation import queries as organisation

FEED = "incidents"
KIND = "incident.open"
GATHER = "incident.gather"
QUEUE, GATHER_QUEUE = "notify", "analysis"
TRIPPED = ("trip.opened", "trip.escalated")
ALARM = "alarm"
RECORDER = "incident recorder"
AT_A_TIME = 2000


@transaction.atomic
def follow_trips(*, now: datetime) -> int:
    """Ask for an incident for every trip since the last time; how many were asked for.

    The first run looks at the trips that are not settled: what was settled long ago is no news.
    """
    cursor, is_new = FeedCursor.objects.select_for_update().get_or_create(
        feed=FEED, defaults={"position": ledger.last_audit_id()}
    )
    if is_new:
        found = [(trip.id, trip.severity) for trip in analysis.unsettled_trips()]
    else:
        rows = list(ledger.audit_after(cursor.position)[:AT_A_TIME])
        found = [_named(row) for row in rows if row.action in TRIPPED]
        if rows:
            cursor.position = rows[-1].id
            cursor.save(update_fields=["position"])
    for trip, severity in found:
        payload = {"trip": trip, "severity": severity}
        jobs.enqueue(kind=KIND, key=f"{trip}/{severity}", queue=QUEUE, payload=payload, now=now)
    return len(found)


def open_for_trip(job: RunningJob) -> None:
    """Do the job: open the incident of a trip, or say on it that the harm was confirmed."""
    trip = analysis.trip(int(job.payload["trip"]))
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        if trip.action == ALARM:
            return
        known = Incident.objects.select_for_update().filter(trip_id=trip.id).first()
        if known is None:
            _open(trip, now)
        elif known.severity != trip.severity:
            _escalate(known, trip, now)


def follow_up(row: Incident, *, now: datetime, draft: str = "") -> None:
    """What every incident has, opened by a trip or by a person: a postmortem, an evidence row, the gathering
    of sessions. Runs inside the transaction that makes it."""
    Postmortem.objects.create(
        incident=row,
        summary=row.title,
        impact=draft,
        detection=f"Noticed {row.opened_at:%Y-%m-%d %H:%M} UTC by {RECORDER if row.trip_id else 'a person'}.",
        author=row.opened_by,
        created_at=now,
        edited_at=now,
    )
    row.label = events.add_label(label=_label(row), actor=row.opened_by, now=now).id
    row.save(update_fields=["label"])
    gather(row, now=now)


def gather(row: Incident, *, now: datetime) -> None:
    """Ask a worker to read the event store for this incident."""
    jobs.enqueue(
        kind=GATHER,
        key=f"{row.id}/{row.severity or 'manual'}",
        queue=GATHER_QUEUE,
        payload={"incident": row.id},
        now=now,
    )


def record(action: str, row: Incident, *, actor: str, now: datetime, reason: str = "") -> None:
    """One audit row of an incident; the ids in it are what receivers are told."""
    ids = {
        "incident": row.id,
        "trip": row.trip_id,
        "experiment": row.experiment_id,
        "surface": row.surface_id,
        "flag": row.flag,
        "environment": row.environment,
        "metric": row.metric,
        "arm": row.arm,
        "state": row.state,
        "severity": row.severity,
    }
    after = {name: value for name, value in ids.items() if value not in (None, "")}
    subject = f"incident:{row.id}"
    audit.record(now=now, actor=actor, action=action, subject=subject, after=after, reason=reason)


def page_of(row: Incident) -> str:
    return f"{settings.HEADWAY_WEB_URL}/reviews/incidents/{row.id}/"


def owners_of(row: Incident) -> list[str]:
    """Who answers for what was hurt: owners and backups of the experiment and of the surface."""
    found: list[str] = []
    if row.experiment_id is not None:
        owner = experiments.experiment(row.experiment_id)
        found += [owner.owner, owner.backup_owner]
    if row.surface_id is not None:
        surface = organisation.surface(row.surface_id)
        found += [surface.owner, surface.backup]
    return list(dict.fromkeys(name for name in found if name))


def tell_owners(row: Incident, *, fact: str, now: datetime) -> None:
    """Mail to the owners and their backups."""
    facts = [row.slice.get("sentence", ""), row.money.get("sentence", "")]
    lines = [f"{row.title}.", "", *filter(None, facts), "", f"State: {row.state}.", page_of(row)]
    mail_people(
        owners_of(row),
        fact=fact,
        about=f"incident:{row.id}",
        subject=f"Incident {row.id}: {row.title}",
        text="\n".join(lines),
        now=now,
    )


def _named(row: Any) -> tuple[int, str]:
    return int(row.after["trip"]), str(row.after["severity"])


def _open(trip: Any, now: datetime) -> None:
    owner = trip.experiment
    title = metrics.by_ids([trip.metric_version_id])[trip.metric_version_id].definition.title
    row = Incident.objects.create(
        title=f"{title} harmed in {trip.arm} of {owner.key}"[:200],
        severity=trip.severity,
        surface_id=owner.surface_id,
        experiment_id=owner.key,
        trip_id=trip.id,
        flag=owner.flag,
        environment=owner.environment,
        metric=trip.metric,
        arm=trip.arm,
        direction="up" if trip.estimate > 0 else "down",
        slice=worst_slice(trip),
        money=money_at_risk(trip, today=now.date()),
        began_at=min(_began(trip), now),
        opened_at=now,
        opened_by=RECORDER,
    )
    record("incident.opened", row, actor=RECORDER, now=now, reason=_reason(row, trip))
    follow_up(row, now=now, draft=_impact(row, trip))
    tell_owners(row, fact=f"incident.opened/{row.id}", now=now)


def _escalate(row: Incident, trip: Any, now: datetime) -> None:
    """The harm was confirmed: the same incident, with what is known now."""
    row.severity = trip.severity
    row.slice, row.money = worst_slice(trip), money_at_risk(trip, today=now.date())
    row.save(update_fields=["severity", "slice", "money"])
    record("incident.escalated", row, actor=RECORDER, now=now, reason=_reason(row, trip))
    gather(row, now=now)
    tell_owners(row, fact=f"incident.escalated/{row.id}", now=now)


def _began(trip: Any) -> datetime:
    """When the arm was first served under the plan that tripped: since then users were hurt."""
    started = experiments.plan(trip.experiment.key).started_at
    return trip.opened_at if started is None else started


def _reason(row: Incident, trip: Any) -> str:
    word = "confirmed harm" if trip.severity == "confirmed" else "harm"
    return f"Guardrail {trip.metric}: {word} in {trip.arm}. {row.slice['sentence']} {row.money['sentence']}"


def _impact(row: Incident, trip: Any) -> str:
    """What is known of the impact, for the draft."""
    unit = metrics.by_ids([trip.metric_version_id])[trip.metric_version_id].definition.unit
    effect = f"{trip.estimate:+.4g} {unit} ({trip.low:+.4g} to {trip.high:+.4g})"
    limit = "" if trip.margin is None else f"; the largest loss accepted was {trip.margin:.4g} {unit}"
    return "\n".join(
        [
            f"{trip.metric} in {trip.arm}: {effect}{limit}.",
            f"Hit most: {row.slice['sentence']}",
            f"Money at risk: {row.money['sentence']}",
        ]
    )


def _label(row: Incident) -> Label:
    """The evidence with which metrics are validated: which of them had to move, and in which direction."""
    hit = row.slice if row.slice.get("state") == "slice" else {}
    return Label(
        kind=LabelKind.INCIDENT,
        title=row.title,
        started_at=row.began_at,
        slices={hit["dimension"]: (hit["level"],)} if hit else {},
        expected={row.metric: Direction(row.direction)} if row.metric and row.direction else {},
        link=page_of(row),
        origin=f"incident:{row.id}",
    )
