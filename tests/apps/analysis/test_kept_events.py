"""Retention leaves alone what an open experiment reads, and a deleted unit takes the rollups with it."""

from datetime import timedelta
from pathlib import Path

import pytest

from analysis import kept_events
from analysis.engines import choice
from analysis.engines.duckdb import DuckDBEngine
from analysis.services import sources
from events import holding
from events import queries as events
from events.models import Erasure
from experiments import services as experiments
from tests.apps.analysis import world

pytestmark = pytest.mark.django_db


def test_needed_since__running_experiment__its_start_and_the_pre_period_before():
    world.started(bind=("spend",))

    assert holding.needed_since(world.ENVIRONMENT) == (world.START - timedelta(days=7)).date()
    assert holding.needed_since("staging") is None


def test_needed_since__stopped__waits_for_the_decision():
    world.started(bind=("orders",))
    experiments.stop(key=world.KEY, actor="rosa", now=world.at(24 * 20), reason="over")

    assert kept_events.needed_since(world.ENVIRONMENT) == world.START.date()


def test_looks__unit_deleted__rollups_from_before_are_gone_and_not_used(tmp_path, settings, monkeypatch):
    settings.HEADWAY_ROLLUPS = str(tmp_path)
    root = events.store_root()
    engine = DuckDBEngine(Path(root), rollups=choice.rollups(root), rows_per_partition=1)
    monkeypatch.setattr(sources.choice, "engine", lambda root: engine)
    world.started(bind=("orders",))
    world.write(*world.traffic(60))
    assert world.look(hours=24 * 7).failure == ""
    [before] = [path.name for path in tmp_path.glob("*-*")]

    _erased()
    assert kept_events.forget_rollups(world.at(24 * 8)) == 1
    assert world.look(hours=24 * 9).failure == ""

    [after] = [path.name for path in tmp_path.glob("*-*")]
    assert (before.partition("-")[0], after.partition("-")[0]) == ("0", "1")


def _erased():
    at = world.at(24 * 8)
    Erasure.objects.create(
        environment=world.ENVIRONMENT,
        unit_type="user",
        unit_hash=1,
        until=at,
        reason="a request",
        requested_by="rosa",
        requested_at=at,
        rewritten_at=at,
    )
