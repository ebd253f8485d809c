"""Retro-guardrails that count for closing would have tripped on the incident itself, or somebody said why."""

import html
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from governance import incident_queries as queries
from governance import services
from governance.models import BacktestState, Incident, RetroGuardrail
from ledger import queries as ledger
from ledger.refusals import Conflict, NotFound, Refused

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 6, 17, 12, tzinfo=UTC)
BEGAN = NOON - timedelta(days=3)
BY: dict = {"actor": "ada", "now": NOON}
WHY = "It hit 1 % of the visitors; the monitor of the experiment sees that, not the whole."


@pytest.fixture
def row():
    """Mitigated, and everything is known about it but what would have stopped it."""
    made = services.open_incident(title="Checkout hangs", began_at=BEGAN, **BY)
    services.mitigate_incident(id=made.id, reason="rolled back", **BY)
    Incident.objects.filter(id=made.id).update(gathered_at=NOON)
    return queries.incident(made.id)


def replayed(row, *tripped, asked_at=NOON, window=1, state=BacktestState.DONE):
    """A replay that would have tripped so many days after the incident began."""
    days = [(BEGAN + timedelta(days=after)).date().isoformat() for after in tripped]
    return RetroGuardrail.objects.create(
        incident=row,
        metric="latency",
        metric_version=1,
        margin=30.0,
        is_relative=False,
        window_days=window,
        requested_by="ada",
        requested_at=asked_at,
        state=state,
        result={"sentence": f"would have tripped on {len(days)} of the last 90 days", "tripped": days},
    )


def close(row):
    return services.close_incident(id=row.id, **BY).state


@pytest.mark.parametrize(("tripped", "window"), [([0], 1), ([-20, 3], 1), ([5], 3)])
def test_close__would_have_tripped_on_it__closes(row, tripped, window):
    replayed(row, *tripped, window=window)

    assert close(row) == "closed"


@pytest.mark.parametrize(("tripped", "window"), [([], 1), ([-20, -1], 1), ([4], 1), ([6], 3)])
def test_close__would_have_missed_it__refused_with_the_two_ways_on(row, tripped, window):
    replayed(row, *tripped, window=window)

    with pytest.raises(Conflict, match="tripped on this incident: propose another one, or say why"):
        close(row)


def test_close__missed_and_accepted_with_a_reason__closes_and_the_audit_says_why(row):
    made = replayed(row)

    services.accept_guardrail(id=row.id, guardrail=made.id, reason=WHY, **BY)

    [event] = ledger.audit_of(f"incident:{row.id}").filter(action="incident.guardrail_accepted")
    assert (event.actor, event.reason) == ("ada", f"latency worse by more than 30, over 1 day: {WHY}")
    assert close(row) == "closed"


def test_publish__missed__refused_until_one_is_accepted(row):
    Incident.objects.get(id=row.id).postmortem.__class__.objects.filter(incident=row).update(state="reviewed")
    made = replayed(row)

    with pytest.raises(Conflict, match="propose another one"):
        services.publish_postmortem(id=row.id, **BY)
    services.accept_guardrail(id=row.id, guardrail=made.id, reason=WHY, **BY)

    assert services.publish_postmortem(id=row.id, **BY).state == "published"


def test_accept__no_reason_no_replay_or_no_need__refused(row):
    missed, caught = replayed(row), replayed(row, 0)
    waiting = replayed(row, state=BacktestState.WAITING)

    for made, reason, error in (
        (missed, "  ", Refused),
        (waiting, WHY, Conflict),
        (caught, WHY, Conflict),
    ):
        with pytest.raises(error):
            services.accept_guardrail(id=row.id, guardrail=made.id, reason=reason, **BY)
    other = services.open_incident(title="Another one", **BY)
    with pytest.raises(NotFound):
        services.accept_guardrail(id=other.id, guardrail=missed.id, reason=WHY, **BY)
    with pytest.raises(DatabaseError), transaction.atomic():
        RetroGuardrail.objects.filter(id=missed.id).update(accepted_at=NOON, accepted_by="ada")


def test_sentence__asked_on_the_day_it_began__says_from_when_on_it_can_be_replayed(row):
    made = replayed(row, asked_at=BEGAN + timedelta(hours=2))

    assert queries.on_itself(made).endswith("ask again from 2026-06-15 (UTC) on.")
    assert queries.on_itself(replayed(row)) == "It would not have tripped on this incident."
    assert queries.on_itself(replayed(row, 1)) == "It would have tripped on this incident."


@pytest.fixture
def ada(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("ada"))
    return client


def test_api__accepted__says_that_it_counts_and_why(row, ada):
    address = f"/api/v1/incidents/{row.id}/guardrails"
    made = replayed(row)

    before = ada.get(address).json()[0]
    bare = ada.post(f"{address}/{made.id}/accept", {}, content_type="application/json")
    after = ada.post(f"{address}/{made.id}/accept", {"reason": WHY}, content_type="application/json").json()

    assert (before["catches_its_incident"], before["counts"], bare.status_code) == (False, False, 422)
    assert (after["catches_its_incident"], after["counts"]) == (False, True)
    assert (after["accepted_because"], after["accepted_by"]) == (WHY, "ada")


def test_page__missed__offers_to_accept_it_keeps_a_refused_form_and_shows_the_reason(row, ada):
    page = reverse("incident", args=[row.id])
    assert "One of them counts" not in ada.get(page).content.decode()
    made = replayed(row)
    offered = ada.get(page).content.decode()

    refused = ada.post(page, {"form": "accept", "guardrail": made.id, "reason": ""})
    accepted = ada.post(page, {"form": "accept", "guardrail": made.id, "reason": WHY}, follow=True)

    assert "It would not have tripped on this incident." in offered
    assert "One of them counts although" in offered
    assert (refused.status_code, '<details class="card" open>' in refused.content.decode()) == (422, True)
    said = html.unescape(accepted.content.decode())
    assert WHY in said
    assert "One of them counts although" not in said
