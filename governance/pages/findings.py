"""Findings of a review with the page on which each is cleared or looked into."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from governance.models import LaunchReview
from governance.review_queries import Standing
from governance.reviewing import Finding

Place = Callable[[LaunchReview, Finding], tuple[str, str]]
"""The words of a link and its address."""


def linked(found: Standing) -> list[dict[str, Any]]:
    """Each finding as the template shows it; without a page of its own it has no link."""
    return [_linked(found.review, each) for each in found.findings]


def _linked(row: LaunchReview, each: Finding) -> dict[str, Any]:
    place = PLACES.get(each.code)
    link, address = place(row, each) if place else ("", "")
    said = {"severity": each.severity.value, "title": each.title, "fix": each.fix}
    return {**said, "link": link, "address": address}


def _trip(row: LaunchReview, each: Finding) -> tuple[str, str]:
    return "The trip", reverse("trip", kwargs={"id": each.evidence["trip"]})


def _health(row: LaunchReview, each: Finding) -> tuple[str, str]:
    return "Health", reverse("experiment-health", kwargs={"key": row.experiment_id})


def _guardrails(row: LaunchReview, each: Finding) -> tuple[str, str]:
    return "Guardrails", f"{reverse('guardrails')}?{urlencode({'experiment': row.experiment_id})}"


def _owner(row: LaunchReview, each: Finding) -> tuple[str, str]:
    if row.experiment_id:
        return "The experiment", reverse("experiment", kwargs={"key": row.experiment_id})
    return "The flag", reverse("flag", kwargs={"key": row.flag})


def _document(row: LaunchReview, each: Finding) -> tuple[str, str]:
    if "document" in each.evidence:
        return "The document", reverse("design-document", kwargs={"id": each.evidence["document"]})
    about = {"experiment": row.experiment_id} if row.experiment_id else {"flag": row.flag}
    return "Register one", f"{reverse('design-document-new')}?{urlencode(about)}"


PLACES: dict[str, Place] = {
    "guardrail_trip": _trip,
    "untrusted": _health,
    "health": _health,
    "waiver_expired": _guardrails,
    "unwatched": _guardrails,
    "waiver": _guardrails,
    "owner": _owner,
    "backup": _owner,
    "design-document": _document,
}
