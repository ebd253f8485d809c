"""What every console page has: the navigation and the template filters that format numbers."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.http import HttpRequest

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
    Entry("Events", "/events/", "v"),
)


def context(request: HttpRequest) -> dict[str, Any]:
    """The left rail with the entry that the current page belongs to."""
    matching = [entry for entry in NAVIGATION if request.path.startswith(entry.prefix)]
    current = max(matching, key=lambda entry: len(entry.prefix), default=None)
    return {"navigation": NAVIGATION, "current_entry": current}
