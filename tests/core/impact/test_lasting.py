"""Weeks of a study: how it is cut, whether the loss grows, whether it outlasts the delay."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from impact.lasting import growth, lost_weeks, recovery_words, spans

BEGAN = datetime(2026, 2, 2, tzinfo=UTC)


def week(per_100_ms, *, is_after=False, half=0.0005, days=7):
    ends = {"low": per_100_ms - half, "high": per_100_ms + half}
    return {"per_100_ms": per_100_ms, "is_after": is_after, "days": days, **ends}


def test_spans__three_weeks_and_a_rest__cut_at_the_end_of_the_delay():
    ended = BEGAN + timedelta(days=16)

    found = spans(BEGAN, ended, ended + timedelta(days=14))

    assert [(span.until - span.since).days for span in found] == [7, 9, 7, 7]
    assert [span.is_after for span in found] == [False, False, True, True]
    assert [span.number for span in found] == [1, 2, 3, 4]
    assert all(one.until == other.since for one, other in pairwise(found))


def test_spans__still_running__nothing_after():
    found = spans(BEGAN, BEGAN + timedelta(days=4), BEGAN + timedelta(days=4))

    assert [span.is_after for span in found] == [False]


def test_growth__published_study_of_2009__weeks_4_to_6_cost_1_6_times_weeks_1_to_3():
    weeks = [week(-0.22 / 2 / 100)] * 3 + [week(-0.36 / 2 / 100)] * 3 + [week(-0.1 / 100, is_after=True)]

    assert growth(weeks) == pytest.approx(1.6, abs=0.05)


@pytest.mark.parametrize("weeks", [[], [week(-0.01)], [week(0.01), week(-0.01)]])
def test_growth__nothing_to_compare__none(weeks):
    assert growth(weeks) is None


def test_lost_weeks__all_of_them__added_by_their_length():
    assert lost_weeks([week(-0.01), week(-0.02, days=3.5), week(-0.01, is_after=True)]) == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("weeks", "words"),
    [
        ([week(-0.01)], ""),
        ([week(-0.01), week(-0.002, is_after=True)], "In the last week after the delay 0.20% per 100 ms is"),
        ([week(-0.01), week(-0.0002, is_after=True)], "no loss can be told from zero"),
    ],
)
def test_recovery__last_week_after__in_words(weeks, words):
    said = recovery_words(weeks)

    assert words in said
    assert bool(words) == bool(said)
