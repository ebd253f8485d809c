"""Who gets what: paste a unit and its attributes, see the answer and every step to it."""

import json
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from flags import preview, queries
from flags.pages.context import Here, frame, here
from flags.reading import read_json
from ledger.refusals import Problem, Refused, refuse

EXAMPLE = '{"country": "de", "plan": "pro"}'


def who_gets_what(request: HttpRequest, key: str) -> HttpResponse:
    """Nothing is written, so the address can be shared."""
    found = here(request, key)
    asked = {name: request.GET.get(name, "") for name in ("unit", "attributes", "of")}
    story: preview.Story | None = None
    problems: tuple[Problem, ...] = ()
    if "unit" in request.GET:
        story, problems = _told(found, asked)
    context = {
        **frame(found, "preview"),
        **asked,
        "story": story,
        "problems": problems,
        "example": EXAMPLE,
        "trace": json.dumps(story.steps, indent=1) if story else "",
    }
    return render(request, "flags/preview.html", context, status=422 if problems else 200)


def _told(found: Here, asked: Mapping[str, str]) -> tuple[preview.Story | None, tuple[Problem, ...]]:
    try:
        attributes = read_json("attributes", asked["attributes"], empty={})
        if not isinstance(attributes, dict):
            raise refuse("attributes", attributes, "this is no JSON object", f"For example {EXAMPLE}.")
        parts = queries.document_parts(found.environment)
        draft = found.draft if asked["of"] == "draft" else None
        content = preview.document_of(parts, found.flag.key, draft, now=timezone.now())
        return preview.story(content, found.flag.key, asked["unit"].strip(), attributes), ()
    except Refused as refused:
        return None, refused.problems
