"""A site's looks keep rollups beside its store, and nothing depends on them."""

from pathlib import Path

import pytest

from analysis.engines import choice
from analysis.engines.duckdb import DuckDBEngine
from analysis.plan import analysis_plan
from analysis.services import sources
from events import queries as events
from experiments import queries as experiments
from tests.apps.analysis import world
from tests.core.analysis.conformance import assert_conforms

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(tmp_path, settings, monkeypatch):
    """One that keeps rollups of stores of any size, in a folder of this test."""
    settings.HEADWAY_ROLLUPS = str(tmp_path)
    root = events.store_root()
    engine = DuckDBEngine(Path(root), rollups=choice.rollups(root), rows_per_partition=1)
    monkeypatch.setattr("analysis.services.sources.choice.engine", lambda root: engine)
    return engine


def test_looks__files_of_the_manifest__rollups_give_what_a_full_reading_gives(engine):
    world.started(bind=("spend", "latency-p95"), dimensions=["device"])
    world.write(*world.traffic(150))
    assert world.look(hours=24 * 7).failure == ""
    world.write(*world.traffic(20, seed=2))
    assert world.look(hours=24 * 9).failure == ""
    plan = analysis_plan(experiments.plan(world.KEY), until=world.at(24 * 9.5))
    files = sources.files(plan, world.ENVIRONMENT)

    found = engine.read(plan, files, {})

    assert list(engine.rollups.rglob("*.duckdb"))
    assert_conforms(found, DuckDBEngine(engine.folder).read(plan, files, {}), tolerance=1e-12)


@pytest.mark.parametrize(
    ("chosen", "root", "expected"),
    [
        ("", "/var/events", Path("/var/events-rollups")),
        ("", "s3://bucket/events", None),
        ("/cache", "s3://bucket/events", Path("/cache")),
        ("off", "/var/events", None),
    ],
)
def test_rollups_folder__setting_and_store__where_they_lie(settings, chosen, root, expected):
    settings.HEADWAY_ROLLUPS = chosen

    assert choice.rollups(root) == expected
