"""A guardrail replayed on daily values trips on the planted days and on no other."""

from datetime import date, timedelta

import pytest

from governance import backtest
from governance.backtest import Known

LAST = date(2026, 3, 31)


def series(days=120, base=100.0, weekend=20.0, **planted):
    """A weekly pattern; `planted` adds to single days, d10=50 to the tenth day before the last."""
    extra = {LAST - timedelta(days=int(name[1:])): value for name, value in planted.items()}
    every = (LAST - timedelta(days=back) for back in range(days))
    return {day: base + (weekend if day.weekday() > 4 else 0) + extra.get(day, 0) for day in every}


def replayed(values, *, margin=30.0, relative=False, worse=1, window=1, incidents=()):
    return backtest.replay(
        values,
        last=LAST,
        days=90,
        window=window,
        margin=margin,
        is_relative=relative,
        worse=worse,
        incidents=incidents,
    )


def day(back):
    return LAST - timedelta(days=back)


def test_replay__weekly_pattern__never_trips():
    found = replayed(series(), margin=5)

    assert (found.tripped, found.judged) == ((), 90)
    assert found.sentence == "would have tripped on 0 of the last 90 days"


def test_replay__two_bad_days_one_labelled__two_trips_one_true():
    found = replayed(series(d10=50, d40=50), incidents=[Known("Bad deploy", day(40), day(40))])

    assert found.tripped == (day(40), day(10))
    assert found.true == (day(40),)
    assert found.sentence == "would have tripped on 2 of the last 90 days, 1 true"


def test_replay__labelled_day_within_the_margin__missed_by_name():
    found = replayed(series(d40=20), incidents=[Known("Slow search", day(40), day(40))])

    assert (found.tripped, found.missed) == ((), ("Slow search",))


def test_replay__better_direction__does_not_trip():
    assert replayed(series(d10=50), worse=-1).tripped == ()
    assert replayed(series(d10=-50), worse=-1).tripped == (day(10),)


@pytest.mark.parametrize(("margin", "trips"), [(0.45, 1), (0.55, 0)])
def test_replay__relative_margin__share_of_the_usual_value(margin, trips):
    values = series(weekend=0.0, d10=50)

    assert len(replayed(values, margin=margin, relative=True).tripped) == trips


def test_replay__one_bad_day_in_a_window_of_three__does_not_trip():
    assert replayed(series(weekend=0.0, d10=50), window=3).tripped == ()


def test_replay__too_little_history__days_are_not_judged():
    found = replayed(series(days=5))

    assert found.judged == 0
    assert found.sentence.startswith("cannot say")


def test_first_move__level_shift__first_day_of_it():
    shifted = {each: value + (40 if each >= day(3) else 0) for each, value in series(weekend=1.0).items()}

    move = backtest.first_move(shifted, since=day(5), until=LAST)

    assert (move.day, move.usual) == (day(3), 101.0)
    assert move.z > backtest.MOVED_Z


def test_first_move__nothing_happens__no_day_but_a_usual_value():
    move = backtest.first_move(series(), since=day(5), until=LAST)

    assert (move.day, move.usual) == (None, 100.0)


def test_first_move__no_history__unknown():
    assert backtest.first_move({LAST: 1.0}, since=LAST, until=LAST).usual is None
