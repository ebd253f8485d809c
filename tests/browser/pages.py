"""The pages of the console, from the addresses the site knows: none can be forgotten."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

NO_PAGES = ("api/", "logout", "health", "oidc/", "find/options", "login", "shared/")
"""Addresses that answer programs, or before anybody has logged in."""
FILES = (".json", ".pdf", ".md", ".csv", ".txt", ".eml", ".svg", ".png", ".jsonl")


def routes(resolver: URLResolver | None = None, beginning: str = "") -> Iterator[str]:
    """Every route of the console, as it is written."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = beginning + str(entry.pattern)
        if isinstance(entry, URLPattern):
            if not route.startswith(NO_PAGES) and not route.endswith(FILES):
                yield route
        else:
            yield from routes(entry, route)


def plain_pages() -> list[str]:
    """Addresses without variable parts: lists and forms."""
    return sorted({f"/{route}" for route in routes() if "<" not in route})
