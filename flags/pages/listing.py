"""The list of flags in one environment."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from flags import queries, seen, summary
from flags.models import Environment, Flag
from flags.pages.context import chosen_environment

ROWS_A_PAGE = 50


def flags(request: HttpRequest) -> HttpResponse:
    if not queries.environments().exists():
        return render(request, "flags/list.html", {"rows": None})
    environment = chosen_environment(request)
    search = request.GET.get("search", "").replace("\0", "").strip()
    is_archive = request.GET.get("archived") == "on"
    found = queries.flags(search=search, archived=is_archive)
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "rows": page,
        "entries": _entries(environment, list(page)),
        "environment": environment,
        "environments": queries.environments(),
        "search": search,
        "is_archive": is_archive,
        "seen_is_known": seen.is_known(),
        "today": timezone.now().date(),
    }
    return render(request, "flags/list.html", context)


def _entries(environment: Environment, flags: list[Flag]) -> list[dict[str, Any]]:
    live, held = queries.live_among(environment, flags), queries.held_among(environment, flags)
    last = seen.last_seen(environment.key, [flag.key for flag in flags])
    return [
        {
            "flag": flag,
            "summary": summary.of(
                live[flag.key].definition if flag.key in live and not flag.is_archived else None,
                is_held=flag.key in held,
            ),
            "seen_at": last.get(flag.key),
        }
        for flag in flags
    ]
