"""The demonstration's data is what its README says, and the replay keeps it."""

from collections import Counter
from datetime import UTC, datetime
from itertools import islice

import numpy as np
import pytest

from demo import bandit, shop

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


@pytest.mark.parametrize("arm", ["control", "treatment"])
def test_shop__latencies_of_whole_cycles__distributed_as_in_the_traces(arm):
    trace = shop.trace_latencies_ms()[arm]

    replayed = list(islice(shop.endless_latencies_ms()[arm], 3 * len(trace)))

    for q in (0.5, 0.75, 0.95, 0.99):
        assert np.quantile(replayed, q, method="inverted_cdf") == np.quantile(
            trace, q, method="inverted_cdf"
        )
