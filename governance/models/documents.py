"""Design documents of experiments and flags."""

from django.db import models
from django.db.models import Q

NAME = 150


class DesignDocument(models.Model):
    """One version of the document of an experiment or a flag: a link, Markdown, or both.

    Each registration is a new version; the newest counts. `sha256` is over the Markdown.
    """

    experiment = models.ForeignKey(
        "experiments.Experiment", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    flag = models.CharField(max_length=63, blank=True)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    link = models.CharField(max_length=500, blank=True)
    text = models.TextField(blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    registered_by = models.CharField(max_length=NAME)
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ["-registered_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "flag", "number"],
                nulls_distinct=False,
                name="design_document_version",
            ),
            models.CheckConstraint(
                condition=Q(experiment__isnull=False, flag="") | Q(experiment__isnull=True) & ~Q(flag=""),
                name="design_document_is_about_one_thing",
            ),
            models.CheckConstraint(condition=~Q(link="", text=""), name="design_document_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.title} v{self.number}"
