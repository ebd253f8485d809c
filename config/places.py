"""Which environments a change concerns, so that a role of one environment reaches no other.

What lives in an environment says so itself. Where a person chooses one, only the pages named here are
believed: anywhere else a change concerns every environment, whatever somebody writes into the address.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from analysis import queries as analysis
from experiments import queries as experiments
from flags import place_queries as flags


def _of_experiment(key: str) -> str:
    found = experiments.experiments().filter(key=key)
    return str(found.values_list("environment", flat=True).first() or "")


def _of_trip(trip_id: int) -> str:
    opened = analysis.trips().filter(id=trip_id)
    return str(opened.values_list("experiment__environment", flat=True).first() or "")


LIVING: tuple[tuple[str, Callable[..., str]], ...] = (
    ("experiments/<slug:key>/", _of_experiment),
    ("api/v1/experiments/<slug:key>", _of_experiment),
    ("api/v1/trips/<int:trip_id>", _of_trip),
    ("flags/ramps/<int:ramp_id>/", flags.of_ramp),
    ("api/v1/ramps/<int:ramp_id>", flags.of_ramp),
    ("flags/<slug:key>/holds/<int:hold_id>/", flags.of_hold),
    ("api/v1/holds/<int:hold_id>", flags.of_hold),
    ("flags/scheduled/<int:change_id>/", flags.of_change),
    ("api/v1/scheduled/<int:change_id>", flags.of_change),
    ("flags/holdouts/<slug:key>/", flags.of_holdout),
    ("api/v1/holdouts/<slug:key>", flags.of_holdout),
    ("flags/keys/<slug:prefix>/", flags.of_key),
    ("api/v1/keys/<slug:prefix>", flags.of_key),
)
"""Beginnings of addresses that name something which lives in one environment; the last name says which."""

CHOSEN = frozenset(
    {
        "flag-approve",
        "flag-coverage",
        "flag-discard",
        "flag-edit",
        "flag-fold",
        "flag-hold",
        "flag-import",
        "flag-preview",
        "flag-publish",
        "flag-ramp",
        "flag-reject",
        "flag-revert",
        "flag-schedule",
        "flag-segment",
        "flag-serve",
        "flag-submit",
        "flag-switch-off",
        "flag-switch-on",
        "flag-tick",
        "flag-withdraw",
    }
)
"""Pages that act in the environment of the form, or else of the address (`flags.pages.context`)."""

WRITTEN = frozenset(
    {
        "ablation-new",
        "experiment-edit",
        "experiment-new",
        "flag-holdouts",
        "retention-set",
        "sdk-keys",
        "sdk-signing-key",
        "unit-erase",
    }
)
"""Pages whose form alone says it."""


def concerned(request: HttpRequest, where: dict[str, Any]) -> list[str]:
    """Keys of the environments; one empty text where every environment is concerned."""
    match = request.resolver_match
    route, name = (match.route, match.url_name or "") if match is not None else ("", "")
    named = {str(where.get("environment", "")), _lives_in(route, where), _asked(request, name)}
    return sorted(named - {""}) or [""]


def _lives_in(route: str, where: dict[str, Any]) -> str:
    for beginning, place in LIVING:
        if route.startswith(beginning):
            return place(where[beginning.rpartition(":")[2].partition(">")[0]])
    return ""


def _asked(request: HttpRequest, name: str) -> str:
    """What a page was asked for; bodies of the API are read by their views alone."""
    if name in CHOSEN:
        return request.POST.get("environment") or request.GET.get("environment") or ""
    return request.POST.get("environment", "") if name in WRITTEN else ""
