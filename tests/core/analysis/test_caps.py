"""Limits of caps: stored under names, found again, kept from the first full week on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from analysis import caps
from analysis.plan import planned_metric
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


@pytest.mark.parametrize(("window_hours", "days"), [(None, 7), (48, 9)])
def test_settled__full_week_of_final_values__from_then_on(window_hours, days):
    of = replace(world.DEFINITIONS["spend"], window_hours=window_hours, covariate_days=None)
    plan = world.plan(metrics=(planned_metric(of),))
    stored, end = {"spend/value": 3.0}, START + timedelta(days=days)

    assert caps.settled(plan, stored, end - timedelta(seconds=1)) == {}
    assert caps.settled(plan, stored, end) == {plan.capped_entries[0]: 3.0}
