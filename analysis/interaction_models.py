"""What was read of the units that two experiments share."""

from django.db import models
from django.db.models import F, Q


class InteractionReading(models.Model):
    """One estimate of how two experiments change each other's effects, from data up to `data_cut`.

    The keys of the pair are in alphabetical order. `units` counts the shared units by pair of arms; `lines`
    are those of `analysis.interactions.Line`, one for each shared metric and pair of treatment arms;
    `is_skewed`: the pairs of arms do not have the planned shares, with the p value of that. Insert-only.
    """

    one = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    one_plan_version = models.PositiveIntegerField()
    other_plan_version = models.PositiveIntegerField()
    data_cut = models.DateTimeField()
    units = models.JSONField(default=dict)
    left_out = models.PositiveBigIntegerField(default=0)
    is_skewed = models.BooleanField(default=False)
    split_p_value = models.FloatField(null=True)
    inference = models.CharField(max_length=20)
    lines = models.JSONField(default=list)
    engine = models.CharField(max_length=20)
    code_version = models.CharField(max_length=40)
    actor = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["one", "other", "one_plan_version", "other_plan_version", "data_cut"],
                name="interaction_once_per_cut",
            ),
            models.CheckConstraint(condition=~Q(one=F("other")), name="interaction_of_two_experiments"),
        ]

    def __str__(self) -> str:
        return f"{self.one.key} and {self.other.key}, data until {self.data_cut:%Y-%m-%d %H:%M}"
