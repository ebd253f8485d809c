"""Rows behind holdouts: units that experiments of one environment leave alone for a time."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

MAX_SHARE_PPM = 500_000
"""Half of all units; a larger holdout would be an experiment with the arms swapped."""


class Holdout(models.Model):
    """A share of units kept out of every experiment that begins while it holds, and of what these ship.

    Planned until `started_at`, over from `ended_at` on. `layers` are the keys of the layers it holds for,
    null for all experiments. Its salt is its own, so that the same people are not left out of everything.
    """

    key = models.CharField(
        max_length=63, unique=True, validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]{0,62}$")]
    )
    title = models.CharField(max_length=200, blank=True)
    environment = models.ForeignKey("flags.Environment", on_delete=models.PROTECT, related_name="holdouts")
    unit_type = models.CharField(max_length=63)
    salt = models.OneToOneField("flags.Salt", on_delete=models.PROTECT)
    share_ppm = models.PositiveIntegerField()
    layers = models.JSONField(null=True)
    owner = models.CharField(max_length=150)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(
                condition=Q(share_ppm__gte=1, share_ppm__lte=MAX_SHARE_PPM), name="holdout_share_up_to_half"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(started_at__isnull=False),
                name="holdout_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def state(self) -> str:
        """planned, holding or over."""
        if self.ended_at is not None:
            return "over"
        return "planned" if self.started_at is None else "holding"
