"""Rows behind changes that are to happen at a stated time."""

from django.db import models
from django.db.models import F, Q


class ChangeKind(models.TextChoices):
    PUBLISH = "publish"
    COVERAGE = "coverage"
    SWITCH_ON = "switch_on"
    SWITCH_OFF = "switch_off"


class ChangeState(models.TextChoices):
    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class ScheduledChange(models.Model):
    """One change of a flag in one environment at `run_at`; what objects is asked then, not now.

    `outcome` says in words what came of it. `checksum` is that of the version when it was scheduled: what is
    edited later is not published unseen. `approved_by` is set where the environment requires a review.
    """

    flag = models.ForeignKey("flags.Flag", on_delete=models.PROTECT, related_name="scheduled")
    environment = models.ForeignKey("flags.Environment", on_delete=models.PROTECT, related_name="scheduled")
    kind = models.CharField(max_length=10, choices=ChangeKind.choices)
    version = models.ForeignKey(
        "flags.FlagVersion", on_delete=models.PROTECT, null=True, related_name="scheduled"
    )
    checksum = models.CharField(max_length=64, blank=True)
    rule = models.CharField(max_length=128, blank=True)
    coverage_ppm = models.PositiveIntegerField(null=True)
    run_at = models.DateTimeField()
    reason = models.TextField(blank=True)
    state = models.CharField(max_length=9, choices=ChangeState.choices, default=ChangeState.PENDING)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    approved_by = models.CharField(max_length=150, blank=True)
    approved_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=150, blank=True)
    settled_at = models.DateTimeField(null=True)
    outcome = models.TextField(blank=True)

    class Meta:
        ordering = ["run_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="pending", settled_at__isnull=True)
                | (~Q(state="pending") & Q(settled_at__isnull=False)),
                name="settled_changes_say_when",
            ),
            models.CheckConstraint(
                condition=Q(kind="publish", version__isnull=False, coverage_ppm__isnull=True)
                | Q(kind="coverage", version__isnull=True, coverage_ppm__isnull=False)
                | Q(kind__in=["switch_on", "switch_off"], version__isnull=True, coverage_ppm__isnull=True),
                name="scheduled_change_says_what",
            ),
            models.CheckConstraint(
                condition=Q(approved_by="") | ~Q(approved_by=F("created_by")),
                name="scheduled_change_approved_by_another",
            ),
        ]
        indexes = [
            models.Index(fields=["run_at"], condition=Q(state="pending"), name="due_scheduled_changes")
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.run_at:%F %H:%M} ({self.state})"

    @property
    def is_pending(self) -> bool:
        return self.state == ChangeState.PENDING
