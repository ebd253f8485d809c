"""Labelled events: written once, ended once, found by time."""

from datetime import timedelta

import pytest

from events import queries, services
from events.labels import Direction, Label, LabelKind, read_label
from events.models import LabelledEvent
from ledger import queries as ledger_queries
from ledger.refusals import Conflict, NotFound, Refused
from metrics import services as metric_services
from tests.apps.events.building import NOW
from tests.apps.metrics.texts import metric_text

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def add(**fields):
    content = {"kind": LabelKind.INCIDENT, "title": "search is slow", "started_at": NOW - HOUR, **fields}
    return services.add_label(label=Label(**content), actor="rosa", now=NOW)


def actions():
    return list(ledger_queries.audit_events(subject="label:").values_list("action", flat=True))


def test_add_label__all_fields__stored_with_audit():
    metric_services.load_text(text=metric_text("orders"), actor="rosa", now=NOW)

    row = add(
        slices={"country": ("de", "at")}, expected={"orders": Direction.DOWN}, link="https://example.org/1"
    )

    assert (row.slices, row.expected) == ({"country": ["de", "at"]}, {"orders": "down"})
    assert queries.as_label(row).expected == {"orders": Direction.DOWN}
    assert actions() == ["label.added"]


def test_add_label__same_origin_again__first_stays_and_no_second_audit_row():
    first = add(origin="experiment:checkout stopped")

    again = add(origin="experiment:checkout stopped", title="another title")

    assert again == first
    assert again.title == "search is slow"
    assert actions() == ["label.added"]


def test_add_label__no_origin_twice__two_labels():
    assert add() != add()


def test_add_label__metric_nobody_knows__refused_with_the_closest():
    metric_services.load_text(text=metric_text("orders"), actor="rosa", now=NOW)

    with pytest.raises(Refused) as refused:
        add(expected={"order": Direction.UP})

    assert 'Did you mean "orders"?' in refused.value.problems[0].fix
    assert not LabelledEvent.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"started_at": NOW + HOUR}, "started_at"),
        ({"ended_at": NOW - 2 * HOUR}, "ended_at"),
        ({"ended_at": NOW + HOUR}, "ended_at"),
    ],
)
def test_add_label__impossible_times__refused(fields, field):
    with pytest.raises(Refused) as refused:
        add(**fields)

    assert refused.value.problems[0].field == field


def test_end_label__goes_on__ended_with_audit_and_only_once():
    row = add()

    services.end_label(label_id=row.id, ended_at=NOW, actor="rosa", now=NOW)

    assert LabelledEvent.objects.get().ended_at == NOW
    assert sorted(actions()) == ["label.added", "label.ended"]
    with pytest.raises(Conflict):
        services.end_label(label_id=row.id, ended_at=NOW, actor="rosa", now=NOW)


def test_end_label__before_it_began__refused():
    row = add()

    with pytest.raises(Refused):
        services.end_label(label_id=row.id, ended_at=NOW - 2 * HOUR, actor="rosa", now=NOW)


def test_end_label__no_such_label__not_found():
    with pytest.raises(NotFound):
        services.end_label(label_id=7, ended_at=NOW, actor="rosa", now=NOW)


def test_labels__window__those_that_touch_it():
    add(title="open incident", started_at=NOW - 9 * HOUR)
    add(title="over", started_at=NOW - 9 * HOUR, ended_at=NOW - 5 * HOUR)
    add(title="inside", started_at=NOW - 3 * HOUR, ended_at=NOW - 2 * HOUR)
    add(title="early deploy", kind=LabelKind.DEPLOY, started_at=NOW - 9 * HOUR)
    add(title="late", started_at=NOW - HOUR)

    found = queries.labels(since=NOW - 4 * HOUR, until=NOW - HOUR)

    assert sorted(found.values_list("title", flat=True)) == ["inside", "open incident"]
    assert queries.labels(kind="deploy").get().title == "early deploy"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "accident"}, "kind"),
        ({"title": ""}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"started_at": None}, "started_at"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"started_at": "2026-03-04T10:00:00"}, "started_at"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, "started_at"),
        ({"started_at": 1772618400}, "started_at"),
        ({"slices": ["de"]}, "slices"),
        ({"slices": {"country": "de"}}, "slices.country"),
        ({"slices": {"country": [1]}}, "slices.country"),
        ({"slices": {str(n): ["x"] for n in range(11)}}, "slices"),
        ({"expected": {"orders": "sideways"}}, "expected.orders"),
        ({"expected": "orders"}, "expected"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"link": "https://"}, "link"),
        ({"link": "https://[half"}, "link"),
        ({"startd_at": "x"}, "startd_at"),
    ],
)
def test_read_label__bad_field__refused_with_its_name(change, field):
    good = {"kind": "deploy", "title": "v12", "started_at": "2026-03-04T10:00:00Z"}

    with pytest.raises(Refused) as refused:
        read_label({**good, **change})

    assert field in {problem.field for problem in refused.value.problems}


@pytest.mark.parametrize("body", [None, [], "x", 7])
def test_read_label__no_object__refused(body):
    with pytest.raises(Refused):
        read_label(body)
