"""Do the methods keep their promises? What nightly A/A splits of live traffic said of metrics."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analysis import queries
from analysis.rates import ALPHA, COVERAGE, FALSE_POSITIVES
from metrics import queries as metrics

SHOWN_NIGHTS = 60


def overview(request: HttpRequest) -> HttpResponse:
    """Every metric whose current version had splits in the last four weeks, those out of bounds first."""
    listed = queries.current_calibration(until=_today())
    return render(request, "analysis/calibration/overview.html", {**_promised(), "rates": listed})


def metric(request: HttpRequest, key: str) -> HttpResponse:
    """One metric: the figures of its current version and single nights of all versions."""
    version = metrics.version(key)
    shown = {
        **_promised(),
        "version": version,
        "rates": next(iter(queries.calibration([version.id], until=_today())), None),
        "nights": queries.calibration_nights(key)[:SHOWN_NIGHTS],
    }
    return render(request, "analysis/calibration/metric.html", shown)


def _today() -> date:
    return timezone.now().astimezone(UTC).date()


def _promised() -> dict[str, Any]:
    return {
        "alpha": ALPHA,
        "promised_coverage": 1 - ALPHA,
        "false_positive_bounds": FALSE_POSITIVES,
        "coverage_bounds": COVERAGE,
        "days": queries.CALIBRATED_OVER.days,
    }
