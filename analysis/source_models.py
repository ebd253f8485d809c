"""A company's own tables as sources: what they mean, version by version, and what their last test saw."""

from functools import cached_property

from django.db import models

from analysis.sources.definition import SourceDefinition
from metrics.reading import SLUG


class Source(models.Model):
    """A name that lasts; where it lies and what its columns mean stands in its versions."""

    key = models.CharField(max_length=63, unique=True)
    current = models.OneToOneField("SourceVersion", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(condition=models.Q(key__regex=f"^{SLUG.pattern}$"), name="source_key_slug")
        ]

    def __str__(self) -> str:
        return self.key


class SourceVersion(models.Model):
    """One description as it was written (`text`) and as it is meant (`content`). Rows never change."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    author = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["source", "number"], name="source_version_number"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="source_version_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.content['key']} v{self.number}"

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
