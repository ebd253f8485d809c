"""Console pages of metrics: the registry, one metric with its versions, and the editor."""

from difflib import unified_diff

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from ledger.refusals import Refused
from metrics import queries, services, usage, words
from metrics.definitions import Tier
from metrics.models import MetricVersion

ROWS_A_PAGE = 100
TEMPLATE = """\
key = ""
title = ""
question = ""
kind = "mean"         # mean, count, proportion, ratio or quantile
unit = ""
direction = "up"      # which way is better: up, down or none
owner = "{owner}"
hypothesis = ""

[source]
event = ""

[margin]              # the largest loss an experiment accepts when this is a guardrail
value = 0.02
relative = true
"""


def registry(request: HttpRequest) -> HttpResponse:
    filters = {name: request.GET.get(name, "").strip() for name in ("search", "tier")}
    rows = Paginator(queries.metrics(**filters), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "metrics/registry.html", {"rows": rows, "filters": filters, "tiers": list(Tier)})


def metric(request: HttpRequest, key: str, number: int | None = None) -> HttpResponse:
    return render(request, "metrics/metric.html", _shown(queries.version(key, number)))


def edit(request: HttpRequest, key: str = "") -> HttpResponse:
    """The editor: an empty form for a new metric, the current text for a new version."""
    if request.method == "POST":
        return _save(request, key)
    owner = request.user.get_username()
    text = queries.version(key).text if key else TEMPLATE.replace("{owner}", owner)
    return render(request, "metrics/edit.html", {"key": key, "text": text})


def _save(request: HttpRequest, key: str) -> HttpResponse:
    text = request.POST.get("text", "").replace("\r\n", "\n")
    actor = request.user.get_username()
    try:
        version = services.load_text(text=text, actor=actor, now=timezone.now(), key=key)
    except Refused as refused:
        shown = {"key": key, "text": text, "problems": refused.problems}
        return render(request, "metrics/edit.html", shown, status=422)
    messages.success(request, f"Version {version.number} of {version.metric.key} is the current one.")
    return redirect("metric", key=version.metric.key)


def _shown(version: MetricVersion) -> dict[str, object]:
    definition, key = version.definition, version.metric.key
    return {
        "metric": version.metric,
        "version": version,
        "definition": definition,
        "how": words.how(definition),
        "cap": words.cap(definition),
        "better": words.BETTER[definition.direction],
        "margin": words.amount(definition.margin, definition.unit),
        "gain": words.amount(definition.gain, definition.unit),
        "versions": queries.versions(key),
        "diff": _difference(version),
        "uses": usage.uses(key),
    }


def _difference(version: MetricVersion) -> str:
    """What changed against the version before, line by line; nothing for the first."""
    if version.number == 1:
        return ""
    before = queries.version(version.metric.key, version.number - 1)
    names = f"version {before.number}", f"version {version.number}"
    lines = unified_diff(before.text.splitlines(), version.text.splitlines(), *names, lineterm="")
    return "\n".join(lines)
