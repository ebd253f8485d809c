"""The audit trail's pages and its command."""

import csv
import json
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import transaction

from governance.pages.audit import page_of
from ledger import audit, jobs, verifying
from ledger.models import AuditEvent, Job
from tests.apps.ledger.test_audit import NOW, without_trigger

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("ada"))
    return client


def write(**changes):
    content = {"now": NOW, "actor": "ada", "action": "flag.created", "subject": "flag:checkout", **changes}
    with transaction.atomic():
        return audit.record(**content)


def page(client, address="/reviews/audit/"):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_trail__no_rows__says_when_there_will_be_some(reader):
    assert "Nothing was changed yet" in page(reader)


def test_trail__rows__newest_first_with_a_link_to_the_object(reader):
    write()
    write(action="flag.version.published", before={"on": False}, after={"on": True}, reason="launch")

    shown = page(reader)

    assert shown.index("flag.version.published") < shown.index("flag.created")
    assert 'href="/flags/checkout/"' in shown
    assert "launch" in shown
    assert "&quot;on&quot;: true" in shown


@pytest.mark.parametrize(
    ("address", "seen", "unseen"),
    [
        ("?actor=eve", "metric:orders", "flag:checkout"),
        ("?subject=flag:", "flag:checkout", "metric:orders"),
        ("?action=metric.version", "metric:orders", "flag:checkout"),
    ],
)
def test_trail__filtered__only_what_matches(reader, address, seen, unseen):
    write()
    write(actor="eve", action="metric.version.published", subject="metric:orders")

    table = page(reader, f"/reviews/audit/{address}").split("<tbody>")[1]

    assert seen in table
    assert unseen not in table


def test_trail__filter_without_a_match__offers_to_clear(reader):
    write()

    assert "Clear the filters" in page(reader, "/reviews/audit/?actor=nobody")


def test_trail__markup_in_a_reason__shown_as_text(reader):
    write(reason="<script>alert(1)</script>")

    assert "<script>alert" not in page(reader)


def test_trail__many_rows__in_pages(reader):
    for number in range(51):
        write(subject=f"flag:f{number}")

    assert "page 1 of 2" in page(reader)
    assert "flag:f0<" in page(reader, "/reviews/audit/?page=2")


def test_trail__anonymous__sent_to_the_login(client):
    assert client.get("/reviews/audit/").url.startswith("/login")


@pytest.mark.parametrize(
    ("subject", "address"),
    [
        ("flag:checkout", "/flags/checkout/"),
        ("experiment:home", "/experiments/home/"),
        ("metric:orders", "/metrics/orders/"),
        ("key:abc123", ""),
        ("flag:not a slug", ""),
        ("login:ada", ""),
    ],
)
def test_page_of__subject__its_page_or_nothing(subject, address):
    assert page_of(subject) == address


VERIFY = "/reviews/audit/verify/"


def walked():
    """A worker does what was asked for."""
    for job in Job.objects.filter(kind=verifying.KIND, state="queued"):
        jobs.run(job.id)


def test_verify__never_walked__says_so_and_offers_it(reader):
    write()

    shown = page(reader, VERIFY)

    assert "was not checked yet" in shown
    assert "Check now" in shown


def test_verify__asked_twice__one_walk_is_busy_and_then_there_with_who_asked(reader):
    write()
    write()

    for _ in range(2):
        assert reader.post(VERIFY).status_code == 302
    busy, sealed = page(reader, VERIFY), audit.head().seal
    walked()
    shown = page(reader, VERIFY)

    assert ("every 2s" in busy, "Check now" in busy) == (True, False)
    assert "All 2 rows that stood there" in shown
    assert f"2:{sealed}" in shown
    assert "Check now" in shown
    assert AuditEvent.objects.get(subject=verifying.SUBJECT).actor == "ada"


def test_verify__walk_that_came_to_no_end__says_why_and_goes_again_when_asked(reader):
    write()
    reader.post(VERIFY)
    Job.objects.filter(kind=verifying.KIND).update(
        state="dead", failure="MemoryError: rows", attempt=3, token=3
    )

    assert "MemoryError: rows" in page(reader, VERIFY)
    reader.post(VERIFY)
    walked()

    assert "The chain holds" in page(reader, VERIFY)


def tampered():
    write()
    victim = write(reason="before")
    write()
    without_trigger("UPDATE ledger_auditevent SET reason = 'after' WHERE id = %s", [victim.id])
    return victim


