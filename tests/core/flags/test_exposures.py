"""Exposures by variant and day, as the flag's page draws them."""

from datetime import date, timedelta

from flags import exposures
from flags.seen import DayCount

TODAY = date(2026, 3, 14)


def test_rows__two_variants__most_frequent_first_with_share_and_bars_of_one_scale():
    counts = [DayCount(TODAY, "on", 30), DayCount(TODAY, "off", 60), DayCount(date(2026, 3, 13), "on", 6)]

    first, second = exposures.rows(counts, TODAY)

    assert (first.variant, first.total, second.total) == ("off", 60, 36)
    assert round(first.share + second.share, 6) == 1
    assert [bar.count for bar in second.bars[-2:]] == [6, 30]
    assert (first.bars[-1].y, first.bars[-1].height, second.bars[-1].height) == (0, 24, 12)
    assert (len(second.bars), second.bars[0].height) == (exposures.DAYS, 0)


def test_rows__older_than_shown__left_out():
    first = exposures.first_day(TODAY)

    assert exposures.rows([DayCount(first - timedelta(days=1), "on", 5)], TODAY) == ()
    assert exposures.rows([DayCount(first, "on", 5)], TODAY)[0].share == 1


def test_rows__rare_among_many__still_seen():
    rare, _ = sorted(exposures.rows([DayCount(TODAY, "a", 1), DayCount(TODAY, "b", 10**9)], TODAY), key=total)

    assert rare.bars[-1].height == 1


def total(row):
    return row.total
