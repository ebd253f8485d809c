"""Reads of incidents, postmortems, actions and retro-guardrails."""

from datetime import date
from urllib.parse import quote

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from governance.models import (
    ActionItem,
    ActionState,
    BacktestState,
    Incident,
    IncidentState,
    Postmortem,
    RetroGuardrail,
)
from governance.models.postmortems import PostmortemState
from ledger.refusals import NotFound, problem
from organisation.ownership import Owned


def incidents(*, state: str = "", surface: str = "", experiment: str = "") -> QuerySet[Incident]:
    """Incidents, newest first; `state` is a state, or `live` for all that are not closed."""
    found = Incident.objects.select_related("surface", "experiment", "trip", "postmortem")
    if state == "live":
        found = found.exclude(state=IncidentState.CLOSED)
    elif state in IncidentState.values:
        found = found.filter(state=state)
    found = found.filter(surface__key=surface) if surface else found
    return found.filter(experiment__key=experiment) if experiment else found


def incident(incident_id: int) -> Incident:
    """One incident, or NotFound."""
    found = incidents().filter(id=incident_id).first()
    if found is None:
        fix = "Incidents are listed on the page Incidents."
        raise NotFound(problem("incident", incident_id, "there is no such incident", fix))
    return found


def incident_of_trip(trip_id: int) -> Incident | None:
    return incidents().filter(trip_id=trip_id).first()


def postmortems(*, state: str = "") -> QuerySet[Postmortem]:
    """Postmortems, newest first."""
    found = Postmortem.objects.select_related("incident__surface")
    return found.filter(state=state) if state in PostmortemState.values else found


def postmortem(incident_id: int) -> Postmortem:
    """The postmortem of an incident, or NotFound."""
    found = postmortems().filter(incident_id=incident_id).first()
    if found is None:
        raise NotFound(problem("postmortem", incident_id, "this incident has no postmortem", ""))
    return found


def actions(
    *, state: str = "", owner: str = "", incident_id: int | None = None, today: date | None = None
) -> QuerySet[ActionItem]:
    """Action items, the next due first; `state` may be `overdue`, which needs `today`."""
    found = ActionItem.objects.select_related("incident")
    found = found if incident_id is None else found.filter(incident_id=incident_id)
    found = found.filter(owner=owner.replace("\0", "")) if owner else found
    if state == "overdue" and today is not None:
        return found.filter(state=ActionState.OPEN, due_on__lt=today)
    return found.filter(state=state) if state in ActionState.values else found


def action(action_id: int) -> ActionItem:
    """One action item, or NotFound."""
    found = actions().filter(id=action_id).first()
    if found is None:
        fix = "Action items are listed on the page Actions."
        raise NotFound(problem("action_item", action_id, "there is no such action item", fix))
    return found


def owned_actions() -> list[Owned]:
    """Open actions, as things somebody owns."""
    return [
        Owned(
            "action",
            str(row.id),
            row.title,
            row.owner,
            address=reverse("actions") + f"?owner={quote(row.owner)}",
        )
        for row in actions(state=ActionState.OPEN)
    ]


def guardrails(incident_id: int) -> QuerySet[RetroGuardrail]:
    return RetroGuardrail.objects.filter(incident_id=incident_id)


def has_replayed_guardrail(incident_id: int) -> bool:
    """Whether a guardrail that would have stopped it was replayed on stored history."""
    return guardrails(incident_id).filter(state=BacktestState.DONE).exists()


def missing_to_close(row: Incident) -> list[str]:
    """What has to be there before the incident can be closed, in words."""
    missing = []
    if row.state not in (IncidentState.MITIGATED, IncidentState.CLOSED):
        missing.append("It is not mitigated yet.")
    if row.gathered_at is None:
        missing.append("The detection gap is not known yet: a worker reads the event store for it.")
    if not has_replayed_guardrail(row.id):
        missing.append("It has no retro-guardrail that was replayed on stored history.")
    return missing


def counts() -> dict[str, int]:
    """How many incidents there are in each state."""
    return dict(Incident.objects.order_by().values_list("state").annotate(n=Count("id")))


def overdue_count(today: date) -> int:
    return ActionItem.objects.filter(Q(state=ActionState.OPEN) & Q(due_on__lt=today)).count()
