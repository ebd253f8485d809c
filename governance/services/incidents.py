"""The life of an incident: opened by a person, acknowledged, mitigated, closed; notes on its timeline."""

from datetime import datetime
from typing import Any

from django.db import transaction

from events import queries as event_queries
from events import services as events
from experiments import queries as experiments
from governance import incident_queries as queries
from governance.models import Incident, IncidentNote, IncidentState
from governance.services.access import check_may_work
from governance.services.opening import follow_up, record, tell_owners
from ledger.refusals import Conflict, Problem, problem, raise_if_any, refuse
from ledger.times import EARLIEST, TOO_EARLY
from metrics import queries as metrics
from organisation import queries as organisation

LONGEST_TITLE = 200
NOTHING = {
    "slice": {"state": "unknown", "sentence": "Opened by a person: no slice was looked for."},
    "money": {"state": "unknown", "sentence": "No amount: no measured effect stands behind this incident."},
}
STEPS = {
    IncidentState.ACKNOWLEDGED: (IncidentState.OPEN,),
    IncidentState.MITIGATED: (IncidentState.OPEN, IncidentState.ACKNOWLEDGED),
    IncidentState.CLOSED: (IncidentState.MITIGATED,),
}
"""Each state, and those from which it is reached."""


@transaction.atomic
def open_incident(
    *,
    title: str,
    actor: str,
    now: datetime,
    began_at: datetime | None = None,
    summary: str = "",
    surface: str = "",
    experiment: str = "",
    metric: str = "",
    direction: str = "",
) -> Incident:
    """An incident that a person noticed. Raises Refused for what is unknown or lies in the future."""
    check_may_work(actor)
    raise_if_any(_problems(title, began_at, metric, direction, now))
    owner = experiments.experiment(experiment) if experiment else None
    place = surface or (owner.surface_id or "" if owner is not None else "")
    row = Incident.objects.create(
        title=" ".join(title.split()),
        summary=summary.strip(),
        surface_id=organisation.surface(place).key if place else None,
        experiment_id=owner.key if owner is not None else None,
        flag=owner.flag if owner is not None else "",
        environment=owner.environment if owner is not None else "",
        metric=metric,
        direction=direction if metric else "",
        began_at=began_at or now,
        opened_at=now,
        opened_by=actor,
        **NOTHING,
    )
    record("incident.opened", row, actor=actor, now=now, reason=row.summary)
    follow_up(row, now=now, draft=row.summary)
    tell_owners(row, fact=f"incident.opened/{row.id}", now=now)
    return row


def acknowledge_incident(*, id: int, actor: str, now: datetime) -> Incident:
    """Somebody looks after it. Again by anybody changes nothing."""
    return _move(id, IncidentState.ACKNOWLEDGED, actor=actor, now=now)


def mitigate_incident(*, id: int, actor: str, now: datetime, reason: str = "") -> Incident:
    """Users are no longer hurt; the evidence row ends now."""
    if not reason.strip():
        raise refuse(
            "reason", reason, "it does not say what ended the harm", "For example: the flag is held."
        )
    return _move(id, IncidentState.MITIGATED, actor=actor, now=now, reason=reason.strip())


def close_incident(*, id: int, actor: str, now: datetime, reason: str = "") -> Incident:
    """Nothing is left to do but the actions. Raises Conflict with everything that is missing."""
    return _move(id, IncidentState.CLOSED, actor=actor, now=now, reason=reason.strip())


@transaction.atomic
def add_note(*, id: int, text: str, actor: str, now: datetime, at: datetime | None = None) -> IncidentNote:
    """A line on the timeline, at the time when it happened."""
    check_may_work(actor)
    row = _locked(id)
    happened = at or now
    problems = []
    if not text.strip():
        problems.append(problem("text", text, "the note is empty", "Say what happened."))
    if happened > now:
        problems.append(problem("at", happened.isoformat(), "this is in the future", "Say when it happened."))
    raise_if_any(problems)
    made = IncidentNote.objects.create(incident=row, at=happened, text=text.strip(), by=actor, written_at=now)
    record("incident.noted", row, actor=actor, now=now, reason=made.text[:500])
    return made


@transaction.atomic
def _move(incident_id: int, state: IncidentState, *, actor: str, now: datetime, reason: str = "") -> Incident:
    check_may_work(actor)
    row = _locked(incident_id)
    if row.state == state:
        return row
    if row.state not in STEPS[state]:
        why = f"an incident that is {row.state} cannot become {state}"
        raise Conflict(problem("state", row.state, why, _way_to(state)))
    if state == IncidentState.CLOSED:
        _check_complete(row)
    _set(row, state, actor, now)
    if state == IncidentState.MITIGATED:
        _end_label(row, actor, now)
    record(f"incident.{state.value}", row, actor=actor, now=now, reason=reason)
    return row


def _set(row: Incident, state: IncidentState, actor: str, now: datetime) -> None:
    """Write the state, who brought it about and when; mitigating something unseen acknowledges it as well."""
    fields: dict[str, Any] = {"state": state, f"{state.value}_at": now, f"{state.value}_by": actor}
    if state == IncidentState.MITIGATED and row.acknowledged_at is None:
        fields |= {"acknowledged_at": now, "acknowledged_by": actor}
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))


def _check_complete(row: Incident) -> None:
    missing = queries.missing_to_close(row)
    if missing:
        raise Conflict(*(problem("incident", row.id, text.rstrip("."), "Then close it.") for text in missing))


def _end_label(row: Incident, actor: str, now: datetime) -> None:
    if row.label is not None and event_queries.label(row.label).ended_at is None:
        events.end_label(label_id=row.label, ended_at=now, actor=actor, now=now)


def _locked(incident_id: int) -> Incident:
    queries.incident(incident_id)
    return Incident.objects.select_for_update().get(id=incident_id)


def _way_to(state: IncidentState) -> str:
    return f"It has to be {' or '.join(each.value for each in STEPS[state])} first."


def _problems(
    title: str, began_at: datetime | None, metric: str, direction: str, now: datetime
) -> list[Problem]:
    found = []
    if not title.strip() or len(title) > LONGEST_TITLE:
        fix = "Say in a few words what users noticed."
        found.append(problem("title", title, f"a title has 1 to {LONGEST_TITLE} characters", fix))
    if began_at is not None and began_at > now:
        fix = "Say since when users are hurt."
        found.append(problem("began_at", began_at.isoformat(), "this is in the future", fix))
    if began_at is not None and began_at < EARLIEST:
        fix = "Say since when users are hurt."
        found.append(problem("began_at", began_at.isoformat(), TOO_EARLY, fix))
    if metric and metric not in metrics.titles():
        fix = "Metrics are listed on the page Metrics."
        found.append(problem("metric", metric, "there is no metric with this key", fix))
    if metric and direction not in ("up", "down"):
        fix = "Say up or down."
        found.append(
            problem("direction", direction, "it does not say which way the metric should have moved", fix)
        )
    return found
