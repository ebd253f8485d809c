"""What stands beside a report as it is now: decision, sign-offs, review, incidents, trips, earlier runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from analysis import queries
from analysis.report import signoffs
from analysis.report.signoffs import Link, SignOff, SignOffState
from experiments import queries as experiments
from experiments import status

if TYPE_CHECKING:
    from experiments.models import Experiment

SHOWN_EARLIER = 5
WORDS = {
    SignOffState.PENDING: ("waiting", "warn"),
    SignOffState.APPROVED: ("ok", "ok"),
    SignOffState.CONDITIONAL: ("ok, with conditions", "within"),
    SignOffState.REJECTED: ("blocked", "blocked"),
    SignOffState.EXPIRED: ("expired", "warn"),
}
RECOMMENDED = {"ship": ("SHIP",), "roll_back": ("ROLL BACK",)}
"""Which verdict each decision follows; the others have no verdict of their own."""


def standing(experiment: Experiment, sha256: str) -> dict[str, Any]:
    """What the decision block shows live."""
    found = signoffs.standing(experiment.key)
    decision = experiments.decision(experiment.key)
    return {
        "decision": decision,
        "is_deviation": decision is not None and _deviates(decision.taken, decision.recommended),
        "now": timezone.now(),
        "standing": {
            "review": found.review,
            "sign_offs": [_sign_off(each, sha256) for each in found.sign_offs],
            "incidents": found.incidents,
            "waivers": found.waivers,
            "earlier": (*found.earlier, *_earlier(experiment)),
            "trips": [f"{trip.title} in {trip.arm}" for trip in queries.unsettled_trips(experiment.key)],
        },
    }


def _deviates(taken: str, recommended: str) -> bool:
    """Was something else decided than the rule recommended?"""
    followed = RECOMMENDED.get(taken)
    if followed is not None:
        return recommended not in followed
    return recommended in {verdict for verdicts in RECOMMENDED.values() for verdict in verdicts}


def _sign_off(each: SignOff, sha256: str) -> dict[str, Any]:
    word, tone = WORDS[each.state]
    return {"sign_off": each, "word": word, "tone": tone, "is_other": each.sha256 not in ("", sha256)}


def _earlier(experiment: Experiment) -> tuple[Link, ...]:
    """Other experiments on the same flag or the same surface, newest first; a surface is a place that the
    same users meet, whichever flag changes it."""
    same = Q(flag=experiment.flag) if experiment.flag else Q(pk__in=())
    if experiment.surface_id is not None:
        same |= Q(surface_id=experiment.surface_id)
    others = experiments.experiments().filter(same, started_at__isnull=False).exclude(key=experiment.key)
    listed = list(others.order_by("-started_at", "key")[:SHOWN_EARLIER])
    pills = status.pills([(each.key, each.lifecycle_state) for each in listed])
    return tuple(
        Link(each.title, reverse("experiment", kwargs={"key": each.key}), pills[each.key].word)
        for each in listed
    )
