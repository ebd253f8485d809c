"""The weekly digest: made once from rows and report snapshots, frozen, then told.

Nothing in it is computed anew: verdicts, effects and money are read from the snapshots that decisions refer
to, and from what incidents stored when they were opened.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from analysis import queries as analysis
from experiments import queries as experiments
from governance import digest_queries, incident_queries, weeks
from governance.models import Digest, LaunchReview, ReviewState, Waiver, WaiverState
from governance.outbound import events
from governance.outbound.notices import Notice
from governance.queries import receivers
from governance.services.actions import today
from governance.services.telling import put
from ledger import audit
from ledger import queries as ledger
from ledger.refusals import Refused
from organisation import queries as organisation

EVENT = "digest.made"
ACTOR = "digest"
SCHEMA_VERSION = 1
WAITING = (ReviewState.OPEN, ReviewState.IN_REVIEW)
TITLES = {
    "shipped": "Shipped",
    "stopped": "Stopped",
    "harmed": "Harmed",
    "money": "Money",
    "open_trips": "Open trips",
    "overdue_actions": "Overdue actions",
    "sign_offs_waiting": "Reviews that wait for sign-offs",
    "waivers": "Waivers in force",
    "inactive_owners": "Owners who are away",
}
OF_THE_WEEK = ("shipped", "stopped", "harmed", "money")

Row = dict[str, str]


@transaction.atomic
def make_due_digest(*, now: datetime) -> Digest | None:
    """The digest of the last week that ended, when it is due and not made yet; else None."""
    week, begins, ends = weeks.week_due(now, ZoneInfo(settings.TIME_ZONE))
    if Digest.objects.filter(week=week).exists():
        return None
    content = _content(week, begins, ends, now)
    document = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    made, is_new = Digest.objects.get_or_create(
        week=week,
        defaults={
            "begins_at": begins,
            "ends_at": ends,
            "document": document,
            "sha256": hashlib.sha256(document.encode()).hexdigest(),
            "created_at": now,
        },
    )
    if not is_new:
        return None
    facts = {"week": week, "sha256": made.sha256}
    audit.record(now=now, actor=ACTOR, action=EVENT, subject=f"digest:{week}", after=facts)
    _tell(made, now)
    return made


def _tell(made: Digest, now: datetime) -> None:
    """Every receiver that wants it: mail and chat get the lines, others that it is there."""
    notice = Notice(
        event=EVENT,
        subject=f"digest:{made.week}",
        at=now,
        actor=ACTOR,
        reason=digest_queries.as_text(made),
        address=f"{settings.HEADWAY_WEB_URL}/reviews/digests/{made.week}/",
        ids={"sha256": made.sha256},
    )
    for receiver in receivers().filter(paused_at__isnull=True):
        if events.matches(EVENT, receiver.events):
            put(receiver, notice, fact=f"digest:{made.week}", now=now)


def _content(week: str, begins: datetime, ends: datetime, now: datetime) -> dict[str, Any]:
    found = {
        "shipped": list(_decided(begins, ends, shipped=True)),
        "stopped": [*_decided(begins, ends, shipped=False), *_stopped(begins, ends)],
        "harmed": [*_tripped(begins, ends), *_incidents(begins, ends)],
        "money": [*_measured(begins, ends), *_at_risk(begins, ends)],
        "open_trips": list(_open_trips()),
        "overdue_actions": list(_overdue(now)),
        "sign_offs_waiting": list(_reviews()),
        "waivers": list(_waivers()),
        "inactive_owners": list(_orphans(now)),
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "week": week,
        "begins_at": begins.isoformat(),
        "ends_at": ends.isoformat(),
        "made_at": now.isoformat(),
        "is_quiet": not any(found[name] for name in OF_THE_WEEK),
        "sections": [{"key": key, "title": title, "rows": found[key]} for key, title in TITLES.items()],
    }


def _row(title: str, text: str, address: str) -> Row:
    return {"title": title, "text": text, "address": address}


def _decided(begins: datetime, ends: datetime, *, shipped: bool) -> Iterator[Row]:
    """Decisions of the week, with the verdict of the snapshot each was made on."""
    for row in _decisions(begins, ends):
        if (row.taken == "ship") is shipped:
            words = f"{row.get_taken_display().lower()} on {row.recommended}: {row.reason}"
            yield _row(row.experiment.title, words, f"/experiments/{row.experiment.key}/")


def _decisions(begins: datetime, ends: datetime) -> Any:
    found = experiments.decisions().filter(decided_at__gte=begins, decided_at__lt=ends)
    return found.select_related("experiment").order_by("decided_at")


def _stopped(begins: datetime, ends: datetime) -> Iterator[Row]:
    """Experiments that were stopped and are not decided yet."""
    found = experiments.experiments().filter(
        stopped_at__gte=begins, stopped_at__lt=ends, decision__isnull=True
    )
    for row in found.order_by("stopped_at"):
        last = ledger.audit_of(f"experiment:{row.key}").filter(action="experiment.stopped").first()
        why = last.reason if last is not None and last.reason else "stopped, not decided yet"
        yield _row(row.title, why, f"/experiments/{row.key}/")


def _tripped(begins: datetime, ends: datetime) -> Iterator[Row]:
    for trip in analysis.trips().filter(opened_at__gte=begins, opened_at__lt=ends).order_by("opened_at"):
        words = f"{trip.metric} in {trip.arm}: {trip.severity}, {trip.state}"
        yield _row(trip.experiment.title, words, f"/experiments/{trip.experiment.key}/report/")


def _incidents(begins: datetime, ends: datetime) -> Iterator[Row]:
    found = incident_queries.incidents().filter(opened_at__gte=begins, opened_at__lt=ends)
    for row in found.order_by("opened_at"):
        yield _row(f"Incident {row.id}: {row.title}", row.state, f"/reviews/incidents/{row.id}/")


def _measured(begins: datetime, ends: datetime) -> Iterator[Row]:
    """What the week's decisions are worth, as their snapshots say it."""
    for row in _decisions(begins, ends):
        text = _worth(row.snapshot_sha256)
        if text:
            yield _row(row.experiment.title, text, f"/experiments/{row.experiment.key}/")


