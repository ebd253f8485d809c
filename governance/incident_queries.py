"""Reads of incidents, postmortems, actions and retro-guardrails."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from governance import backtest
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


def guardrail(incident_id: int, guardrail_id: int) -> RetroGuardrail:
    """One guardrail proposed after this incident, or NotFound."""
    found = guardrails(incident_id).filter(id=guardrail_id).first()
    if found is None:
        fix = "They are listed on the page of the incident."
        raise NotFound(problem("guardrail", guardrail_id, "this incident has no such guardrail", fix))
    return found


def catches_its_incident(row: RetroGuardrail) -> bool:
    """Whether the replay would have tripped on the very incident it was proposed after."""
    ended_at = row.incident.mitigated_at or row.requested_at
    itself = backtest.Known(row.incident.title, _day(row.incident.began_at), _day(ended_at))
    tripped = (date.fromisoformat(day) for day in row.result.get("tripped", ()))
    return backtest.is_caught(itself, tripped, window=row.window_days)


def counts_for_closing(row: RetroGuardrail) -> bool:
    """Replayed, and it would have caught its incident or somebody said why it counts all the same."""
    is_good = row.accepted_at is not None or catches_its_incident(row)
    return row.state == BacktestState.DONE and is_good


def on_itself(row: RetroGuardrail) -> str:
    """What the replay says of the incident it was proposed after, as a sentence; empty without a replay."""
    if row.state != BacktestState.DONE:
        return ""
    if catches_its_incident(row):
        return "It would have tripped on this incident."
    began, asked = _day(row.incident.began_at), _day(row.requested_at)
    if began < asked:
        return "It would not have tripped on this incident."
    again = began + timedelta(days=1)
    return f"This incident began after the last day that was replayed: ask again from {again} (UTC) on."


def lacks_guardrail(row: Incident) -> str:
    """Why no retro-guardrail of the incident counts yet; empty once one does."""
    replayed = list(guardrails(row.id).filter(state=BacktestState.DONE).select_related("incident"))
    if not replayed:
        return "It has no retro-guardrail that was replayed on stored history."
    if any(counts_for_closing(each) for each in replayed):
        return ""
    return (
        "None of its replayed retro-guardrails would have tripped on this incident: propose another one, or "
        "say why one of them counts all the same."
    )


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def missing_to_close(row: Incident) -> list[str]:
    """What has to be there before the incident can be closed, in words."""
    missing = []
    if row.state not in (IncidentState.MITIGATED, IncidentState.CLOSED):
        missing.append("It is not mitigated yet.")
    if row.gathered_at is None:
        missing.append("The detection gap is not known yet: a worker reads the event store for it.")
    without = lacks_guardrail(row)
    return [*missing, without] if without else missing


def counts() -> dict[str, int]:
    """How many incidents there are in each state."""
    return dict(Incident.objects.order_by().values_list("state").annotate(n=Count("id")))


def overdue_count(today: date) -> int:
    return ActionItem.objects.filter(Q(state=ActionState.OPEN) & Q(due_on__lt=today)).count()
