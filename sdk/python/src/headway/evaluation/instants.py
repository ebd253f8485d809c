"""Points in time: RFC 3339 texts with a zone, compared in whole milliseconds since 1970."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(value: object) -> int | None:
    """Milliseconds since 1970, rounded down; None for what names no point in time.

    A bare number may be seconds or milliseconds, a time without a zone may be anywhere: both name none.
    """
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return (value - _EPOCH) // _MILLISECOND
    return None


def _of_text(text: str) -> int | None:
    match = _INSTANT.fullmatch(text) if len(text) <= 40 else None
    if match is None:
        return None
    day, clock, fraction, sign, hours, minutes = match.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}+00:00")
    except ValueError:
        return None
    if sign is not None and (int(hours) > 23 or int(minutes) > 59):
        return None
    offset_ms = 0 if sign is None else (int(hours) * 60 + int(minutes)) * 60_000 * (1 if sign == "+" else -1)
    return (at - _EPOCH) // _MILLISECOND + int(f"{fraction or 0:0<3}"[:3]) - offset_ms
