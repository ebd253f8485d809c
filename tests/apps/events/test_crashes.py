"""Whenever a compaction dies, and however many run: every accepted event is in the store exactly once."""

import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from django.db import connections, transaction

from events import services
from events.compaction import merging, rounds
from events.compaction.locking import lock
from events.compaction.storage import LocalFolder
from events.models import InboxBatch, IngestCount, RefusedEvent, StoreFile
from tests.apps.events.building import NOW, event, exposure, ids, put, stored
from tests.apps.events.processes import ROOT, environment


class PowerCut(Exception):
    pass


@dataclass(frozen=True)
class Failing(LocalFolder):
    """A folder whose disk goes away at the n-th write."""

    writes_left: list

    def write(self, path, content):
        self.writes_left[0] -= 1
        if self.writes_left[0] < 0:
            raise PowerCut
        super().write(path, content)


def fill(batches=6, per_batch=50):
    """Batches with a refused event, a duplicate and a conflict each."""
    for n in range(batches):
        made = [event(n * per_batch + i) for i in range(per_batch)] + [exposure(n)]
        put([*made, made[0], {**made[1], "value": -1.0}, event(9_000 + n, value="x")])


def expect_all(batches=6, per_batch=50):
    rows = stored("events")
    assert len(ids(rows)) == len(set(ids(rows))) == batches * per_batch
    assert len(stored("exposures")) == batches
    counts = dict(IngestCount.objects.values_list("kind", "count"))
    assert counts == {
        "event": batches * per_batch,
        "exposure": batches,
        "duplicate": batches,
        "conflicting": batches,
        "refused": batches,
    }
    assert RefusedEvent.objects.count() == 2 * batches
    assert not InboxBatch.objects.filter(compacted_at__isnull=True).exists()


@pytest.mark.django_db(transaction=True)
def test_round__disk_fails_at_any_write__nothing_changed_and_the_next_one_files_all(store):
    fill()
    writes = 0
    while True:
        try:
            rounds.drain(now=NOW, storage=Failing(store, [writes]))
        except PowerCut:
            assert not StoreFile.objects.exists()
            assert not IngestCount.objects.exists()
            assert not RefusedEvent.objects.exists()
            assert InboxBatch.objects.filter(payload__isnull=False).count() == 6
            writes += 1
        else:
            break

    assert writes > 10
    expect_all()


@pytest.mark.django_db(transaction=True)
def test_merge__disk_fails__old_files_stay_in_force(store):
    for n in range(8):
        put([event(n, unit="one")])
        services.drain(now=NOW)

    with pytest.raises(PowerCut):
        merging.merge(Failing(store, [0]), now=NOW)

    assert len(stored("events")) == 8
    assert not StoreFile.objects.filter(retired_at__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_drain__four_at_once__every_event_once(store):
    fill(batches=24)

    def drain(_):
        try:
            return services.drain(now=NOW).batches
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        moved = list(pool.map(drain, range(4)))

    assert sum(moved) == 24
    expect_all(batches=24)


@pytest.mark.django_db(transaction=True)
def test_compact__another_process_is_at_it__left_to_it(store):
    fill()
    with ThreadPoolExecutor(1) as pool:

        def compact():
            try:
                return rounds.compact(now=NOW)
            finally:
                connections.close_all()

        with transaction.atomic():
            assert lock("production", wait=False)
            assert pool.submit(compact).result().batches == 0

    assert rounds.compact(now=NOW).batches == 6


SLOW_DISK = """
import time
import django
django.setup()
from django.core.management import call_command
from events.compaction.storage import LocalFolder

write = LocalFolder.write
LocalFolder.write = lambda *given: (write(*given), time.sleep(0.02))
call_command("compact_events")
"""
"""Leaves whoever wants to kill it the time, however busy the machine is."""


def start_compaction(store):
    command = [sys.executable, "-W", "ignore", "-c", SLOW_DISK]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=ROOT, env=environment(store), **options)


def files_in(store):
    return sum(1 for path in store.rglob("*") if path.is_file()) if store.exists() else 0


def kill_after(process, store, files):
    """Kill -9 as soon as so many more files lie in the store; False when it was done before."""
    before = files_in(store)
    deadline = time.monotonic() + 240
    while process.poll() is None and time.monotonic() < deadline:
        if files_in(store) >= before + files:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return True
        time.sleep(0.002)
    process.communicate()
    return False


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "kills", [3, pytest.param(60, marks=pytest.mark.slow)], ids=lambda kills: f"{kills}-kills"
)
def test_compaction__killed_again_and_again__no_event_lost_or_doubled(store, kills):
    chance = random.Random(kills)
    fill(batches=40)

    killed = sum(kill_after(start_compaction(store), store, chance.randint(1, 30)) for _ in range(kills))
    services.drain(now=NOW)

    assert killed >= kills // 2
    expect_all(batches=40)
