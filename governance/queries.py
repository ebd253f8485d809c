"""Reads of governance."""

from uuid import UUID

from django.db.models import Count, Q, QuerySet

from governance.models import Delivery, Receiver
from governance.models.outbound import DeliveryState
from ledger.refusals import NotFound, problem


def receivers() -> QuerySet[Receiver]:
    """Who wants to hear of events, with how many of their messages wait or failed."""
    waiting = Count("deliveries", filter=Q(deliveries__state=DeliveryState.WAITING))
    failed = Count("deliveries", filter=Q(deliveries__state=DeliveryState.FAILED))
    found = Receiver.objects.filter(removed_at__isnull=True).select_related("surface")
    return found.annotate(waiting=waiting, failed=failed)


def receiver(receiver_id: int) -> Receiver:
    """One receiver, or NotFound."""
    found = receivers().filter(id=receiver_id).first()
    if found is None:
        fix = "Receivers are listed on the page Receivers."
        raise NotFound(problem("receiver", receiver_id, "there is no such receiver", fix))
    return found


def deliveries(*, receiver_id: int | None = None, state: str = "") -> QuerySet[Delivery]:
    """What was sent or waits to be, newest first."""
    found = Delivery.objects.select_related("receiver").order_by("-created_at", "id")
    if receiver_id is not None:
        found = found.filter(receiver_id=receiver_id)
    return found.filter(state=state) if state in DeliveryState.values else found


def delivery(delivery_id: UUID) -> Delivery:
    """One delivery, or NotFound."""
    found = deliveries().filter(id=delivery_id).first()
    if found is None:
        raise NotFound(problem("delivery", str(delivery_id), "there is no such delivery"))
    return found
