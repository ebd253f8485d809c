"""News: read off the audit trail, put down once for each receiver, sent until they arrive.

The trail is read in its own order after a cursor; putting the messages down and moving the cursor is one
transaction, so a fact becomes at most one delivery a receiver. Sending is at least once: a receiver that
sees an id twice has seen the message before.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.urls import NoReverseMatch, reverse

from experiments import queries as experiments
from governance import queries
from governance.models import Delivery, FeedCursor, Receiver
from governance.models.outbound import DeliveryState
from governance.outbound import events
from governance.outbound.notices import Notice, ids_of
from ledger import audit, jobs
from ledger import queries as ledger
from ledger.refusals import Conflict, problem

KIND = "outbound.deliver"
QUEUE = "notify"
FEED = "audit"
AT_A_TIME = 500
NAMESPACE = UUID("6f1d3f04-5a0e-4c40-9be4-3f7c8b2a51d6")
PAGES = ("flag", "experiment", "metric", "surface", "team", "incident")


@transaction.atomic
def spread_news(*, now: datetime) -> int:
    """Put down what happened since the last time; how many deliveries were made.

    The first run begins at the end of the trail: nobody wants to be told of last year.
    """
    cursor, is_new = FeedCursor.objects.select_for_update().get_or_create(
        feed=FEED, defaults={"position": ledger.last_audit_id()}
    )
    if is_new:
        return 0
    rows = list(ledger.audit_after(cursor.position)[:AT_A_TIME])
    listening = list(queries.receivers().filter(paused_at__isnull=True))
    made = sum(_put_down(row, listening, now) for row in rows)
    if rows:
        cursor.position = rows[-1].id
        cursor.save(update_fields=["position"])
    return made


def tell(receiver: Receiver, notice: Notice, *, fact: str, now: datetime) -> Delivery:
    """Send a notice that is no audit row, a digest for example; `fact` makes it at most one."""
    with transaction.atomic():
        return put(receiver, notice, fact=fact, now=now)


def put(receiver: Receiver, notice: Notice, *, fact: str, now: datetime) -> Delivery:
    """One delivery and the job that sends it; again for the same fact gives the first one."""
    made, is_new = Delivery.objects.get_or_create(
        receiver=receiver,
        fact=fact,
        defaults={
            "id": uuid5(NAMESPACE, f"{receiver.id}/{fact}"),
            "event": notice.event,
            "subject": notice.subject,
            "notice": as_json(notice),
            "created_at": now,
        },
    )
    if is_new:
        _enqueue(made, now)
    return made


@transaction.atomic
def replay(*, id: UUID, actor: str, now: datetime) -> Delivery:
    """Send a delivery again from the beginning, with the same id. Raises Conflict while it is being sent."""
    queries.delivery(id)
    row = Delivery.objects.select_for_update().get(id=id)
    if row.state == DeliveryState.WAITING:
        why = "this delivery is on its way already"
        raise Conflict(problem("delivery", str(id), why, "Wait until it arrived or was given up."))
    row.state, row.attempts, row.round = DeliveryState.WAITING, 0, row.round + 1
    row.save(update_fields=["state", "attempts", "round"])
    _enqueue(row, now)
    audit.record(
        now=now,
        actor=actor,
        action="delivery.replayed",
        subject=f"receiver:{row.receiver_id}",
        after={"delivery": str(row.id), "event": row.event},
    )
    return row


def surfaces_of(subject: str, after: Mapping[str, Any]) -> set[str]:
    """Surfaces that a fact concerns: the one it names, or that of the experiments it is about.

    A flag belongs to the surfaces of its experiments. What belongs to no surface reaches only receivers
    without one.
    """
    kind, _, key = subject.partition(":")
    named = {str(after["surface"])} if after.get("surface") else set()
    if kind == "surface":
        named.add(key)
    experiment = key if kind == "experiment" else str(after.get("experiment") or "")
    flag = key if kind == "flag" else str(after.get("flag") or "")
    found = experiments.experiments().filter(key=experiment) if experiment else None
    if found is None and flag:
        found = experiments.experiments(flag=flag)
    owned = [] if found is None else found.exclude(surface=None).values_list("surface__key", flat=True)
    return named | set(owned)


def as_json(notice: Notice) -> dict[str, Any]:
    return {
        "event": notice.event,
        "subject": notice.subject,
        "at": notice.at.isoformat(),
        "actor": notice.actor,
        "reason": notice.reason,
        "address": notice.address,
        "ids": dict(notice.ids),
    }


def of_json(content: dict[str, Any]) -> Notice:
    return Notice(**{**content, "at": datetime.fromisoformat(content["at"])})


def page_of(subject: str) -> str:
    """The whole address of the object's page; the console's first page for objects without one."""
    kind, _, key = subject.partition(":")
    try:
        path = reverse(kind, kwargs={"key": key}) if kind in PAGES else "/"
    except NoReverseMatch:
        path = "/"
    return f"{settings.HEADWAY_WEB_URL}{path}"


def _put_down(row: Any, listening: list[Receiver], now: datetime) -> int:
    event = events.name_of(row.action)
    wanting = [each for each in listening if event and events.matches(event, each.events)]
    if any(each.surface_id is not None for each in wanting):
        surfaces = surfaces_of(row.subject, row.after or {})
        wanting = [each for each in wanting if each.surface is None or each.surface.key in surfaces]
    if not wanting:
        return 0
    notice = Notice(
        event=event,
        subject=row.subject,
        at=row.at,
        actor=row.actor,
        reason=row.reason,
        address=page_of(row.subject),
        ids=ids_of(row.after),
    )
    for receiver in wanting:
        put(receiver, notice, fact=f"audit:{row.id}", now=now)
    return len(wanting)


def _enqueue(delivery: Delivery, now: datetime) -> None:
    jobs.enqueue(
        kind=KIND,
        key=f"{delivery.id}/{delivery.round}",
        queue=QUEUE,
        payload={"delivery": str(delivery.id)},
        now=now,
        delay=timedelta(),
    )
