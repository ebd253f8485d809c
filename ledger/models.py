"""Append-only audit rows and durable job rows: the ground every app stands on."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q


class AuditEvent(models.Model):
    """One state change: who, what, from, to, why; each row's hash covers the previous row's hash."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=80)
    subject = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True)
    previous_sha256 = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["subject", "id"])]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action} {self.subject}"


class AuditHead(models.Model):
    """The one row that says how many audit rows there are and seals all of them.

    The seal is made with the site's secret key, which is not in the database: whoever can write to the tables
    alone can neither cut rows off the end nor write the whole chain anew without being found.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    rows = models.PositiveBigIntegerField()
    seal = models.CharField(max_length=64)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="audit_head_one_row")]

    def __str__(self) -> str:
        return f"{self.rows} rows"


class JobState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"


class Job(models.Model):
    """One piece of work; the row, not the broker's message, says whether it is done.

    `lease_until` is renewed by the process at work; when it passes, anybody may take the job over, and the
    higher `token` (a fencing token) makes the late finisher's result void.
    """

    kind = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    queue = models.CharField(max_length=30)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=12, choices=JobState.choices, default=JobState.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    run_after = models.DateTimeField()
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="job_once_per_kind_and_key"),
            models.CheckConstraint(condition=Q(token__gte=F("attempt")), name="job_token_grows"),
        ]
        indexes = [
            models.Index(
                fields=["run_after"], condition=Q(state__in=["queued", "running"]), name="job_open_by_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} ({self.state})"

    @property
    def took(self) -> timedelta | None:
        """From being made to being finished, None before."""
        return None if self.finished_at is None else self.finished_at - self.created_at
