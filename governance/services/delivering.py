"""Sending one delivery: a try, its log row, and when to try again."""

import json
import time
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from governance.models import Delivery, DeliveryAttempt
from governance.models.outbound import DeliveryState
from governance.outbound import addresses, sending, signing
from governance.outbound.formats import FORMATS, Kind
from governance.outbound.sending import Outcome
from governance.services.receivers import signing_secret
from governance.services.telling import of_json
from ledger.jobs import NotYet, RunningJob
from ledger.refusals import Refused

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1_800, 7_200, 21_600, 43_200))
"""Between one try and the next; after the last one a delivery is given up, a day after the first."""
AGENT = "Headway"


def deliver(job: RunningJob) -> None:
    """The job of one delivery. Every try leaves a log row; only the last one ends the job."""
    delivery = Delivery.objects.select_related("receiver").get(id=UUID(job.payload["delivery"]))
    if delivery.state != DeliveryState.WAITING:
        job.finish(now=timezone.now())
        return
    began = time.monotonic()
    outcome = attempt(delivery, now=timezone.now())
    pause = _settle(job, delivery, outcome, timedelta(seconds=time.monotonic() - began))
    if pause is not None:
        raise NotYet(outcome.detail or f"status {outcome.status}", delay=pause)


def attempt(delivery: Delivery, *, now: datetime) -> Outcome:
    """Send it once; what came of it."""
    receiver = delivery.receiver
    if receiver.removed_at is not None:
        return Outcome(410, "the receiver was removed")
    write = FORMATS[Kind(receiver.kind)]
    content = write(of_json(delivery.notice), delivery=str(delivery.id), key=receiver.secret)
    if receiver.kind == Kind.MAIL:
        return _send_mail(receiver.address, content["subject"], content["text"])
    body = json.dumps(content, ensure_ascii=False).encode()
    try:
        target = addresses.target(receiver.address, allowed=settings.HEADWAY_OUTBOUND_ALLOW)
    except Refused as refused:
        return Outcome(0, _without_address(refused))
    return sending.post(target, body, _headers(delivery, body, now))


def _without_address(refused: Refused) -> str:
    """Why an address cannot be used: everybody reads the log, and its path may be a password."""
    return "; ".join(f"{each.reason}. {each.fix}" for each in refused.problems)


def _headers(delivery: Delivery, body: bytes, now: datetime) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Headway-Delivery": str(delivery.id),
        "Headway-Event": delivery.event,
    }
    if delivery.receiver.kind == Kind.WEBHOOK:
        headers[signing.HEADER] = signing.header(signing_secret(delivery.receiver), body, now=now)
    return headers


def _send_mail(listed: str, subject: str, text: str) -> Outcome:
    message = EmailMessage(subject, text, to=[part.strip() for part in listed.split(",")])
    try:
        message.send()
    except OSError as failure:
        return Outcome(0, f"{type(failure).__name__}: {failure}"[: sending.KEPT])
    return Outcome(250, "taken by the mail server")


def _settle(job: RunningJob, delivery: Delivery, outcome: Outcome, took: timedelta) -> timedelta | None:
    """Write down how it went; the pause before the next try, None when there is none."""
    with transaction.atomic():
        now = timezone.now()
        row = Delivery.objects.select_for_update().get(id=delivery.id)
        pause = PAUSES[row.attempts] if row.attempts < len(PAUSES) else None
        ends = outcome.is_delivered or outcome.is_final or pause is None
        if ends:
            job.finish(now=now)
            row.state = DeliveryState.DELIVERED if outcome.is_delivered else DeliveryState.FAILED
            row.delivered_at = now if outcome.is_delivered else None
        row.attempts += 1
        row.save(update_fields=["state", "delivered_at", "attempts"])
        DeliveryAttempt.objects.create(
            delivery=row, at=now, took=took, status=outcome.status, detail=outcome.detail
        )
    return None if ends else pause
