"""Outcomes of a study's arms from what its users did: caps, covariate and quantiles as in every look."""

import numpy as np
import pytest

from analysis.stats.results import NotEstimable, Why
from impact.outcomes import Reading, Sessions, Totals, by_arm
from metrics.definitions import Cap, Kind, Measure, Source
from tests.core.impact.test_daily import metric

USERS = 4000
ARMS = [np.arange(USERS) % 2 == arm for arm in (0, 1)]


def totals(values, seed=1):
    return Totals(np.array([values], dtype=float), np.ones((1, USERS)))


@pytest.fixture(scope="module")
def spent():
    """What users spent, a tenth less in the second arm, and what they spent before; one is very rich."""
    rng = np.random.default_rng(4)
    usual = rng.gamma(4.0, 10.0, USERS)
    now = usual * np.where(ARMS[1], 0.9, 1.0) + rng.normal(0, 5, USERS)
    now[3] = 1e6
    return totals(now), totals(usual)


def test_cap__absolute_or_percentile__one_rich_user_moves_nothing(spent):
    now, _ = spent
    plain, absolute, percentile = (
        by_arm(metric(Kind.MEAN, cap=cap), Reading(now), ARMS)
        for cap in (None, Cap(absolute=200.0), Cap(percentile=99.0))
    )

    assert plain[1].value > 10 * absolute[1].value
    assert [each.value for each in absolute] == pytest.approx([40, 36], rel=0.05)
    assert [each.value for each in percentile] == pytest.approx([40, 36], rel=0.05)


def test_cap__floor__raises_values_below(spent):
    found = by_arm(metric(Kind.MEAN, cap=Cap(absolute=200.0, floor=30.0)), Reading(spent[0]), ARMS)

    assert (
        found[0].value > by_arm(metric(Kind.MEAN, cap=Cap(absolute=200.0)), Reading(spent[0]), ARMS)[0].value
    )


def test_covariate__what_was_spent_before__same_values_and_a_quarter_of_the_variance(spent):
    now, before = spent
    capped = metric(Kind.MEAN, cap=Cap(absolute=200.0), covariate_days=7)

    plain = by_arm(capped, Reading(now), ARMS)
    less = by_arm(capped, Reading(now, top_before=before), ARMS)

    assert [each.value for each in less] == pytest.approx([each.value for each in plain], rel=0.03)
    assert all(adjusted.variance < raw.variance / 4 for adjusted, raw in zip(less, plain, strict=True))


def test_covariate__of_a_ratio__both_periods_linearised(spent):
    now, before = spent
    basket = metric(
        Kind.RATIO, denominator=Source("request", Measure.COUNT), cap=Cap(absolute=200.0), covariate_days=7
    )
    visits = totals(np.zeros(USERS))

    plain = by_arm(basket, Reading(now, visits), ARMS)
    less = by_arm(basket, Reading(now, visits, before, visits), ARMS)

    assert less[0].variance < plain[0].variance / 4


def test_quantile__of_events__by_arm_and_week():
    rng = np.random.default_rng(5)
    place, span = np.repeat(np.arange(USERS), 3), np.tile([0, 1, 1], USERS)
    values = rng.exponential(100, 3 * USERS) * np.where(place % 2 == 1, 1.5, 1.0) * (1 + span)
    median = metric(Kind.QUANTILE, quantile=0.5)
    read = Reading(totals(np.zeros(USERS)), sessions=Sessions(values, place, span))

    first, second = by_arm(median, read.of(slice(0, 1)), ARMS), by_arm(median, read.of(slice(1, 2)), ARMS)

    assert [each.value for each in first] == pytest.approx([69.3, 104], rel=0.1)
    assert [each.value for each in second] == pytest.approx([139, 208], rel=0.1)
    assert first[0].variance > 0


def test_quantile__nobody_did_anything__not_estimable():
    none = Sessions(np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))

    read = Reading(totals(np.zeros(USERS)), sessions=none).of(slice(0, 1))

    assert by_arm(metric(Kind.QUANTILE, quantile=0.5), read, ARMS) == [NotEstimable(Why.NO_UNITS)] * 2
