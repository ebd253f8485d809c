"""Metrics and their immutable versions."""

from functools import cached_property

from django.db import models

from metrics.definitions import MetricDefinition
from metrics.written import Written, WrittenVersion, numbered


class Metric(Written):
    """`current` points at the newest version."""

    current = models.OneToOneField("MetricVersion", null=True, on_delete=models.PROTECT, related_name="+")


class MetricVersion(WrittenVersion):
    """One definition of it."""

    metric = models.ForeignKey(Metric, on_delete=models.PROTECT, related_name="versions")

    class Meta(WrittenVersion.Meta):
        constraints = numbered("metric")

    @cached_property
    def definition(self) -> MetricDefinition:
        return MetricDefinition.from_canonical(self.content)
