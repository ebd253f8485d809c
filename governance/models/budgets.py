"""Performance budgets that a build was let over, for a while."""

from django.db import models
from django.db.models import Q

NAME = 150


class BudgetWaiver(models.Model):
    """A build was over a performance budget, and somebody let it pass until a day.

    It is about a surface, an experiment or a flag; launch reviews of that show it. `run` is the build's own
    name for its run, so that a build that runs again records one waiver.
    """

    surface = models.ForeignKey(
        "organisation.Surface", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    experiment = models.ForeignKey(
        "experiments.Experiment", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    flag = models.CharField(max_length=63, blank=True)
    budget = models.CharField(max_length=200)
    limit = models.FloatField()
    measured = models.FloatField()
    unit = models.CharField(max_length=20)
    waived_by = models.CharField(max_length=NAME)
    reason = models.TextField()
    link = models.CharField(max_length=500, blank=True)
    run = models.CharField(max_length=200, blank=True)
    expires_on = models.DateField()
    recorded_by = models.CharField(max_length=NAME)
    recorded_at = models.DateTimeField()
    ended_by = models.CharField(max_length=NAME, blank=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-recorded_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(surface__isnull=False, experiment__isnull=True, flag="")
                | Q(surface__isnull=True, experiment__isnull=False, flag="")
                | Q(surface__isnull=True, experiment__isnull=True) & ~Q(flag=""),
                name="budget_waiver_is_about_one_thing",
            ),
            models.UniqueConstraint(
                fields=["run", "budget"], condition=~Q(run=""), name="budget_waived_once_a_run"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.budget}: {self.measured:g} over {self.limit:g} {self.unit}"
