"""The list of flags in one environment."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from flags import hygiene, queries, references, seen, summary
from flags.models import Environment, Flag, FlagVersion
from flags.pages.context import chosen_environment

ROWS_A_PAGE = 50


def flags(request: HttpRequest) -> HttpResponse:
    if not queries.environments().exists():
        return render(request, "flags/list.html", {"rows": None})
    environment = chosen_environment(request)
    search = request.GET.get("search", "").replace("\0", "").strip()
    is_archive = request.GET.get("archived") == "on"
    wants_stale = request.GET.get("stale") == "on" and not is_archive
    found = queries.flags(search=search, archived=is_archive)
    rows = _stale(environment, found) if wants_stale else found
    page = Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": page,
        "entries": _entries(environment, list(page)),
        "environment": environment,
        "environments": queries.environments(),
        "search": search,
        "is_archive": is_archive,
        "wants_stale": wants_stale,
        "saved_filters": queries.saved_filters(),
        "is_filtered": bool(search or wants_stale or is_archive),
        "query": request.GET.urlencode(),
        "seen_is_known": seen.is_known(),
        "today": timezone.now().date(),
    }
    return render(request, "flags/list.html", context)


def _entries(environment: Environment, flags: list[Flag]) -> list[dict[str, Any]]:
    live, held = queries.live_among(environment, flags), queries.held_among(environment, flags)
    last, now = seen.last_seen(environment.key, [flag.key for flag in flags]), timezone.now()
    since = seen.counted_since(environment.key)
    named = references.referenced_among(flag.key for flag in flags)
    return [
        {
            "flag": flag,
            "summary": summary.of(
                live[flag.key].definition if flag.key in live and not flag.is_archived else None,
                is_held=flag.key in held,
            ),
            "seen_at": last.get(flag.key),
            "stale": ()
            if flag.is_archived
            else stale(flag, live.get(flag.key), last.get(flag.key), now, counted_since=since, named=named),
        }
        for flag in flags
    ]


def _stale(environment: Environment, flags: Iterable[Flag]) -> list[Flag]:
    """Those of the flags that wait for a clean-up."""
    listed, now = list(flags), timezone.now()
    live = queries.live_among(environment, listed)
    last = seen.last_seen(environment.key, [flag.key for flag in listed])
    since = seen.counted_since(environment.key)
    named = references.referenced_among(flag.key for flag in listed)
    return [
        flag
        for flag in listed
        if stale(flag, live.get(flag.key), last.get(flag.key), now, counted_since=since, named=named)
    ]


def stale(
    flag: Flag,
    live: FlagVersion | None,
    seen_at: datetime | None,
    now: datetime,
    *,
    counted_since: datetime | None,
    named: set[str] | None = None,
) -> tuple[hygiene.Finding, ...]:
    """Why the flag should be cleaned up in one environment; empty when it should not."""
    return hygiene.findings(
        hygiene.Standing(
            kind=flag.kind,
            expires_on=flag.expires_on,
            definition=live.definition if live else None,
            since=live.published_at if live else None,
            now=now,
            seen_at=seen_at,
            is_named=None if named is None else flag.key in named,
            is_counted=counted_since is not None and now - counted_since >= hygiene.UNUSED_AFTER,
        )
    )
