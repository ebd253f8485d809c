"""What a surface brings in, and the one ratio: what 100 ms on it are worth."""

from django.db import models
from django.db.models import F, Q


class ValueModel(models.Model):
    """What a surface brings in a year, with its uncertainty; every change is a new version.

    Amounts in minor units of `currency`; `*_error` are relative standard errors. `link` is how many per cent
    revenue moves for one per cent of `outcome`; `outcome_level` is the outcome's usual value, for planning.
    `latency_metric` names the metric whose level tells when a ratio has become stale.
    """

    surface = models.ForeignKey("organisation.Surface", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    revenue_minor = models.BigIntegerField()
    revenue_error = models.FloatField(default=0.0)
    surface_share = models.FloatField()
    share_error = models.FloatField(default=0.0)
    outcome = models.CharField(max_length=63)
    outcome_level = models.FloatField(null=True)
    link = models.FloatField(default=1.0)
    link_error = models.FloatField(default=0.0)
    latency_metric = models.CharField(max_length=63, blank=True)
    source = models.CharField(max_length=500)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["surface", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["surface", "number"], name="value_model_version"),
            models.CheckConstraint(condition=Q(revenue_minor__gt=0), name="revenue_is_positive"),
            models.CheckConstraint(
                condition=Q(surface_share__gt=0, surface_share__lte=1), name="surface_share_is_a_share"
            ),
            models.CheckConstraint(
                condition=Q(revenue_error__gte=0, share_error__gte=0, link_error__gte=0),
                name="value_errors_not_negative",
            ),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="currency_is_a_code"),
        ]

    def __str__(self) -> str:
        return f"value of {self.surface_id} v{self.number}"


class RatioState(models.TextChoices):
    DRAFT = "draft"
    CURRENT = "current"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


class Ratio(models.Model):
    """One version of what 100 ms are worth on a surface; frozen when it is published.

    `per_100_ms` is a relative change with a 90 % interval `low` to `high`; `price_minor` is money a year per
    100 ms with its own interval, positive when delay costs. `findings` maps ids of the evidence to weights.
    """

    surface = models.ForeignKey("organisation.Surface", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    value_model = models.ForeignKey(ValueModel, on_delete=models.PROTECT, related_name="ratios")
    per_100_ms = models.FloatField()
    standard_error = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    grade = models.CharField(max_length=1)
    findings = models.JSONField()
    heterogeneity = models.JSONField(null=True)
    method = models.CharField(max_length=100)
    price_minor = models.FloatField()
    price_low_minor = models.FloatField()
    price_high_minor = models.FloatField()
    price_error_minor = models.FloatField()
    currency = models.CharField(max_length=3)
    baseline_ms = models.FloatField(null=True)
    valid_until = models.DateField()
    state = models.CharField(max_length=10, choices=RatioState.choices, default=RatioState.DRAFT)
    reason = models.TextField(blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    reviewed_by = models.CharField(max_length=150, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["surface", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["surface", "number"], name="ratio_version"),
            models.UniqueConstraint(
                fields=["surface"], condition=Q(state="current"), name="one_current_ratio_per_surface"
            ),
            models.UniqueConstraint(
                fields=["surface"], condition=Q(state="draft"), name="one_draft_ratio_per_surface"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by="") | ~Q(reviewed_by=F("created_by")),
                name="ratio_reviewer_is_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "rejected"]) | ~Q(reviewed_by=""),
                name="published_ratios_are_reviewed",
            ),
            models.CheckConstraint(condition=Q(grade__in=["A", "B"]), name="money_needs_grade_a_or_b"),
        ]

    def __str__(self) -> str:
        return f"ratio of {self.surface_id} v{self.number} ({self.state})"
