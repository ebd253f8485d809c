"""The manifest: which files a reader is told to read."""

from datetime import UTC, date, datetime, timedelta

import pytest

from events import queries
from events.models import StoreFile

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def file(path, **fields):
    """A manifest row for the hour before NOW."""
    defaults = {
        "kind": "events",
        "environment": "production",
        "day": date(2026, 3, 4),
        "bucket": 3,
        "rows": 10,
        "size": 1000,
        "min_ts": NOW - timedelta(hours=1),
        "max_ts": NOW,
        "sha256": "0" * 64,
        "created_at": NOW,
    }
    return StoreFile.objects.create(path=path, **{**defaults, **fields})


def paths(rows):
    return [row.path.rsplit("/", 1)[-1] for row in rows]


def test_files__times_given__only_those_that_may_hold_rows():
    file("a", min_ts=NOW - timedelta(hours=5), max_ts=NOW - timedelta(hours=4))
    file("b")
    file("c", min_ts=NOW, max_ts=NOW + timedelta(hours=1))

    assert paths(queries.files("events", NOW - timedelta(hours=2), NOW)) == ["b"]
    assert paths(queries.files("events", NOW - timedelta(hours=4), NOW)) == ["a", "b"]
    assert paths(queries.files("events")) == ["a", "b", "c"]


def test_files__other_kind_bucket_environment_or_retired__left_out():
    file("kind", kind="exposures")
    file("bucket", bucket=4)
    file("environment", environment="staging")
    file("retired", retired_at=NOW)
    file("wanted")

    assert paths(queries.files("events", bucket=3, environment="production")) == ["wanted"]


def test_files__local_store__absolute_paths(settings):
    settings.HEADWAY_EVENT_STORE = "file:///data/my%20events/"
    file("events/x.parquet")

    assert queries.files("events")[0].path == "/data/my events/events/x.parquet"


def test_files__object_store__address_with_bucket(settings):
    settings.HEADWAY_EVENT_STORE = "s3://site/headway"
    file("events/x.parquet")

    assert queries.files("events")[0].path == "s3://site/headway/events/x.parquet"


def test_changed_since__new_data_and_merges__new_data_only():
    file("old")
    mark = queries.last_manifest_id()
    file("new")
    file("merged", is_merged=True)
    file("seen", kind="seen")

    assert paths(queries.changed_since(mark)) == ["new"]
