"""The audit chain: nothing altered, deleted or re-ordered goes unnoticed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from ledger import audit, jobs, verifying
from ledger.models import AuditEvent, AuditHead, Job

NOW = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)


def write(count, actor="ada"):
    with transaction.atomic():
        for index in range(count):
            audit.record(
                now=NOW + timedelta(seconds=index),
                actor=actor,
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


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content",
    [
        {"share": 1e-07, "large": 10**30, "b": {"z": None, "a": [True, "\u0001\u007f\u2028"]}},
        {"\U0001f600": 'quoted "text" / \\', "": [], "B": {}, "a": 0.1},
        {},
    ],
)
def test_audit__content_of_every_kind__chain_holds(content):
    with transaction.atomic():
        audit.record(now=NOW, actor="Zürich\n", action="a", subject="b", before=None, after=content)

    assert audit.check().fault == ""


@pytest.mark.django_db
def test_audit__rows_written_during_the_walk__no_fault(monkeypatch):
    write(5)
    plain, walked = audit._is_digest, []

    def interrupted(*fields):
        walked.append(fields)
        if len(walked) == 3:
            write(2, actor="meanwhile")
        return plain(*fields)

    monkeypatch.setattr(audit, "_is_digest", interrupted)
    found = audit.check()

    assert (found.fault, found.rows) == ("", 5)
    assert audit.check().rows == 7


ALTERED = {
    "time": "at = at + interval '1 microsecond'",
    "actor": "actor = 'eve'",
    "action": "action = 'flag.edited'",
    "subject": "subject = 'flag:other'",
    "reason": "reason = reason || ' '",
    "content before": "before = NULL",
    "null of JSON": "before = 'null'",
    "content after": """after = '{"coverage_ppm": 7}'""",
    "one more field": """after = after || '{"x": 1}'""",
    "a number as text": """after = jsonb_set(after, '{coverage_ppm}', '"3"')""",
    "a whole number with a point": "after = jsonb_set(after, '{coverage_ppm}', '3.0')",
    "hash before": "previous_sha256 = repeat('0', 64)",
    "hash": "sha256 = repeat('f', 64)",
    "hash in other letters": "sha256 = upper(sha256)",
}
REMOVED = {"one row": "id = %s", "the oldest rows": "id <= %s"}
TAMPERED = {
    **{what: f"UPDATE ledger_auditevent SET {how} WHERE id = %s" for what, how in ALTERED.items()},
    **{what: f"DELETE FROM ledger_auditevent WHERE {which}" for what, which in REMOVED.items()},
}


@pytest.mark.django_db
@pytest.mark.parametrize("statement", TAMPERED.values(), ids=TAMPERED)
def test_audit__row_tampered_with__found(statement):
    write(5)
    victim = AuditEvent.objects.order_by("id")[2]

    without_trigger(statement, [victim.id])

    broken = audit.first_broken()
    assert broken is not None
    assert broken.id in {victim.id, victim.id + 1}


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["rows = rows + 1", "rows = rows - 1", "seal = repeat('0', 64)"])
def test_audit__seal_tampered_with__found(change):
    write(2)

    without_trigger(f"UPDATE ledger_audithead SET {change} WHERE id = %s", [1])

    assert audit.check().fault


@pytest.mark.django_db
@pytest.mark.parametrize("later", [0, 3], ids=["and left so", "then written on"])
def test_audit__emptied_with_its_seal__found_by_what_the_walk_before_kept(later):
    write(2)
    verifying.ask_now(actor="ada", now=NOW)
    jobs.run(Job.objects.get().id)
    kept = verifying.kept_before()
    for table in ("ledger_auditevent", "ledger_audithead"):
        without_trigger(f"DELETE FROM {table} WHERE id > %s", [0])
    write(later, actor="eve")

    verifying.ask_now(actor="ada", now=NOW)
    jobs.run(Job.objects.order_by("-id")[0].id)

    assert kept.rows == 2
    assert "kept earlier" in verifying.walks().newest.reason
    assert verifying.kept_before() == kept


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("later", [0, 3], ids=["at the end", "then written on"])
def test_audit__newest_rows_removed__found_although_the_rest_follows(later):
    write(5)
    last = AuditEvent.objects.order_by("-id")[1].id

    without_trigger("DELETE FROM ledger_auditevent WHERE id >= %s", [last])
    write(later, actor="eve")

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
def test_audit__row_put_in_between_with_a_good_hash__found():
    write(4)
    before, after = AuditEvent.objects.order_by("id")[1:3]
    without_trigger("UPDATE ledger_auditevent SET id = id + 100 WHERE id >= %s", [after.id])

    forged = AuditEvent(
        id=after.id, at=NOW, actor="eve", action="a", subject="s", previous_sha256=before.sha256
    )
    forged.sha256 = audit.digest(forged)
    forged.save(force_insert=True)

    assert "added" in audit.check().fault


@pytest.mark.django_db(transaction=True)
def test_audit__newest_rows_cut_and_the_older_seal_put_back__found_by_a_kept_one():
    write(2)
    older = AuditHead.objects.get()
    write(3)
    kept = audit.head()
    assert not audit.check(kept=kept).fault

    without_trigger(
        "DELETE FROM ledger_auditevent WHERE id > (SELECT min(id) + 1 FROM ledger_auditevent)", []
    )
    older.save()

    assert not audit.check().fault
    assert "the seal kept earlier was over 5" in audit.check(kept=kept).fault
    write(4, actor="eve")
    assert "are not those" in audit.check(kept=kept).fault


@pytest.mark.django_db
def test_audit__nightly__once_a_day_and_on_record_with_the_seal():
    write(3)
    kept = audit.head()

    for _ in range(2):
        verifying.ask_for_check(now=NOW)
        jobs.run(Job.objects.get(kind=verifying.KIND).id)

    row = AuditEvent.objects.get(subject=verifying.SUBJECT)
    assert (row.action, row.after) == ("audit.verified", {"rows": 3, "seal": kept.seal})


@pytest.mark.django_db(transaction=True)
def test_audit__nightly__tampered__said_as_broken():
    write(3)
    without_trigger("UPDATE ledger_auditevent SET actor = %s", ["eve"])

    verifying.ask_for_check(now=NOW)
    jobs.run(Job.objects.get(kind=verifying.KIND).id)

    row = AuditEvent.objects.get(subject=verifying.SUBJECT)
    assert row.action == "audit.broken"
    assert "the chain breaks at row" in row.reason


@pytest.mark.django_db(transaction=True)
def test_audit__seal_removed__found_also_after_the_next_row():
    write(2)
    AuditHead.objects.all().delete()
    write(1)

    assert audit.check().fault == "the seal over the rows was removed"


@pytest.mark.django_db
def test_audit__secret_key_changed__sealed_anew_on_record(settings):
    write(2)
    old = audit.head()
    verifying.ask_now(actor="ada", now=NOW)
    jobs.run(Job.objects.get().id)
    settings.SECRET_KEY = "another-key-" * 6
    assert "secret key was changed" in audit.check().fault

    assert verifying.kept_before() == old

    audit.seal_anew(actor="ops", now=timezone.now(), reason="the key was renewed")

    assert verifying.kept_before() is None
    assert audit.check() == audit.Checked(rows=4)
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
