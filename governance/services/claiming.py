"""Trips and reviews: each trip is raised once, however often this runs and whoever dies in between.

The analysis never writes here: trips are read, and the unique row of a trip and its severity is the claim.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from analysis import queries as analysis
from governance import review_queries as queries
from governance.models import ReviewFlag
from governance.services.reviews import refresh
from ledger import audit

if TYPE_CHECKING:
    from analysis.models import GuardrailTrip

ACTOR = "trip watch"


def claim_trips(*, now: datetime) -> int:
    """Raise unsettled blocking trips that were not raised yet; how many were."""
    return sum(_claim(trip, now) for trip in analysis.blocking_trips())


@transaction.atomic
def _claim(trip: "GuardrailTrip", now: datetime) -> bool:
    """The claim, its audit row and the state of the review are one transaction."""
    review = queries.review_of(experiment=trip.experiment.key) or queries.review_of(
        flag=trip.experiment.flag, environment=trip.experiment.environment
    )
    _, is_new = ReviewFlag.objects.get_or_create(
        trip_id=trip.id, severity=trip.severity, defaults={"review": review, "raised_at": now}
    )
    if not is_new:
        return False
    audit.record(
        now=now,
        actor=ACTOR,
        action="review.flagged",
        subject=f"experiment:{trip.experiment.key}",
        after={
            "trip": trip.id,
            "metric": trip.metric,
            "arm": trip.arm,
            "severity": trip.severity,
            "review": review.id if review else None,
        },
        reason="" if review else "no review is open; the next one shows it",
    )
    if review is not None:
        refresh(id=review.id, now=now)
    return True
