"""What each section of the weekly digest says, a row a fact: a title, words, and where to read on.

Nothing is computed anew: verdicts, effects and money are read from the snapshots that decisions refer to,
from trips and from what incidents stored when they were opened; roll-outs of flags from the audit trail.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from analysis import queries as analysis
from analysis.report import differences
from experiments import queries as experiments
from governance import incident_queries, policy_queries, review_queries
from governance.models import ReviewState, SignOffAnswer, WaiverState
from governance.services.actions import today
from ledger import queries as ledger
from ledger.refusals import Refused
from organisation import queries as organisation

Row = dict[str, str]


def sections(begins: datetime, ends: datetime, now: datetime) -> dict[str, list[Row]]:
    """All rows by the key of their section."""
    week = begins, ends
    return {
        "shipped": [*_decided(*week, shipped=True), *_rolled_out(*week)],
        "stopped": [*_decided(*week, shipped=False), *_stopped(*week), *_rolled_back(*week)],
        "harmed": [*_tripped(*week), *_incidents(*week)],
        "money": [*_measured(*week), *_at_risk(*week)],
        "open_trips": list(_open_trips()),
        "overdue_actions": list(_overdue(now)),
        "sign_offs_waiting": list(_reviews()),
        "conditions": list(_conditions()),
        "waivers": list(_waivers()),
        "inactive_owners": list(_orphans(now)),
    }


def _row(title: str, text: str, address: str) -> Row:
    return {"title": title, "text": text, "address": address}


def _decided(begins: datetime, ends: datetime, *, shipped: bool) -> Iterator[Row]:
    """Decisions of the week, with the verdict of the snapshot each was made on."""
    for row in _decisions(begins, ends):
        if (row.taken == "ship") is shipped:
            words = f"{row.get_taken_display().lower()} on {row.recommended}: {row.reason}"
            yield _row(row.experiment.title, words, f"/experiments/{row.experiment.key}/")


def _rolled_out(begins: datetime, ends: datetime) -> Iterator[Row]:
    """Flags that reached everybody by a ramp of their own; those of experiments stand under the decision."""
    yield from _ramps("ramp.completed", "rolled out", begins, ends)


def _rolled_back(begins: datetime, ends: datetime) -> Iterator[Row]:
    yield from _ramps("ramp.rolled_back", "rolled back", begins, ends)


def _ramps(action: str, words: str, begins: datetime, ends: datetime) -> Iterator[Row]:
    for row in ledger.audit_events(subject="flag:", action=action, since=begins, until=ends).order_by("id"):
        key, place = row.subject.partition(":")[2], (row.before or {}).get("environment", "")
        text = f"{words} in {place} by {row.actor}" + (f": {row.reason}" if row.reason else "")
        yield _row(f"Flag {key}", text, f"/flags/{key}/?environment={place}")


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
        effect = differences.in_words(
            trip.metric_version.definition, estimate=trip.estimate, low=trip.low, high=trip.high
        )
        harm = "harm confirmed" if trip.severity == "confirmed" else "harm"
        words = f"{harm} in {trip.arm}, {trip.title}: {effect}; {trip.state}"
        yield _row(trip.experiment.title, words, f"/reviews/trips/{trip.id}/")


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
        words = f"{trip.title} in {trip.arm}, {trip.state} since {trip.opened_at:%Y-%m-%d}"
        yield _row(trip.experiment.title, words, f"/reviews/trips/{trip.id}/")


def _overdue(now: datetime) -> Iterator[Row]:
    for row in incident_queries.actions(state="overdue", today=today(now)):
        words = f"{row.owner}, due {row.due_on.isoformat()}"
        yield _row(row.title, words, f"/reviews/incidents/{row.incident_id}/")


def _reviews() -> Iterator[Row]:
    """Reviews that are not approved, with what they wait for."""
    live = review_queries.live_reviews().exclude(state=ReviewState.APPROVED)
    for row in live.order_by("requested_at", "id"):
        words = f"{_waits_for(row)}; asked for by {row.requested_by} {row.requested_at:%Y-%m-%d}"
        yield _row(_launch(row), words, f"/reviews/{row.id}/")


def _waits_for(row: Any) -> str:
    found = review_queries.standing(row)
    no = [f"{each.discipline} ({each.by})" for each in found.valid if each.answer == SignOffAnswer.REJECTED]
    if no:
        return f"blocked by {', '.join(no)}"
    if found.state == ReviewState.OPEN:
        return "the five questions are open"
    missing = [_signers(each, row.environment) for each in dict.fromkeys(found.missing)]
    blocking = [each.title for each in found.blocking]
    return "; ".join([*missing, *blocking]) or "in review"


def _signers(discipline: Any, environment: str) -> str:
    """`performance (pia, paul)`: who may give the signature that is missing."""
    if not organisation.roles_hold():
        return f"{discipline} has to sign"
    names = ", ".join(organisation.reviewers(discipline, environment))
    return f"{discipline} has to sign ({names or 'nobody can: no reviewer is here'})"


def _launch(row: Any) -> str:
    return row.experiment.title if row.experiment else f"Flag {row.flag}"


def _conditions() -> Iterator[Row]:
    """Approvals whose conditions nobody has called met."""
    for given in review_queries.open_conditions():
        words = f"{given.discipline} ({given.by}) asked: {given.note}"
        yield _row(_launch(given.review), words, f"/reviews/{given.review_id}/")


def _waivers() -> Iterator[Row]:
    for row in policy_queries.waivers(state=WaiverState.APPROVED).order_by("expires_on"):
        words = f"until {row.expires_on.isoformat()}, approved by {row.approver}: {row.reason}"
        yield _row(f"{row.metric} in {row.experiment.title}", words, "/reviews/guardrails/")


def _orphans(now: datetime) -> Iterator[Row]:
    for thing, why in organisation.orphans(now=now):
        yield _row(f"{thing.kind} {thing.key}", why, thing.address)
