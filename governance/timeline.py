"""The timeline of an incident, built from facts: the audit trail, deploys, deliveries, notes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from events import queries as events
from events.labels import LabelKind
from governance.models import Delivery, Incident
from ledger import queries as ledger

BEFORE = timedelta(days=1)
AFTER = timedelta(hours=1)
MOST = 300
TOLD = ("trip.", "ramp.", "experiment.", "flag.", "hold.", "review.", "signoff.", "waiver.")
SET_UP = ("incident.noted", "experiment.created", "experiment.metric.bound", "flag.created")
"""What tells nothing about the harm; notes stand on the timeline as notes."""
WORDS = {
    "incident.opened": "Incident opened",
    "incident.escalated": "Harm confirmed",
    "incident.acknowledged": "Acknowledged",
    "incident.mitigated": "Mitigated",
    "incident.closed": "Closed",
    "incident.evidence_gathered": "Event store read",
    "incident.guardrail_proposed": "Guardrail proposed",
    "incident.guardrail_replayed": "Guardrail replayed",
    "incident.guardrail_accepted": "Guardrail counts all the same",
    "trip.opened": "Guardrail tripped",
    "trip.escalated": "Harm confirmed by the monitor",
    "trip.acted": "The monitor acted",
    "trip.acknowledged": "Trip acknowledged",
    "trip.resolved": "Trip resolved",
    "trip.waived": "Trip waived",
    "review.open": "Questions open again",
    "review.in_review": "Waits for sign-offs",
    "review.approved": "Launch approved",
    "review.blocked": "Launch blocked",
    "review.withdrawn": "Review withdrawn",
    "review.flagged": "Raised with the launch review",
    "review.answered": "Risk questions answered",
    "signoff.requested": "Sign-off asked for",
    "signoff.given": "Signed",
    "signoff.expired": "Sign-off ended",
    "signoff.conditions_met": "Conditions met",
    "action_item.handed_over": "Action item handed over",
    "person.mailed": "Mail sent",
    "person.not_mailed": "No mail",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact: when, what in a few words, who, more in words, where it comes from (`audit`, `deploy`,
    `delivery` or `note`)."""

    at: datetime
    what: str
    who: str
    detail: str
    origin: str

    def to_dict(self) -> dict[str, str]:
        return {
            "at": self.at.isoformat(),
            "what": self.what,
            "who": self.who,
            "detail": self.detail,
            "origin": self.origin,
        }


def timeline(row: Incident, *, now: datetime) -> list[Entry]:
    """Everything that is known, oldest first: from a day before the harm until an hour after the end."""
    since, until = row.began_at - BEFORE, (row.closed_at or now) + AFTER
    found = [*_audited(row, since, until), *_deploys(since, until), *_told(row), *_notes(row)]
    return sorted(found, key=lambda entry: entry.at)[-MOST:]


def _audited(row: Incident, since: datetime, until: datetime) -> list[Entry]:
    about = Q(subject=f"incident:{row.id}")
    around = Q()
    for action in TOLD:
        around |= Q(action__startswith=action)
    subjects = [f"experiment:{row.experiment_id}"] if row.experiment_id else []
    subjects += [f"flag:{row.flag}"] if row.flag else []
    wanted = about | Q(subject__in=subjects, at__gte=since, at__lt=until) & around
    rows = ledger.audit_events().filter(wanted).exclude(action__in=SET_UP)[:MOST]
    return [
        Entry(each.at, words(each.action), each.actor, each.reason or _facts(each.after), "audit")
        for each in rows
    ]


def words(action: str) -> str:
    """An audited change as people call it: flag.version.published → Flag version published."""
    return WORDS.get(action) or action.replace(".", " ").replace("_", " ").capitalize()


def _facts(after: Any) -> str:
    """Names among the facts of an audit row, for those without a reason."""
    known = after or {}
    names = ("metric", "arm", "severity", "state", "environment", "number")
    return ", ".join(str(known[name]) for name in names if known.get(name) not in (None, ""))


def _deploys(since: datetime, until: datetime) -> list[Entry]:
    found = events.labels(since=since, until=until).filter(kind__in=[LabelKind.DEPLOY, LabelKind.FIX])
    return [
        Entry(each.started_at, LabelKind(each.kind).words, each.created_by, each.title, "deploy")
        for each in found[:MOST]
    ]


def _told(row: Incident) -> list[Entry]:
    """Messages about the incident or its trip, with what came of them."""
    about = Q(notice__ids__incident=row.id)
    about |= Q(notice__ids__trip=row.trip_id) if row.trip_id else Q()
    found = Delivery.objects.filter(about).select_related("receiver")[:MOST]
    return [
        Entry(
            each.delivered_at or each.created_at,
            f"{each.receiver.name} told of {each.event}",
            each.receiver.kind,
            each.state,
            "delivery",
        )
        for each in found
    ]


def _notes(row: Incident) -> list[Entry]:
    return [Entry(note.at, "Note", note.by, note.text, "note") for note in row.notes.all()]
