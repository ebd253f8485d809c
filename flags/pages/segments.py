"""Segments: the list, one segment with its versions and the flags that look at it, and new conditions."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from flags import audiences, queries, services, words
from flags.models import Environment, Segment, SegmentVersion
from flags.pages.context import by, chosen_environment
from flags.reading import read_json, shown
from ledger.refusals import Problem, Refused

EXAMPLE = '{"attribute": "country", "op": "in", "value": ["de", "at"]}'


def segments(request: HttpRequest) -> HttpResponse:
    names = ("key", "title", "owner")
    typed: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in names}
    problems: tuple[Problem, ...] = ()
    if request.method == "POST":
        try:
            made = services.create_segment(**typed, **by(request))
            messages.success(request, "The segment is made. Say who belongs to it.")
            return redirect("flag-segment", key=made.key)
        except Refused as refused:
            problems = refused.problems
    context = {"entries": _entries(), "typed": typed, "problems": problems}
    return render(request, "flags/segments.html", context, status=422 if problems else 200)


def segment(request: HttpRequest, key: str) -> HttpResponse:
    found, environment = queries.segment(key), chosen_environment(request)
    if request.method == "POST":
        return _published(request, found, environment)
    current = queries.segment_versions(found, environment).first()
    typed = shown(current.definition) if current else EXAMPLE
    return _shown(request, found, environment, typed=typed)


def _published(request: HttpRequest, found: Segment, environment: Environment) -> HttpResponse:
    typed, seen = request.POST.get("when", ""), request.POST.get("seen", "")
    try:
        when = read_json("when", typed, empty=None)
        made = services.publish_segment(
            segment=found.key,
            environment=environment.key,
            when=when,
            reason=request.POST.get("reason", ""),
            seen=int(seen) if seen.isdigit() and len(seen) < 10 else None,
            **by(request),
        )
    except Refused as refused:
        return _shown(request, found, environment, typed=typed, problems=refused.problems)
    messages.success(request, f"Version {made.number} is in force in {environment.key}.")
    return redirect(f"{reverse('flag-segment', args=[found.key])}?environment={environment.key}")


def _shown(
    request: HttpRequest,
    found: Segment,
    environment: Environment,
    *,
    typed: str,
    problems: tuple[Problem, ...] = (),
) -> HttpResponse:
    versions = list(queries.segment_versions(found, environment))
    context: dict[str, Any] = {
        "segment": found,
        "environment": environment,
        "environments": queries.environments(),
        "versions": [_version(version) for version in versions],
        "seen": versions[0].number if versions else 0,
        "typed": typed,
        "problems": problems,
        "users": audiences.flags_using(queries.document_parts(environment), found.key),
    }
    return render(request, "flags/segment.html", context, status=422 if problems else 200)


def _version(version: SegmentVersion) -> dict[str, Any]:
    return {"version": version, "words": words.condition(version.definition)}


def _entries() -> list[dict[str, Any]]:
    """Every segment with what it says in each environment."""
    live = {
        (row.segment_id, environment.key): words.condition(row.definition)
        for environment in queries.environments()
        for row in queries.live_segments(environment)
    }
    return [
        {
            "segment": each,
            "places": [(place, text) for (owner, place), text in live.items() if owner == each.id],
        }
        for each in queries.segments()
    ]
