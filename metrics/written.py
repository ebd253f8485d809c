"""Things that people write as text and revise: a name that lasts, and versions that never change."""

from django.db import models

from metrics.reading import SLUG


class Written(models.Model):
    """A name that lasts; what it means stands in its versions."""

    key = models.CharField(max_length=63, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        abstract = True
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(key__regex=f"^{SLUG.pattern}$"), name="%(class)s_key_slug"
            )
        ]

    def __str__(self) -> str:
        return self.key


class WrittenVersion(models.Model):
    """One version as it was written (`text`) and as it is meant (`content`). Rows never change."""

    number = models.PositiveIntegerField()
    text = models.TextField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    author = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        abstract = True
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.content['key']} v{self.number}"


def numbered(of: str) -> list[models.BaseConstraint]:
    """What holds for the numbers of all versions of `of`."""
    return [
        models.UniqueConstraint(fields=[of, "number"], name=f"{of}_version_number"),
        models.CheckConstraint(condition=models.Q(number__gte=1), name=f"{of}_version_from_one"),
    ]
