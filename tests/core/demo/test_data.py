"""The demonstration's data is what its README says, and the replay keeps it."""

from collections import Counter
from datetime import UTC, datetime
from itertools import islice

import numpy as np
import pytest

from demo import bandit, plans, shop
from experiments import drafts
from metrics.parsing import parse_all

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)


def test_bandit__all_rows__ten_thousand_per_campaign_and_policy():
    counts = Counter((row.campaign, row.policy) for row in bandit.impressions())

    assert len(counts) == 6
    assert set(counts.values()) == {10_000}


def test_bandit__events__every_id_once_and_a_click_for_every_click():
    events = list(bandit.events())

    kinds = Counter(event["kind"] for event in events)
    assert kinds == {"exposure": 60_000, "event": 287}
    assert len({event["id"] for event in events}) == len(events)


def test_shop__sessions__spread_over_fourteen_days_before_the_end():
    sessions = list(shop.sessions(until=UNTIL))

    assert len(sessions) == 12_330
    assert sum(session.bought for session in sessions) == 1_908
    assert all((UNTIL - session.at).days <= shop.DAYS for session in sessions)
    assert sessions == sorted(sessions, key=lambda session: session.at)


def test_shop__visits__one_latency_a_request_and_nothing_before_the_exposure_or_after_the_visit():
    latencies = shop.endless_latencies_ms()["control"]

    names = Counter()
    for session in shop.sessions(until=UNTIL):
        happened = list(shop.visit(session, latencies))
        names.update(happening.name for happening in happened)
        assert all(session.at <= happening.at <= session.ends_at for happening in happened)

    assert names["home_request"] == sum(session.requests for session in shop.sessions(until=UNTIL))
    assert names["purchase"] == 1_908
    assert names["visit_ended"] == 12_330
    assert 0 < names["single_page_visit"] < 1_000


def test_shop__last_visit__over_within_the_longest_visit_after_the_end():
    last = list(shop.sessions(until=UNTIL))[-1]

    assert last.ends_at <= UNTIL + shop.LONGEST_VISIT


def test_metrics__all_files__read_without_a_problem_and_every_bound_metric_is_there():
    files = sorted(plans.METRICS.glob("*.toml"))

    loaded = parse_all({file.name: file.read_text(encoding="utf-8") for file in files})

    keys = {definition.key for definition in loaded.values()}
    bound = {binding["metric"] for binding in (*plans.BANDIT_METRICS, *plans.SHOP_METRICS)}
    assert bound == keys


@pytest.mark.parametrize("content", [plans.shop_plan(), *map(plans.bandit_plan, bandit.CAMPAIGNS)])
def test_plans__all__can_be_meant(content):
    draft = drafts.read(content)

    assert draft.hypothesis.metric in {plans.ORDERS, plans.CLICK_RATE}
    assert sum(arm.weight_ppm for arm in draft.arms) == 1_000_000


@pytest.mark.parametrize("arm", ["control", "treatment"])
def test_shop__latencies_of_whole_cycles__distributed_as_in_the_traces(arm):
    trace = shop.trace_latencies_ms()[arm]

    replayed = list(islice(shop.endless_latencies_ms()[arm], 3 * len(trace)))

    for q in (0.5, 0.75, 0.95, 0.99):
        assert np.quantile(replayed, q, method="inverted_cdf") == np.quantile(trace, q, method="inverted_cdf")
