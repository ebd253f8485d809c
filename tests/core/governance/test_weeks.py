"""The digest of a week is due on the Monday after it at eight, in the site's time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from governance.weeks import week_due

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "week"),
    [
        (datetime(2026, 11, 23, 6, 59, tzinfo=UTC), "2026-W46"),
        (datetime(2026, 11, 23, 7, 0, tzinfo=UTC), "2026-W47"),
        (datetime(2026, 11, 29, 22, 0, tzinfo=UTC), "2026-W47"),
        (datetime(2027, 1, 4, 8, 0, tzinfo=UTC), "2026-W53"),
    ],
)
def test_week_due__monday_at_eight_in_the_zone__the_week_before(now, week):
    assert week_due(now, BERLIN)[0] == week


def test_week_due__daylight_saving_ends__an_hour_more():
    _, begins, ends = week_due(datetime(2026, 10, 26, 9, 0, tzinfo=UTC), BERLIN)

    assert (begins, ends) == (
        datetime(2026, 10, 18, 22, tzinfo=UTC),
        datetime(2026, 10, 25, 23, tzinfo=UTC),
    )
