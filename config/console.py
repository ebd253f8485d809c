"""What every console page has: the navigation and the template filters that format numbers."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.http import HttpRequest
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from config import formats, navigation
from governance import timeline
from impact.pricing import money

register = template.Library()


def context(request: HttpRequest) -> dict[str, Any]:
    """The left rail, with the entry and the place that the current page belongs to."""
    entry, place = navigation.current(request.path)
    return {"navigation": navigation.NAVIGATION, "current_entry": entry, "current_place": place}


@register.filter
def as_json(value: Any) -> str:
    """Compact JSON, for showing what changed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)


@register.filter(name="happening")
def happening_filter(action: str) -> str:
    return timeline.words(action)


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


@register.filter
def signed(value: float | None, digits: int = 2) -> str:
    """A number with a true minus sign: −0.25."""
    return "" if value is None else f"{value:.{digits}f}".replace("-", formats.MINUS)


@register.filter
def with_code(text: str) -> SafeString:
    """Plain text whose `names` are set as code."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308  escaped first


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
