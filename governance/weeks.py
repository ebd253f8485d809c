"""Weeks of the site: from Monday 00:00 to Monday 00:00 in its time zone. No Django, no I/O."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEK = timedelta(days=7)
DIGEST_AT = time(8)
"""On Monday, in the site's time, the digest of the week before is due."""


def week_due(now: datetime, zone: ZoneInfo) -> tuple[str, datetime, datetime]:
    """The last week whose digest is due: its name (`2026-W48`), its beginning and its end, in UTC."""
    local = now.astimezone(zone)
    monday = local.date() - timedelta(days=local.weekday())
    if local.date() == monday and local.time() < DIGEST_AT:
        monday -= WEEK
    return week_before(monday, zone)


def week_before(monday: date, zone: ZoneInfo) -> tuple[str, datetime, datetime]:
    """The week that ends where this Monday begins."""
    first = monday - WEEK
    return first.strftime("%G-W%V"), _midnight(first, zone), _midnight(monday, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
