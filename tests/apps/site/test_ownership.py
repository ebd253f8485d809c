"""Whoever leaves hands over everything: flags, experiments, metrics, teams and surfaces in one step."""

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from experiments import services as experiment_services
from flags import services as flag_services
from governance import services as incidents
from ledger import queries as ledger_queries
from metrics import services as metric_services
from organisation import ownership, services
from tests.apps.metrics.texts import metric_text

BY = {"actor": "rosa", "now": datetime(2026, 3, 2, tzinfo=UTC)}
pytestmark = pytest.mark.django_db


def test_person__hands_over__one_thing_of_every_kind(client, django_user_model):
    for name in ("rosa", "sam"):
        django_user_model.objects.create_user(name)
    services.create_team(key="shop", name="Shop", owner="rosa", **BY)
    services.create_surface(key="cart", name="Cart", team="shop", owner="rosa", **BY)
    flag_services.create_flag(key="fast", value_type="bool", owner="rosa", in_environments=[], **BY)
    metric_services.load_text(text=metric_text("orders"), **BY)
    experiment_services.create(key="fast-cart", content={"title": "Fast cart"}, **BY)
    happened = incidents.open_incident(title="Cart hangs", actor="rosa", now=timezone.now())
    incidents.open_action(
        id=happened.id,
        title="Page on it",
        owner="rosa",
        due_on=date(2999, 1, 1),
        actor="rosa",
        now=timezone.now(),
    )
    client.force_login(django_user_model.objects.get(username="rosa"))
    kinds = {thing.kind for thing in ownership.of("rosa")}
    assert kinds == {"team", "surface", "flag", "metric", "experiment", "action"}

    answer = client.post("/organisation/people/rosa/", {"to_user": "sam", "reason": "changed teams"})

    assert answer.status_code == 302
    assert ownership.of("rosa") == []
    assert {thing.kind for thing in ownership.of("sam")} == kinds
    told = ledger_queries.audit_events(actor="rosa").filter(reason="changed teams")
    on_record = {row.subject.partition(":")[0] for row in told.exclude(action__startswith="person.")}
    assert on_record == kinds - {"action"} | {"incident"}
