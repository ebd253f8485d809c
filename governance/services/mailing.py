"""Mail to one person: to the owner of something, when the site has a mail server and knows an address.

One durable job a person and fact. Whether it reached a mail server, and why not, is an audit row of what it
is about, so that the timeline of an incident says who was told.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from ledger import audit, jobs
from ledger.jobs import NotYet, RunningJob
from organisation import queries as organisation

log = logging.getLogger(__name__)
KIND = "person.mail"
QUEUE = "notify"
PAUSE = timedelta(minutes=5)
GIVEN_UP_AFTER = timedelta(days=1)
ACTOR = "mailer"


def mail_people(
    users: Iterable[str], *, fact: str, about: str, subject: str, text: str, now: datetime
) -> None:
    """One mail to each of them, at most one for each fact. Runs inside a transaction."""
    for user in dict.fromkeys(user for user in users if user):
        jobs.enqueue(
            kind=KIND,
            key=f"{fact}/{user}",
            queue=QUEUE,
            payload={
                "user": user,
                "about": about,
                "subject": " ".join(subject.split())[:200],
                "text": text,
                "asked_at": now.isoformat(),
            },
            now=now,
        )


def send(job: RunningJob) -> None:
    """Do the job: the address is looked up when the mail goes out."""
    user = job.payload["user"]
    address = organisation.mail_address(user)
    if not settings.EMAIL_HOST or not address:
        why = "this site has no mail server" if not settings.EMAIL_HOST else "no address is known"
        _settle(job, "person.not_mailed", f"{user} got no mail: {why}")
        return
    try:
        EmailMessage(f"[Headway] {job.payload['subject']}", job.payload["text"], to=[address]).send()
    except OSError as failure:
        _again_or_never(job, failure)
        return
    _settle(job, "person.mailed", f"mail to {user} was taken by the mail server")


def _again_or_never(job: RunningJob, failure: OSError) -> None:
    """Another try in five minutes, for a day."""
    reason = f"{type(failure).__name__}: {failure}"
    log.warning("mail to %s: %s", job.payload["user"], reason)
    if timezone.now() - datetime.fromisoformat(job.payload["asked_at"]) < GIVEN_UP_AFTER:
        raise NotYet(reason, delay=PAUSE)
    _settle(job, "person.not_mailed", f"{job.payload['user']} got no mail for a day: {reason}"[:500])


def _settle(job: RunningJob, action: str, reason: str) -> None:
    with transaction.atomic():
        now = timezone.now()
        job.finish(now=now)
        audit.record(
            now=now,
            actor=ACTOR,
            action=action,
            subject=job.payload["about"],
            after={"user": job.payload["user"], "subject": job.payload["subject"]},
            reason=reason,
        )
