"""Where files lie: whole or not at all, in a folder or in a bucket."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from pyarrow import fs

from events import services
from events.compaction import rounds, storage, upkeep
from events.compaction.storage import LocalFolder, ObjectStore, open_store
from tests.apps.events.building import NOW, event, put, stored


def object_store(folder):
    """An object store on a folder; whatever pyarrow calls a file system serves."""
    folder.mkdir(parents=True, exist_ok=True)
    return ObjectStore(fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem(use_mmap=False)))


@pytest.fixture(params=["folder", "objects"])
def place(request, tmp_path):
    folder = tmp_path / "place"
    return LocalFolder(folder) if request.param == "folder" else object_store(folder)


def test_write__then_listed_read_and_deleted(place):
    if isinstance(place, ObjectStore):
        place.filesystem.create_dir("events/day=1", recursive=True)
    place.write("events/day=1/a.parquet", b"content")

    [(path, at)] = place.files()
    assert path == "events/day=1/a.parquet"
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)
    assert place.filesystem.open_input_file(path).read() == b"content"
    place.delete(path)
    place.delete(path)
    assert list(place.files()) == []


def test_local_write__disk_full_half_way__no_file_under_the_name(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        LocalFolder(tmp_path).write("a.parquet", b"content")

    assert not (tmp_path / "a.parquet").exists()


def test_open_store__address_of_the_settings__decides(settings, tmp_path):
    settings.HEADWAY_EVENT_STORE = tmp_path.as_uri()
    assert open_store() == LocalFolder(tmp_path)

    settings.HEADWAY_EVENT_STORE = "s3://site/headway?region=eu-central-1&endpoint_override=127.0.0.1:1"
    assert isinstance(open_store(), ObjectStore)


@pytest.mark.django_db
def test_drain__object_store__same_rows_as_in_a_folder(store):
    class Flat(ObjectStore):
        """Buckets have no folders; a file system on a disk has to be asked for them."""

        def write(self, path, content):
            self.filesystem.create_dir(path.rsplit("/", 1)[0], recursive=True)
            super().write(path, content)

    objects = object_store(store)
    place = Flat(objects.filesystem)
    put([event(n) for n in range(100)])
    rounds.drain(now=NOW, storage=place)
    put([event(n) for n in range(50, 150)])

    drained = rounds.drain(now=NOW, storage=place)

    assert (drained.stored, drained.duplicates) == (50, 50)
    assert len(stored("events")) == 150


@pytest.mark.django_db
def test_upkeep__store_of_the_settings__used(store):
    put([event(1)])

    upkeep.run(now=NOW)

    assert any(store.rglob("*.parquet"))
    assert not list(store.rglob(f"*{storage.TEMPORARY}"))
    assert services.drain(now=NOW).batches == 0
