"""Mail to the people whose signature a review waits for: when it is asked, and every three days after."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from governance import review_queries as queries
from governance import reviewing
from governance.models import LaunchReview, ReviewState
from governance.services.mailing import mail_people
from organisation import queries as organisation
from organisation.roles import Discipline

AGAIN_AFTER = timedelta(days=3)


def remind_reviewers(*, now: datetime) -> None:
    """Once for every three days that a review waits; running it more often sends nothing more."""
    waiting = queries.live_reviews().filter(state=ReviewState.IN_REVIEW).values_list("id", flat=True)
    for review_id in list(waiting):
        with transaction.atomic():
            ask_reviewers(queries.review(review_id), now=now)


def ask_reviewers(row: LaunchReview, *, now: datetime) -> None:
    """One mail to each person who may give a missing signature. Runs inside a transaction."""
    if not reviewing.is_answered(row.answers):
        return
    time = (now - row.state_at) // AGAIN_AFTER
    for discipline in dict.fromkeys(queries.standing(row).missing):
        _mail(row, discipline, f"{row.state_at.isoformat()}/{time}", now)


def _mail(row: LaunchReview, discipline: Discipline, time: str, now: datetime) -> None:
    launch = row.experiment.title if row.experiment else f"flag {row.flag}"
    about = f"experiment:{row.experiment_id}" if row.experiment_id else f"flag:{row.flag}"
    asked = f"{row.requested_by} asked on {row.requested_at:%Y-%m-%d}"
    people, advocates = organisation.reviewers(discipline, row.environment), queries.advocates(row)
    mail_people(
        [name for name in people if name not in advocates],
        fact=f"signoff.requested/{row.id}/{discipline}/{time}",
        about=about,
        subject=f"May {launch} be launched? {discipline.value.capitalize()} has to sign",
        text=(
            f"{asked} for the review of the launch of {launch} in {row.environment}. You may sign for "
            f"{discipline}.\n\n{settings.HEADWAY_WEB_URL}/reviews/{row.id}/"
        ),
        now=now,
    )
