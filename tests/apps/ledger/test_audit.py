"""The audit chain: nothing altered, deleted or re-ordered goes unnoticed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError

from ledger import audit
from ledger.models import AuditEvent

NOW = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)


def write(count):
    with transaction.atomic():
        for index in range(count):
            audit.record(
                now=NOW + timedelta(seconds=index),
                actor="ada",
                action="flag.version.published",
                subject=f"flag:checkout-{index}",
                before={"coverage_ppm": index},
                after={"coverage_ppm": index + 1, "weights": [0.5, 0.25], "name": "Zürich"},
                reason="ramp",
            )


def without_trigger(statement, parameters):
    """What somebody with the database password could do."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_auditevent DISABLE TRIGGER ALL")
        cursor.execute(statement, parameters)
        cursor.execute("ALTER TABLE ledger_auditevent ENABLE TRIGGER ALL")


@pytest.mark.django_db
def test_audit__untouched__chain_holds():
    write(5)

    assert audit.first_broken() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_auditevent SET actor = 'eve' WHERE id = %s",
        "UPDATE ledger_auditevent SET after = '{\"coverage_ppm\": 7}' WHERE id = %s",
        "DELETE FROM ledger_auditevent WHERE id = %s",
    ],
)
def test_audit__row_tampered_with__found(statement):
    write(5)
    victim = AuditEvent.objects.order_by("id")[2]

    without_trigger(statement, [victim.id])

    broken = audit.first_broken()
    assert broken is not None
    assert broken.id in {victim.id, victim.id + 1}


@pytest.mark.django_db
def test_audit__update_through_sql__refused_by_the_database():
    write(1)

    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        AuditEvent.objects.update(actor="eve")


@pytest.mark.django_db(transaction=True)
def test_audit__outside_a_transaction__refused():
    with pytest.raises(TransactionManagementError):
        audit.record(now=NOW, actor="ada", action="a", subject="s")
