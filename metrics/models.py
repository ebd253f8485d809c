"""Metrics and their immutable versions."""

from functools import cached_property

from django.db import models

from metrics.definitions import MetricDefinition
from metrics.reading import SLUG


class Metric(models.Model):
    """A name that lasts; what it means stands in its versions and `current` points at the newest."""

    key = models.CharField(max_length=63, unique=True)
    current = models.OneToOneField("MetricVersion", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(condition=models.Q(key__regex=f"^{SLUG.pattern}$"), name="metric_key_slug")
        ]

    def __str__(self) -> str:
        return self.key


class MetricVersion(models.Model):
    """One definition as it was written (`text`) and as it is meant (`content`). Rows never change."""

    metric = models.ForeignKey(Metric, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    author = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["metric", "number"], name="metric_version_number"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="metric_version_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.content['key']} v{self.number}"

    @cached_property
    def definition(self) -> MetricDefinition:
        return MetricDefinition.from_canonical(self.content)
