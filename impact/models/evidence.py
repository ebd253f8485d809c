"""Findings about what latency does to an outcome, from studies, from history and from others."""

from django.db import models
from django.db.models import F, Q

from impact.grades import Grade, Kind


class EvidenceState(models.TextChoices):
    CANDIDATE = "candidate"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Evidence(models.Model):
    """One slope: relative change of `outcome` per 100 ms (a loss is negative) with its standard error.

    `origin` names what wrote the row ("ablation:checkout-delay", "label:17"), so that a machine can write it
    twice; it is empty for what people enter. `details` keeps the whole estimate, curves and checks included.
    A finding is never deleted: a rejected one stays with its reason.
    """

    surface = models.ForeignKey("organisation.Surface", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in Kind])
    grade = models.CharField(max_length=1, choices=[(grade.value, grade.words) for grade in Grade])
    title = models.CharField(max_length=200)
    outcome = models.CharField(max_length=63)
    per_100_ms = models.FloatField()
    standard_error = models.FloatField()
    began_on = models.DateField()
    ended_on = models.DateField()
    units = models.BigIntegerField(default=0)
    method = models.CharField(max_length=200)
    details = models.JSONField(default=dict)
    link = models.URLField(max_length=500, blank=True)
    origin = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=9, choices=EvidenceState.choices, default=EvidenceState.CANDIDATE)
    reason = models.TextField(blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    judged_by = models.CharField(max_length=150, blank=True)
    judged_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-ended_on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["origin"], condition=~Q(origin=""), name="one_finding_per_origin"
            ),
            models.CheckConstraint(condition=Q(standard_error__gt=0), name="finding_has_an_error"),
            models.CheckConstraint(
                condition=Q(ended_on__gte=F("began_on")), name="finding_ends_after_it_began"
            ),
            models.CheckConstraint(
                condition=Q(state="candidate") | ~Q(judged_by=""), name="judged_findings_say_by_whom"
            ),
            models.CheckConstraint(
                condition=~Q(state="rejected") | ~Q(reason=""), name="rejected_findings_say_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.grade})"
