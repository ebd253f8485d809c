"""Daily values of metrics by slice, kept beyond the life of the events: no users, only sums."""

from django.db import models


class KeptDay(models.Model):
    """One day of one metric by the levels of one dimension ("" is everybody).

    `recipe` says what the numbers are made of (impact.cells), `levels` are cells as JSON, `rows` is how many
    events were read: a day with more of them was added to since, and is read again.
    """

    environment = models.CharField(max_length=63)
    recipe = models.CharField(max_length=32)
    metric = models.CharField(max_length=63)
    day = models.DateField()
    dimension = models.CharField(max_length=120, blank=True)
    levels = models.JSONField()
    rows = models.BigIntegerField()
    read_at = models.DateTimeField()

    class Meta:
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "recipe", "dimension", "day"], name="one_kept_day_of_a_dimension"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.day} {self.dimension}"
