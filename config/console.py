"""What every console page has: the navigation and the template filters that format numbers."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.http import HttpRequest

from config import formats
from impact.pricing import money

register = template.Library()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the left rail; `prefix` is the path it stands for."""

    title: str
    prefix: str
    key: str


NAVIGATION = (
    Entry("Home", "/", "h"),
    Entry("Experiments", "/experiments/", "x"),
    Entry("Flags", "/flags/", "f"),
    Entry("Metrics", "/metrics/", "m"),
    Entry("Sources", "/sources/", "s"),
    Entry("Impact", "/impact/", "i"),
    Entry("Reviews", "/reviews/audit/", "r"),
    Entry("Watch", "/watch/jobs/", "w"),
    Entry("Events", "/events/", "v"),
    Entry("Learn", "/learn/", "l"),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """The left rail with the entry that the current page belongs to."""
    top = request.path.split("/")[1]
    current = next((entry for entry in NAVIGATION if entry.prefix.split("/")[1] == top), None)
    return {"navigation": NAVIGATION, "current_entry": current}


@register.filter
def as_json(value: Any) -> str:
    """Compact JSON, for showing what changed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)


@register.filter(name="count")
def count_filter(value: int | float | None) -> str:
    return "" if value is None else formats.count(value)


@register.filter
def amount(minor: float | None, currency: str) -> str:
    """Money to two significant digits: EUR 1.2 million."""
    return "" if minor is None else money(minor, currency)


@register.filter
def change(share: float | None) -> str:
    """A relative change with its sign: −0.30 %."""
    return "" if share is None else formats.change(share)


@register.filter(name="share")
def share_filter(value: float | None) -> str:
    return "" if value is None else formats.share(value)


@register.filter(name="ppm")
def ppm_filter(value: int | None) -> str:
    return "" if value is None else formats.ppm(value)


@register.filter(name="moment")
def moment_filter(value: datetime | None) -> str:
    return "" if value is None else formats.moment(value)


@register.filter(name="duration")
def duration_filter(value: timedelta | None) -> str:
    return "" if value is None else formats.duration(value)
