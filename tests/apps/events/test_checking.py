"""The store against its manifest: missing, damaged and left-over files are found."""

import io
import os
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from events import queries, services
from tests.apps.events.building import event, put, stored

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def filed(store):
    put([event(n) for n in range(100)])
    services.drain(now=timezone.now())


def run(*options):
    out = io.StringIO()
    call_command("check_event_store", *options, stdout=out)
    return out.getvalue()


def make_old(path):
    then = (timezone.now() - timedelta(hours=2)).timestamp()
    os.utime(path, (then, then))


def some_file(store):
    return store / queries.files("events")[0].path


def test_check__sound_store__says_how_much_there_is():
    assert "with 200 rows in the manifest" in run()


def test_check__file_missing__named_with_exit_code(store):
    some_file(store).unlink()

    with pytest.raises(CommandError, match="not what its manifest says"):
        run()


def test_check__a_byte_changed__damaged_unless_asked_to_be_quick(store):
    path = some_file(store)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert "damaged" not in run("--quick")
    with pytest.raises(CommandError):
        run()


def test_check__left_overs_of_a_killed_round__listed_and_deleted_when_asked(store):
    folder = some_file(store).parent
    orphan, part, fresh = folder / "a.parquet", folder / "b.parquet.12ab.part", folder / "c.parquet"
    for path in (orphan, part, fresh):
        path.write_bytes(b"x")
    make_old(orphan)
    make_old(part)

    listed = run()
    run("--delete-orphans")

    assert listed.count("orphans: ") == 2
    assert [path.exists() for path in (orphan, part, fresh)] == [False, False, True]
    assert len(stored("events")) == 100


def test_check__store_not_sound__deletes_nothing(store):
    orphan = some_file(store).parent / "a.parquet"
    orphan.write_bytes(b"x")
    make_old(orphan)
    some_file(store).unlink()

    with pytest.raises(CommandError):
        run("--delete-orphans")

    assert orphan.exists()
