"""Receivers of news, what was sent to them, and how far the trail has been read."""

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from governance.outbound.formats import Kind


class Receiver(models.Model):
    """Somebody who wants to hear of certain events.

    `address` is a web address, or mail addresses separated by commas; `secret` is what the other side gave us
    (PagerDuty's routing key). The secret that signs webhooks is derived, not stored: `generation` renews it.
    """

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in Kind])
    address = models.CharField(max_length=2000)
    secret = models.CharField(max_length=200, blank=True)
    generation = models.PositiveIntegerField(default=1)
    events = ArrayField(models.CharField(max_length=80))
    surface = models.ForeignKey(
        "organisation.Surface", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    paused_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=~Q(events=[]), name="receiver_wants_something")]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"


class DeliveryState(models.TextChoices):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(models.Model):
    """One fact for one receiver: made once, sent until it arrives or is given up."""

    id = models.UUIDField(primary_key=True)
    receiver = models.ForeignKey(Receiver, on_delete=models.PROTECT, related_name="deliveries")
    fact = models.CharField(max_length=100)
    event = models.CharField(max_length=80)
    subject = models.CharField(max_length=200)
    notice = models.JSONField()
    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    round = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["receiver", "fact"], name="fact_told_once_to_a_receiver")
        ]
        indexes = [models.Index(fields=["receiver", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.event} of {self.subject}: {self.state}"


class DeliveryAttempt(models.Model):
    """One try, and what the other side said. `status` is 0 when nobody answered."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    took = models.DurationField(default=timedelta())
    status = models.PositiveSmallIntegerField()
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.status or 'no answer'}"


class FeedCursor(models.Model):
    """How far a feed has been read; the row is the lock of its reader."""

    feed = models.CharField(max_length=40, unique=True)
    position = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.feed} at {self.position}"