@pytest.mark.django_db(transaction=True)
def test_verify__tampered__names_the_row(reader):
    victim = tampered()
    reader.post(VERIFY)
    walked()

    shown = page(reader, VERIFY)
    told = reader.get("/api/v1/audit/verify").json()

    assert f"breaks at row {victim.id}" in shown
    assert "The row reads: 2026-03-02 09:30 ada flag.created flag:checkout" in shown
    assert "did not hold when it was walked" in page(reader)
    assert (told["rows"], told["holds"], told["is_busy"]) == (1, False, False)
    assert f"breaks at row {victim.id}" in told["fault"]


@pytest.mark.django_db(transaction=True)
def test_verify_audit__tampered__fails_with_the_row():
    victim = tampered()

    with pytest.raises(CommandError, match=f"breaks at row {victim.id}"):
        call_command("verify_audit", stdout=StringIO())


def test_verify_audit__untouched__counts():
    write()
    said = StringIO()

    call_command("verify_audit", stdout=said)

    assert "1 audit rows, the chain holds" in said.getvalue()
    kept = said.getvalue().split()[-1]
    call_command("verify_audit", "--kept", kept, stdout=said)
    with pytest.raises(CommandError, match="was over 2"):
        call_command("verify_audit", "--kept", f"2:{'0' * 64}", stdout=said)
    with pytest.raises(CommandError, match="no kept seal"):
        call_command("verify_audit", "--kept", "x", stdout=said)


def test_api__filtered__rows_with_their_hashes_and_a_bad_day_is_refused(reader):
    first = write(reason="first")
    second = write(subject="team:buyers", action="team.created", actor="otto")

    rows = reader.get("/api/v1/audit").json()["results"]
    of_otto = reader.get(f"/api/v1/audit?actor=otto&subject=team&since={NOW:%Y-%m-%d}").json()["results"]
    later = reader.get("/api/v1/audit?since=2999-01-01").json()["results"]

    assert [row["id"] for row in rows] == [second.id, first.id]
    assert rows[0]["previous_sha256"] == rows[1]["sha256"] == first.sha256
    assert [row["id"] for row in of_otto] == [second.id]
    assert later == []
    assert reader.get("/api/v1/audit?since=yesterday").status_code == 422
    assert reader.get("/api/v1/audit?until=9999-12-31").status_code == 422
    assert reader.get("/api/v1/audit?since=0001-01-01").status_code == 200


def test_api__walk_asked_for__busy_and_then_there_with_its_seal(reader):
    write()
    before = reader.get("/api/v1/audit/verify").json()
    asked = reader.post("/api/v1/audit/verify")
    sealed = audit.head().seal
    walked()

    after = reader.get("/api/v1/audit/verify").json()

    assert (before["holds"], before["checked_at"], before["is_busy"]) == (None, None, False)
    assert (asked.status_code, asked.json()["is_busy"]) == (202, True)
    assert (after["holds"], after["rows"], after["seal"], after["is_busy"]) == (True, 1, sealed, False)


def lines(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode().splitlines()


def test_export__filtered__same_rows_oldest_first_with_their_hashes(reader):
    rows = [write(), write(subject="flag:cart"), write(reason="again")]

    exported = [json.loads(line) for line in lines(reader, "/reviews/audit.jsonl?subject=flag:checkout")]

    assert [each["id"] for each in exported] == [rows[0].id, rows[2].id]
    assert exported[1]["sha256"] == rows[2].sha256
    assert exported[0]["at"] == "2026-03-02T09:30:00.123456+00:00"


def test_export__csv__no_cell_is_a_formula(reader):
    write(reason="=HYPERLINK(1)", after={"a": 1})

    head, row = list(csv.reader(lines(reader, "/reviews/audit.csv")))

    assert dict(zip(head, row, strict=True))["reason"] == "'=HYPERLINK(1)"
    assert dict(zip(head, row, strict=True))["after"] == '{"a": 1}'


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ("since=2026-03-02", True),
        ("since=2026-03-03", False),
        ("until=2026-03-02", True),
        ("until=2026-03-01", False),
        ("since=2026-03-02&until=2026-03-02", True),
        ("since=nonsense&until=9999-12-31", True),
    ],
)
def test_trail__days__from_the_first_to_the_last(reader, query, is_there):
    write()

    assert ("flag:checkout" in page(reader, f"/reviews/audit/?{query}").partition("<tbody>")[2]) is is_there
