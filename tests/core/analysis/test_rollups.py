"""Looks from rollups give what a full reading gives, whatever came in between and however it came."""

import random
from datetime import timedelta
from functools import partial

import pytest

from analysis.engines import rollups
from analysis.engines.duckdb import DuckDBEngine
from tests.core.analysis import store, world
from tests.core.analysis.growing import Store
from tests.core.analysis.store import at, event, exposure

SMALL_PLAN = partial(world.plan, "spend", "orders", "latency-p90")


@pytest.fixture
def growing(tmp_path):
    return Store(tmp_path)


def rows(units, seed=1):
    """Of two buckets only, which keeps the files few."""
    return [
        [{**row, "unit": row["unit"] // store.BUCKETS * store.BUCKETS + row["unit"] % 2} for row in of]
        for of in world.rows(seed=seed, units=units)
    ]


def until(rows, end, since=None):
    return [row for row in rows if row["ts"] < end and (since is None or row["ts"] >= since)]


def test_looks__data_come_in_order__each_same_as_a_full_reading(growing):
    exposures, events = rows(120)
    since = None
    for hours in (5, 48, 49.5, 24 * 14):
        growing.add(until(exposures, at(hours), since), until(events, at(hours), since))
        since = at(hours)

        found = growing.read(SMALL_PLAN(until=at(hours)))

        assert sum(found.enrolment.units.values()) > 0


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_looks__rows_late_and_out_of_order_and_files_merged__same_as_a_full_reading(growing, seed):
    exposures, events = rows(120, seed)
    order = random.Random(seed)
    batches = [([], []) for _ in range(4)]
    for kind, listed in enumerate((exposures, events)):
        for row in listed:
            # Most come on time; others up to the end of the experiment later.
            on_time = min(3, max(0, int((row["ts"] - store.START) / timedelta(days=14) * 4)))
            batches[on_time if order.random() < 0.8 else order.randint(on_time, 3)][kind].append(row)
    for number, batch in enumerate(batches):
        growing.add(*batch)
        if number % 2:
            growing.merge()

        growing.read(world.plan(until=at(24 * 14 * (number + 1) / 4)))


def one_unit(first=30.0):
    return [exposure(1, "on", at(first))], [event(1, "purchase", at(h), 10.0) for h in (-20, 10, 31, 60)]


def test_look__earlier_exposure_turns_up__events_count_from_it(growing):
    plan = world.plan("spend", "orders", until=at(24 * 5))
    growing.add(*one_unit())
    before = growing.read(plan)
    growing.add([exposure(1, "on", at(5))], [])

    after = growing.read(plan)

    spend = plan.vectors[0]
    means = [next(iter(found.moments[spend].values())).mean[0] for found in (before, after)]
    assert means == [20.0, 30.0]


def test_look__unit_seen_in_the_other_arm_later__left_out_from_then_on(growing):
    growing.add(*one_unit())
    assert growing.read(SMALL_PLAN(until=at(24 * 5))).enrolment.crossovers == 0
    growing.add([exposure(1, "off", at(24 * 6))], [])

    found = growing.read(SMALL_PLAN(until=at(24 * 7)))

    assert (found.enrolment.crossovers, found.enrolment.units) == (1, {})


def test_look__nothing_new__reads_no_whole_day(growing, monkeypatch):
    growing.add(*rows(60))
    growing.read(SMALL_PLAN(until=at(24 * 8 + 5)))
    asked = []
    read_files = DuckDBEngine._read_files
    monkeypatch.setattr(
        DuckDBEngine, "_read_files", lambda *given: (asked.extend(given[4]), read_files(*given))
    )

    growing.read(SMALL_PLAN(until=at(24 * 8 + 5)))

    opened = at(24 * 8).date()
    assert asked
    assert {path.split("/")[-2] for path in asked} >= {str(opened)}
    assert all(path.split("/")[-2] >= str(opened) for path in asked)


def test_look__files_merged_meanwhile__no_day_is_read_again(growing, monkeypatch):
    growing.add(*rows(60))
    growing.add(*rows(30, 5))
    growing.read(SMALL_PLAN(until=at(24 * 8 + 5)))
    growing.merge()
    asked = []
    read_files = DuckDBEngine._read_files
    monkeypatch.setattr(
        DuckDBEngine, "_read_files", lambda *given: (asked.extend(given[4]), read_files(*given))
    )

    growing.read(SMALL_PLAN(until=at(24 * 8 + 5)))

    assert all(path.split("/")[-2] >= str(at(24 * 8).date()) for path in asked)


def damaged(path):
    for file in path.rglob("*.duckdb"):
        file.write_bytes(b"no database")


def deleted(path):
    rollups.forget(path)


@pytest.mark.parametrize("harm", [damaged, deleted])
def test_look__rollups_damaged_or_deleted__same_numbers_and_rollups_again(growing, harm):
    growing.add(*rows(60))
    growing.read(SMALL_PLAN(until=at(24 * 8)))
    harm(growing.kept)

    growing.read(SMALL_PLAN(until=at(24 * 8)), is_kept=harm is deleted)
    growing.read(SMALL_PLAN(until=at(24 * 9)))


def test_look__rollups_held_by_another_look__full_reading(growing):
    growing.add(*rows(60))
    plan = SMALL_PLAN(until=at(24 * 8))

    with rollups.held(growing.kept, plan):
        growing.read(plan, is_kept=False)


def test_look__folder_that_cannot_be_made__full_reading(growing):
    growing.kept.write_text("a file is in the way")
    growing.add(*rows(60))

    growing.read(SMALL_PLAN(until=at(24 * 8)), is_kept=False)


def test_forget_unused__plan_nobody_asked_for__its_rollups_go(growing):
    growing.add(*rows(60))
    growing.read(SMALL_PLAN(until=at(24 * 8)))
    newest = max(path.stat().st_mtime for path in growing.kept.rglob("lock"))
    now = store.datetime.fromtimestamp(newest, store.UTC)

    assert rollups.forget_unused(growing.kept, before=now - timedelta(hours=1)) == 0
    assert rollups.forget_unused(growing.kept, before=now + timedelta(hours=1)) == 1
    assert not list(growing.kept.rglob("*.duckdb"))
