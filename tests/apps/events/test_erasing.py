"""Nothing is left of a unit that was to be forgotten, wherever it lay, and nobody else loses a row."""

import json
from datetime import timedelta

import pytest

from events import holding, services, upkeep_queries
from events.compaction import merging
from events.compaction.storage import LocalFolder
from events.models import Erasure, InboxBatch, IngestCount, RefusedEvent, StoreFile
from events.services import erasing
from ledger import jobs
from ledger.jobs import NotYet
from ledger.models import AuditEvent, Job
from ledger.refusals import NotFound, Refused
from tests.apps.events.building import NOW, event, exposure, put, stored

pytestmark = pytest.mark.django_db
CANARY = "canary-Zoë-7f3a"
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def at(monkeypatch):
    """Sets the time that jobs see."""

    def now(moment):
        monkeypatch.setattr(erasing.timezone, "now", lambda: moment)

    now(NOW)
    return now


@pytest.fixture(autouse=True)
def environment(sdk_key):
    return sdk_key


def plant():
    """The unit in files, in merged ones, in the inbox, among refused events and in kept answers."""
    for n in range(8):
        put([event(n, unit=CANARY), event(100 + n), exposure(n, unit=CANARY), exposure(100 + n)])
        services.drain(now=NOW)
    put([event(30, unit=CANARY, value="x"), event(31, name="", unit=CANARY)])
    services.drain(now=NOW)
    put([event(40, unit=CANARY), event(41, unit=CANARY, value=[]), event(42)], zipped=True)
    put([event(50, unit=CANARY, unit_type="\u0000"), event(51, unit=[CANARY])])


def ask(**more):
    wanted = {"environment": "production", "unit_type": "user", "unit": CANARY, "reason": "a request"}
    return services.erase_unit(**{**wanted, **more}, actor="rosa", now=NOW)


def work():
    jobs.run(Job.objects.get(kind="events.erase").id)
    return Erasure.objects.get()


def traces(store):
    """Every place that still names the unit: rows of all tables of this app, and files of the store."""
    number = services.unit_hash("user", CANARY, now=NOW)
    escaped = json.dumps(CANARY)[1:-1].encode()
    found = [
        row.id for row in RefusedEvent.objects.all() if CANARY in f"{row.value}{bytes(row.raw).decode()}"
    ]
    found += [row.id for row in RefusedEvent.objects.all() if escaped in bytes(row.raw)]
    for row in InboxBatch.objects.all():
        payload = bytes(row.payload or b"")
        found += (
            [row.id] if escaped in payload or CANARY in json.dumps(row.refusals, ensure_ascii=False) else []
        )
    found += [row.id for row in Erasure.objects.exclude(unit="")]
    found += [row.id for row in AuditEvent.objects.all() if CANARY in str(row.__dict__)]
    return found + [row for row in all_rows(store) if row["unit"] == number]


def all_rows(store):
    import pyarrow.parquet as pq

    for path in store.rglob("*.parquet"):
        if "seen" not in str(path.relative_to(store)):
            yield from pq.read_table(path, partitioning=None).to_pylist()


def test_erase_unit__id_in_every_store__none_left_and_others_untouched(store, at):
    plant()
    merging.merge(LocalFolder(store), now=NOW)
    others = {row["event_id"] for row in all_rows(store)} - {
        row["event_id"]
        for row in all_rows(store)
        if row["unit"] == services.unit_hash("user", CANARY, now=NOW)
    }
    assert traces(store)

    ask()
    work()
    at(LATER)
    Job.objects.update(run_after=LATER)
    done = work()

    assert traces(store) == []
    assert done.finished_at == LATER
    assert done.rows == 16
    assert {row["event_id"] for row in all_rows(store)} >= others
    assert len(stored("events")) == 9
    assert len(stored("exposures")) == 8


def test_erase_unit__readers_with_an_older_list__keep_their_files_for_an_hour(store, at):
    plant()
    paths = list(StoreFile.objects.filter(kind="events").values_list("path", flat=True))

    ask()
    waiting = work()

    assert waiting.rewritten_at == NOW
    assert waiting.finished_at is None
    assert all((store / path).exists() for path in paths)
    assert Job.objects.get(kind="events.erase").state == "queued"


def test_erase_unit__late_events__left_out_and_counted_until_new_ones_come(store, at):
    plant()
    ask()
    work()
    before = len(stored("events"))

    put([event(60, unit=CANARY), event(61)], received_at=NOW + timedelta(minutes=5))
    after = (NOW + timedelta(hours=3)).isoformat()
    put([event(62, unit=CANARY, ts=after)], received_at=NOW + timedelta(hours=3))
    services.drain(now=NOW + timedelta(hours=3))

    assert len(stored("events")) == before + 2
    assert IngestCount.objects.filter(kind="erased").get().count == 2


def test_erase_unit__derived_caches__dropped(store, at, monkeypatch):
    dropped = []
    monkeypatch.setattr(holding, "_forget", [lambda now: dropped.append(now) or 1])
    plant()

    ask()
    work()

    assert dropped == [NOW]
    assert upkeep_queries.rewritten_count() == 1


def test_erase_unit__twice__one_erasure(at):
    first = ask()

    assert ask().id == first.id
    assert Job.objects.filter(kind="events.erase").count() == 1


def test_erase_unit__killed_between_its_steps__goes_on(store, at):
    plant()
    made = ask()
    erasing._rewrite(made, now=NOW)

    with pytest.raises(NotYet):
        erasing._wait_for_readers(Erasure.objects.get(), now=NOW)
    erasing._wait_for_readers(Erasure.objects.get(), now=LATER)

    assert traces(store) == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"environment": "moon"}, "environment"),
        ({"unit_type": ""}, "unit_type"),
        ({"unit": ""}, "unit"),
        ({"unit": "x" * 513}, "unit"),
        ({"reason": " "}, "reason"),
    ],
)
def test_erase_unit__bad_request__refused_with_its_field(changed, field):
    with pytest.raises(Refused) as refused:
        ask(**changed)

    assert [problem.field for problem in refused.value.problems] == [field]


def test_erasure__unknown_number__not_found():
    with pytest.raises(NotFound):
        upkeep_queries.erasure(99)


def test_erase_unit__audit__says_who_and_why_and_holds_no_id(at):
    ask()

    row = AuditEvent.objects.filter(action="unit.erasure.requested").get()
    assert (row.actor, row.reason) == ("rosa", "a request")
    assert CANARY not in str(row.__dict__)
