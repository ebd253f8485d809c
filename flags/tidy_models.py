"""Rows behind keeping flags in order: saved filters of the list, ticks of the clean-up checklist."""

from django.db import models


class SavedFilter(models.Model):
    """A filter of the list of flags that somebody named; everybody sees it."""

    name = models.CharField(max_length=60, unique=True)
    query = models.CharField(max_length=500)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CleanUpTick(models.Model):
    """Somebody says that one step of a flag's clean-up is done; taking it back deletes the row."""

    flag = models.ForeignKey("flags.Flag", on_delete=models.PROTECT, related_name="clean_up_ticks")
    step = models.CharField(max_length=20)
    ticked_by = models.CharField(max_length=150)
    ticked_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["flag", "step"], name="clean_up_step_ticked_once")]

    def __str__(self) -> str:
        return f"{self.flag_id}: {self.step}"
