# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Storing metric definitions."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, transaction

from ledger import queries as ledger_queries
from ledger.refusals import NotFound, Refused
from metrics import queries, services
from tests.apps.metrics.texts import metric_text

NOW = datetime(2026, 3, 4, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def load(*texts):
    named = {f"{number}.toml": text for number, text in enumerate(texts)}
    return services.load_definitions(texts=named, actor="rosa", now=NOW)


def test_load__new_metric__first_version_with_its_definition():
    loaded = load(metric_text())

    version = queries.version("orders-per-user")
    assert loaded.new == ("orders-per-user",)
    assert (version.number, version.author, version.created_at) == (1, "rosa", NOW)
    assert version.definition.unit == "orders"
    assert version.sha256 == version.definition.sha256


def test_load__unchanged__no_new_version_and_no_audit_row():
    load(metric_text())

    loaded = load("# a comment more\n" + metric_text())

    assert loaded.unchanged == ("orders-per-user",)
    assert queries.versions("orders-per-user").count() == 1
    assert ledger_queries.audit_of("metric:orders-per-user").count() == 1


def test_load__changed__second_version_and_the_first_stays():
    load(metric_text(direction="up"))

    loaded = load(metric_text(direction="down"))

    assert loaded.changed == ("orders-per-user",)
    assert queries.version("orders-per-user").number == 2
    assert queries.version("orders-per-user").definition.direction == "down"
    assert queries.version("orders-per-user", 1).definition.direction == "up"


def test_load__changed_back__third_version():
    for direction in ("up", "down", "up"):
        load(metric_text(direction=direction))

    assert queries.version("orders-per-user").number == 3


def test_load__changed__audit_row_names_both_hashes():
    load(metric_text(direction="up"))
    load(metric_text(direction="down"))

    row = ledger_queries.audit_of("metric:orders-per-user").first()

    assert (row.action, row.actor, row.before["version"], row.after["version"]) == (
        "metric.version.published",
        "rosa",
        1,
        2,
    )
    assert row.before["sha256"] != row.after["sha256"]


def test_load__one_of_two_files_bad__nothing_is_stored():
    with pytest.raises(Refused):
        load(metric_text("good-one"), metric_text("bad-one", direction="sideways"))

    assert queries.metrics().count() == 0


def test_load__title_of_another_metric__refused():
    load(metric_text("orders-a", title="Orders"))

    with pytest.raises(Refused, match='"orders-a" has this title'):
        load(metric_text("orders-b", title="ORDERS"))


def test_load__two_metrics_swap_their_titles__accepted():
    load(metric_text("a", title="One"), metric_text("b", title="Two"))

    loaded = load(metric_text("a", title="Two"), metric_text("b", title="One"))

    assert loaded.changed == ("a", "b")


def test_load_text__key_of_another_metric__refused():
    with pytest.raises(Refused, match="another metric"):
        services.load_text(text=metric_text("a"), actor="rosa", now=NOW, key="b")


@pytest.mark.parametrize("change", [{"author": "eve"}, {"content": {}}, {"number": 7}])
def test_version__updated_past_the_services__database_refuses(change):
    load(metric_text())

    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        queries.versions("orders-per-user").update(**change)


def test_version__deleted__database_refuses():
    load(metric_text())

    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        queries.versions("orders-per-user")._raw_delete("default")


def test_metric__unknown__names_the_closest():
    load(metric_text("orders-per-user"))

    with pytest.raises(NotFound, match='Did you mean "orders-per-user"'):
        queries.metric("order-per-user")


def test_version__number_that_is_not_there__says_which_are():
    load(metric_text())

    with pytest.raises(NotFound, match="1 to 1"):
        queries.version("orders-per-user", 2)


@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        ({}, ["alpha-one", "beta-two"]),
        ({"search": "ONE"}, ["alpha-one"]),
        ({"search": "amir"}, ["beta-two"]),
        ({"search": "Checkout"}, ["beta-two"]),
        ({"search": "\0"}, ["alpha-one", "beta-two"]),
        ({"tier": "beta"}, ["beta-two"]),
        ({"tier": "final"}, []),
    ],
)
def test_metrics__filtered__keys(filters, keys):
    other = metric_text("beta-two", title="Checkout orders", owner="amir", extra='tier = "beta"')
    load(metric_text("alpha-one"), other)

    assert [metric.key for metric in queries.metrics(**filters)] == keys


def test_by_ids__some_unknown__only_the_known():
    load(metric_text())
    version = queries.version("orders-per-user")

    assert queries.by_ids([version.id, 0]) == {version.id: version}


def test_hand_over__metric__new_version_that_means_the_same_and_the_reason_on_record():
    load(metric_text("orders", extra='backup_owner = "sam"'))

    services.hand_over(key="orders", owner="sam", actor="ada", now=NOW, reason="rosa left")

    after = queries.version("orders")
    assert (after.number, after.definition.owner, after.definition.backup_owner) == (2, "sam", "")
    assert {**after.content, "owner": "", "backup_owner": None} == {
        **queries.version("orders", 1).content,
        "owner": "",
        "backup_owner": None,
    }
    assert ledger_queries.audit_of("metric:orders").first().reason == "rosa left"


def test_hand_over__final_metric_to_its_backup__the_two_change_places():
    runbook = 'backup_owner = "sam"\nrunbook = "https://example.com/orders"\ntier = "final"'
    load(metric_text("orders", extra=runbook))

    services.hand_over(key="orders", owner="sam", actor="ada", now=NOW, reason="moved")

    after = queries.version("orders").definition
    assert (after.owner, after.backup_owner) == ("sam", "rosa")


def test_owned__metrics__listed_with_owner_and_page():
    load(metric_text("orders"))

    (found,) = queries.owned()

    assert (found.subject, found.owner, found.address) == ("metric:orders", "rosa", "/metrics/orders/")