def _worth(sha256: str) -> str:
    """The sentence on money in a report; empty without one."""
    try:
        report = json.loads(analysis.snapshot(sha256).document)
    except Refused:
        return ""
    measured = (report.get("worth") or {}).get("measured")
    return str(measured["text"]) if measured else ""


def _at_risk(begins: datetime, ends: datetime) -> Iterator[Row]:
    found = incident_queries.incidents().filter(opened_at__gte=begins, opened_at__lt=ends)
    for row in found.order_by("opened_at"):
        if row.money.get("state") == "priced":
            text = f"at risk: {row.money['sentence']}"
            yield _row(f"Incident {row.id}: {row.title}", text, f"/reviews/incidents/{row.id}/")


def _open_trips() -> Iterator[Row]:
    for trip in analysis.unsettled_trips().order_by("opened_at"):
        words = f"{trip.metric} in {trip.arm}, {trip.state} since {trip.opened_at:%Y-%m-%d}"
        yield _row(trip.experiment.title, words, f"/experiments/{trip.experiment.key}/report/")


def _overdue(now: datetime) -> Iterator[Row]:
    for row in incident_queries.actions(state="overdue", today=today(now)):
        words = f"{row.owner}, due {row.due_on.isoformat()}"
        yield _row(row.title, words, f"/reviews/incidents/{row.incident_id}/")


def _reviews() -> Iterator[Row]:
    for row in LaunchReview.objects.filter(state__in=WAITING).order_by("requested_at"):
        words = f"{row.get_state_display()}, asked for by {row.requested_by} {row.requested_at:%Y-%m-%d}"
        yield _row(row.experiment_id or row.flag, words, f"/reviews/{row.id}/")


def _waivers() -> Iterator[Row]:
    for row in Waiver.objects.filter(state=WaiverState.APPROVED).order_by("expires_on"):
        words = f"until {row.expires_on.isoformat()}, approved by {row.approver}: {row.reason}"
        yield _row(f"{row.metric} in {row.experiment_id}", words, "/reviews/waivers/")


def _orphans(now: datetime) -> Iterator[Row]:
    for thing in organisation.orphans(now=now):
        who = f"{thing.owner} is away" if thing.owner else "has no owner"
        yield _row(f"{thing.kind} {thing.key}", who, thing.address)
