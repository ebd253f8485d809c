"""Weekly digests, frozen once they are made."""

from django.db import models


class Digest(models.Model):
    """What one week brought. `document` is JSON whose SHA-256 covers every number shown. Insert-only."""

    week = models.CharField(max_length=8, unique=True)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    document = models.TextField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-week"]

    def __str__(self) -> str:
        return self.week
