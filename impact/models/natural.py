"""Events of the past that may tell what latency is worth, and what came of looking at each."""

from django.db import models


class NaturalExperiment(models.Model):
    """One event on one surface; `finding` is the estimate, `reason` says why there is none.

    `origin` names the event ("label:17", "change:2026-02-03"), so that looking again adds nothing twice.
    """

    surface = models.ForeignKey("organisation.Surface", on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    began_on = models.DateField()
    ended_on = models.DateField()
    slices = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    finding = models.OneToOneField("impact.Evidence", on_delete=models.PROTECT, null=True, related_name="+")
    looked_at = models.DateTimeField()

    class Meta:
        ordering = ["-began_on", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["surface", "origin"], name="event_looked_at_once_per_surface")
        ]

    def __str__(self) -> str:
        return f"{self.title} on {self.surface_id}"
