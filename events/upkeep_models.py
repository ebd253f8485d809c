"""Rows about what may stay in the store and whose events have to go, and about arms computed again."""

from django.db import models
from django.db.models import F, Q


class RetentionRule(models.Model):
    """How long an environment keeps what it was sent; environments without a row keep the defaults.

    Days since the event and since it was filed, both. None keeps for ever.
    """

    environment = models.CharField(max_length=63, unique=True)
    raw_days = models.PositiveIntegerField(null=True)
    count_days = models.PositiveIntegerField(null=True)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(raw_days__isnull=True) | Q(raw_days__gte=1), name="raw_events_stay_a_day"
            ),
            models.CheckConstraint(
                condition=Q(count_days__isnull=True) | Q(count_days__gte=F("raw_days")),
                name="counts_stay_as_long_as_events",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.environment}: {self.raw_days} and {self.count_days} days"


class Erasure(models.Model):
    """One unit whose events are deleted, and the tombstone that keeps late ones out.

    `unit` is the id in clear only until the inbox and the refused events have been searched for it; from then
    on the keyed hash is all that is left. Events from up to `until` are never stored any more.
    """

    environment = models.CharField(max_length=63)
    unit_type = models.CharField(max_length=128)
    unit = models.TextField(blank=True)
    unit_hash = models.BigIntegerField()
    until = models.DateTimeField()
    reason = models.TextField()
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    rewritten_at = models.DateTimeField(null=True)
    rows = models.PositiveBigIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["environment", "unit_hash"], name="erasures_by_unit")]
        constraints = [
            models.CheckConstraint(
                condition=Q(rewritten_at__isnull=True) | Q(unit=""), name="rewritten_units_are_hashes_only"
            ),
            models.UniqueConstraint(
                fields=["environment", "unit_hash"],
                condition=Q(finished_at__isnull=True),
                name="one_open_erasure_per_unit",
            ),
        ]

    def __str__(self) -> str:
        return f"unit {self.unit_hash} in {self.environment}"


class AssignmentCount(models.Model):
    """Sampled exposures of one flag and day (UTC, of the exposure) whose arm was computed again: did the hash
    of the unit under that version of the flag lead to the variant that was reported?"""

    environment = models.CharField(max_length=63)
    flag = models.CharField(max_length=128)
    day = models.DateField()
    matched = models.PositiveBigIntegerField()
    mismatched = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "flag", "day"], name="one_assignment_count_per_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.flag}: {self.mismatched} of {self.matched + self.mismatched} differ"
