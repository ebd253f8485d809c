"""Guardrails that a policy attaches, and the waivers that take one off."""

from django.db import models
from django.db.models import F, Q

NAME = 150


class MarginUnit(models.TextChoices):
    """What the number of a margin counts."""

    METRIC = "metric", "in the metric's unit"
    PERCENT = "percent", "% of the control's value"
    MONEY = "money", "money a year, through the price of 100 ms"


class GuardrailSet(models.Model):
    """Metrics that must not get worse: of the whole organisation, of a team or of a surface."""

    name = models.CharField(max_length=100, unique=True)
    team = models.ForeignKey(
        "organisation.Team", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    surface = models.ForeignKey(
        "organisation.Surface", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    created_by = models.CharField(max_length=NAME)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(team__isnull=True) | Q(surface__isnull=True), name="guardrail_set_has_one_scope"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GuardrailMember(models.Model):
    """One metric of a set. `margin` is the largest loss accepted, in `margin_unit`; without one the metric's
    own holds."""

    set = models.ForeignKey(GuardrailSet, on_delete=models.CASCADE, related_name="members")
    metric = models.CharField(max_length=63)
    blocking = models.BooleanField(default=True)
    margin = models.FloatField(null=True)
    margin_unit = models.CharField(max_length=7, choices=MarginUnit.choices, default=MarginUnit.PERCENT)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["set", "metric"], name="metric_once_in_a_set"),
            models.CheckConstraint(
                condition=Q(margin__isnull=True) | Q(margin__gt=0), name="margin_above_zero"
            ),
        ]

    def __str__(self) -> str:
        return self.metric


class WaiverState(models.TextChoices):
    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Waiver(models.Model):
    """An attached guardrail need not be bound in one experiment until a day, because the performance
    discipline says so. `owner` is the experiment's owner when it was approved."""

    experiment = models.ForeignKey(
        "experiments.Experiment", on_delete=models.PROTECT, to_field="key", related_name="+"
    )
    metric = models.CharField(max_length=63)
    reason = models.TextField()
    expires_on = models.DateField()
    state = models.CharField(max_length=9, choices=WaiverState.choices, default=WaiverState.REQUESTED)
    requested_by = models.CharField(max_length=NAME)
    requested_at = models.DateTimeField()
    owner = models.CharField(max_length=NAME, blank=True)
    approver = models.CharField(max_length=NAME, blank=True)
    settled_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "metric"],
                condition=Q(state__in=["requested", "approved"]),
                name="one_open_waiver_per_guardrail",
            ),
            models.CheckConstraint(
                condition=Q(approver="") | (~Q(approver=F("requested_by")) & ~Q(approver=F("owner"))),
                name="waiver_approver_is_somebody_else",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric} in {self.experiment_id}: {self.state}"
