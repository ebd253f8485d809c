"""The timeline as SVG: one bar an experiment over a common span. Text for the page, no script, no styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 1000.0, 22.0
MOST = timedelta(days=366)
LEAST = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Window:
    """What the picture spans."""

    since: datetime
    until: datetime

    def at(self, moment: datetime) -> float:
        """Where a moment lies, held inside the picture."""
        share = (moment - self.since) / (self.until - self.since)
        return round(WIDTH * min(1.0, max(0.0, share)), 1)


def window(rows: Sequence[Any], *, now: datetime) -> Window:
    """From the first start to now, two weeks at least and a year at most."""
    last = max((row.stopped_at or now for row in rows), default=now)
    recent = (row.started_at for row in rows if (row.stopped_at or now) >= last - MOST)
    first = min(recent, default=now)
    last = min(now, last) if last > now else last
    return Window(max(min(first, last - LEAST), last - MOST), last)


def bar(row: Any, span: Window, *, now: datetime) -> SafeString:
    """From the start to the stop, or to now; of what ended before the picture begins only the words."""
    if row.stopped_at is not None and row.stopped_at < span.since:
        return SafeString(escape(_words(row)))
    left, right = span.at(row.started_at), span.at(row.stopped_at or now)
    width = max(3.0, right - left)
    kind = "past" if row.stopped_at else "now"
    label = escape(_words(row))
    return mark_safe(  # noqa: S308 only numbers and an escaped text
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" preserveAspectRatio="none" class="span" role="img" '
        f'aria-label="{label}"><rect x="0" y="10" width="{WIDTH:g}" height="2" class="span-line"/>'
        f'<rect x="{left:g}" y="4" width="{width:g}" height="14" rx="3" class="span-{kind}"/></svg>'
    )


def scale(span: Window) -> dict[str, str]:
    """What stands above the bars."""
    return {"since": f"{span.since:%Y-%m-%d}", "until": f"{span.until:%Y-%m-%d}"}


def _words(row: Any) -> str:
    until = f"{row.stopped_at:%Y-%m-%d}" if row.stopped_at else "now"
    return f"ran from {row.started_at:%Y-%m-%d} to {until}"
