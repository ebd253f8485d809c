"""Rows behind code references: which line of which repository names a flag. Source text is never stored."""

from django.db import models


class CodeRepository(models.Model):
    """A repository with its newest scan. `link` leads from a reference to its line, empty when unknown."""

    name = models.CharField(max_length=200, unique=True)
    link = models.CharField(max_length=500, blank=True)
    commit = models.CharField(max_length=64, blank=True)
    files = models.PositiveIntegerField()
    scanned_by = models.CharField(max_length=150)
    scanned_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CodeReference(models.Model):
    """One line that names a flag, which need not exist: that is worth knowing too.

    `snippet_hash` is SHA-256 of the line without outer spaces; a line that only moved keeps its `seen_at`.
    """

    repository = models.ForeignKey(CodeRepository, on_delete=models.CASCADE, related_name="references")
    flag_key = models.CharField(max_length=63, db_index=True)
    path = models.CharField(max_length=500)
    line = models.PositiveIntegerField()
    snippet_hash = models.CharField(max_length=64)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["repository__name", "path", "line"]
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "path", "line", "flag_key"], name="one_reference_for_each_line"
            )
        ]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.flag_key}"
