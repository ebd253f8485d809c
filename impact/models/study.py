"""Ablation studies: users slowed down on purpose, within caps, budgets and approvals."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from impact.caps import MOST_DAYS, MOST_DOSE_TWICE_APPROVED_MS, MOST_SHARE_PPM, Approver


class StudyState(models.TextChoices):
    PROPOSED = "proposed"
    APPROVED = "approved"
    RUNNING = "running"
    FOLLOWED = "followed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


OPEN = (StudyState.PROPOSED, StudyState.APPROVED, StudyState.RUNNING)


class AblationStudy(models.Model):
    """One study; `key` is also that of its flag and of its experiment.

    `share_ppm` is the share of users in each arm. `budget` is how many requests may be slowed down, `spent`
    how many were granted: it is raised before a request is slowed down, in one statement. `doses_ms` leaves
    out the arm without delay. `predicted_cost_minor` is what the approvers agreed to. `dimensions` of
    exposures are what slopes are also given by; `follow` holds the loss by week and slice, renewed daily.
    """

    key = models.CharField(max_length=63, unique=True)
    title = models.CharField(max_length=200)
    surface = models.ForeignKey("organisation.Surface", on_delete=models.PROTECT, related_name="+")
    environment = models.CharField(max_length=63)
    outcome = models.CharField(max_length=63)
    guardrails = ArrayField(models.CharField(max_length=63), default=list)
    doses_ms = ArrayField(models.PositiveIntegerField())
    longest_ms = models.PositiveIntegerField()
    share_ppm = models.PositiveIntegerField()
    days = models.PositiveSmallIntegerField()
    budget = models.BigIntegerField()
    spent = models.BigIntegerField(default=0)
    concurrent = models.PositiveSmallIntegerField()
    exclusions = models.JSONField(default=list)
    dimensions = ArrayField(models.CharField(max_length=100), default=list)
    follow = models.JSONField(default=dict)
    ethics = models.TextField()
    predicted_cost_minor = models.FloatField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=9, choices=StudyState.choices, default=StudyState.PROPOSED)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)
    follow_until = models.DateTimeField(null=True)
    finding = models.OneToOneField("impact.Evidence", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["surface"],
                condition=Q(state__in=["proposed", "approved", "running"]),
                name="one_open_study_per_surface",
            ),
            models.CheckConstraint(
                condition=Q(spent__gte=0, spent__lte=F("budget")), name="budget_never_exceeded"
            ),
            models.CheckConstraint(
                condition=Q(share_ppm__gte=1, share_ppm__lte=MOST_SHARE_PPM), name="study_share_is_capped"
            ),
            models.CheckConstraint(
                condition=Q(days__gte=1, days__lte=MOST_DAYS), name="study_days_are_capped"
            ),
            models.CheckConstraint(
                condition=Q(longest_ms__lte=MOST_DOSE_TWICE_APPROVED_MS), name="study_doses_are_capped"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"


class StudyApproval(models.Model):
    """The consent of one person in one capacity; nobody consents twice, nor to their own study."""

    study = models.ForeignKey(AblationStudy, on_delete=models.PROTECT, related_name="approvals")
    capacity = models.CharField(max_length=13, choices=[(each.value, each.value) for each in Approver])
    by = models.CharField(max_length=150)
    at = models.DateTimeField()
    cost_minor = models.FloatField()

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(fields=["study", "capacity"], name="study_approved_once_per_capacity"),
            models.UniqueConstraint(fields=["study", "by"], name="study_approved_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.capacity}: {self.by}"
