"""Limits of caps: stored under names, found again, kept from the first full week on."""

from datetime import timedelta

from analysis import caps
from tests.core.analysis import world
from tests.core.analysis.store import START


def test_caps__stored_and_read_back__same_entries():
    plan = world.plan()
    found = {entry: 10.0 + number for number, entry in enumerate(plan.capped_entries)}

    stored = caps.to_json(plan, found)

    assert stored.keys() == {"spend/value", "spend/covariate"}
    assert caps.from_json(plan, stored) == found


def test_caps__metric_no_longer_planned__left_out():
    stored = caps.to_json(world.plan(), dict.fromkeys(world.plan().capped_entries, 3.0))

    assert caps.from_json(world.plan("orders"), stored) == {}


def test_settled__full_week_of_data__from_then_on():
    plan = world.plan()

    assert not caps.are_settled(plan, START + timedelta(days=7) - timedelta(seconds=1))
    assert caps.are_settled(plan, START + timedelta(days=7))
