"""The portfolio pages: what everything adds up to, which experiments meet, when they ran, and one week."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analysis.models import ReportSnapshot
from analysis.portfolio import drawing, interacting, reads
from analysis.portfolio import posterior as posteriors
from experiments import queries, status
from experiments.pages.detail import frame
from ledger.refusals import Conflict, Refused
from ledger.times import is_usual
from metrics import queries as metric_queries

ROWS_SHOWN = 50


def impact(request: HttpRequest) -> HttpResponse:
    """What do the shipped experiments add up to?"""
    titles = dict(queries.experiments().values_list("key", "title"))
    context = {"impacts": reads.impacts(), "titles": titles}
    return render(request, "analysis/portfolio/impact.html", context)


def interactions(request: HttpRequest) -> HttpResponse:
    """Which experiments meet, so that one may change what the other measures?"""
    now, viewer = timezone.now(), request.user.get_username()
    found = reads.interactions(now=now)
    known, shown = metric_queries.titles(), found[:ROWS_SHOWN]
    states = interacting.states([each.keys for each in shown], viewer=viewer, now=now)
    rows = [
        {
            "meeting": each,
            "metrics": [known.get(metric, metric) for metric in each.metrics],
            "state": states[each.keys],
        }
        for each in shown
    ]
    return render(request, "analysis/portfolio/interactions.html", {"rows": rows, "count": len(found)})


def timeline(request: HttpRequest) -> HttpResponse:
    """When did what run?"""
    now = timezone.now()
    filters = {name: request.GET.get(name, "").strip() for name in ("search", *queries.FILTERS)}
    found = queries.experiments(**filters).filter(started_at__isnull=False)
    rows = list(found.order_by("-started_at", "key")[:ROWS_SHOWN])
    pills = status.pills((row.key, row.lifecycle_state) for row in rows)
    window = drawing.window(rows, now=now)
    context = {
        "rows": [
            {"experiment": row, "pill": pills[row.key], "bar": drawing.bar(row, window, now=now)}
            for row in rows
        ],
        "scale": drawing.scale(window),
        "filters": filters,
    }
    return render(request, "analysis/portfolio/timeline.html", context)


def digest(request: HttpRequest) -> HttpResponse:
    """What happened in this week?"""
    found = reads.week(_day(request.GET.get("week", "")) or timezone.now().date())
    context = {
        "week": found,
        "reports": [_said(report) for report in found.reports],
        "before": found.first_day - timedelta(days=7),
        "after": found.first_day + timedelta(days=7),
        "is_past": found.last_day < timezone.now().date(),
    }
    return render(request, "analysis/portfolio/digest.html", context)


def posterior(request: HttpRequest, key: str) -> HttpResponse:
    """How probable is it that the treatment is better?"""
    experiment = queries.experiment(key)
    typed, usual = request.GET.get("prior_sd", ""), posteriors.usual_sd(key)
    context: dict[str, Any] = {**frame(experiment, "posterior"), "typed": typed or f"{usual * 100:g}"}
    viewer, status = request.user.get_username(), 200
    try:
        prior_sd = posteriors.prior_sd_of(typed, usual)
        context["lines"] = posteriors.lines(key, prior_sd=prior_sd, viewer=viewer, now=timezone.now())
    except Refused as refused:
        context["problems"] = refused.problems
        status = 409 if isinstance(refused, Conflict) else 422
    return render(request, "analysis/portfolio/posterior.html", context, status=status)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if is_usual(found) else None


def _said(report: ReportSnapshot) -> dict[str, Any]:
    """The verdict and its sentences as the report words them; nothing of a report that is still blind."""
    document = json.loads(report.document)
    is_blind = bool(document["blind_until"])
    sentences = [] if is_blind else document["verdict"]["sentences"]
    return {"report": report, "verdict": document["verdict"], "sentences": sentences, "is_blind": is_blind}
