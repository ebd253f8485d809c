"""The audit chain: nothing altered, deleted or re-ordered goes unnoticed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError

from ledger import audit
from ledger.models import AuditEvent, AuditHead

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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("later", [0, 3], ids=["at the end", "then written on"])
def test_audit__newest_rows_removed__found_although_the_rest_follows(later):
    write(5)
    last = AuditEvent.objects.order_by("-id")[1].id

    without_trigger("DELETE FROM ledger_auditevent WHERE id >= %s", [last])
    write(later)

    found = audit.check()
    assert found.broken is None
    assert "missing at the end" in found.fault


@pytest.mark.django_db(transaction=True)
def test_audit__whole_chain_written_anew_with_good_hashes__found_by_the_seal():
    write(3)
    forged, previous = list(AuditEvent.objects.order_by("id")), audit.GENESIS
    for row in forged:
        row.actor, row.previous_sha256 = "eve", previous
        row.sha256 = previous = audit.digest(row)
        without_trigger(
            "UPDATE ledger_auditevent SET actor = 'eve', previous_sha256 = %s, sha256 = %s WHERE id = %s",
            [row.previous_sha256, row.sha256, row.id],
        )

    found = audit.check()

    assert found.broken is None
    assert "written anew" in found.fault


@pytest.mark.django_db(transaction=True)
def test_audit__two_rows_change_places__found():
    write(4)
    one, two = AuditEvent.objects.order_by("id")[1:3]
    moved = one.id

    without_trigger("UPDATE ledger_auditevent SET id = -1 WHERE id = %s", [one.id])
    without_trigger("UPDATE ledger_auditevent SET id = %s WHERE id = %s", [moved, two.id])
    without_trigger("UPDATE ledger_auditevent SET id = %s WHERE id = -1", [two.id])

    broken = audit.first_broken()
    assert broken is not None
    assert broken.id == moved


@pytest.mark.django_db(transaction=True)
def test_audit__seal_removed__found_also_after_the_next_row():
    write(2)
    AuditHead.objects.all().delete()
    write(1)

    assert audit.check().fault == "the seal over the rows was removed"


@pytest.mark.django_db
def test_audit__secret_key_changed__sealed_anew_on_record(settings):
    write(2)
    settings.SECRET_KEY = "another-key-" * 6
    assert "secret key was changed" in audit.check().fault

    audit.seal_anew(actor="ops", now=NOW, reason="the key was renewed")

    assert audit.check() == audit.Checked(rows=3)
    assert AuditEvent.objects.order_by("-id")[0].action == "audit.sealed"


@pytest.mark.django_db
def test_audit__update_through_sql__refused_by_the_database():
    write(1)

    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        AuditEvent.objects.update(actor="eve")


@pytest.mark.django_db(transaction=True)
def test_audit__outside_a_transaction__refused():
    with pytest.raises(TransactionManagementError):
        audit.record(now=NOW, actor="ada", action="a", subject="s")
