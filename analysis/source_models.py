"""A company's own tables as sources: what they mean, version by version, and what their last test saw."""

from functools import cached_property

from django.db import models

from analysis.sources.definition import SourceDefinition
from metrics.written import Written, WrittenVersion, numbered


class Source(Written):
    """`current` points at the newest version."""

    current = models.OneToOneField("SourceVersion", null=True, on_delete=models.PROTECT, related_name="+")


class SourceVersion(WrittenVersion):
    """One description of it."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="versions")

    class Meta(WrittenVersion.Meta):
        constraints = numbered("source")

    @cached_property
    def definition(self) -> SourceDefinition:
        return SourceDefinition.from_canonical(self.content)


class SourceTest(models.Model):
    """What the newest test of a version found; `outcome` holds a few rows with shortened units."""

    version = models.OneToOneField(SourceVersion, on_delete=models.PROTECT, related_name="test")
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    is_ok = models.BooleanField()
    outcome = models.JSONField()

    def __str__(self) -> str:
        return f"{self.version}: {'ok' if self.is_ok else 'problems'}"
