"""Launch reviews: who asked, what the risks are, who signed on which report, and which trips were raised."""

from django.db import models
from django.db.models import F, Q

from organisation.roles import Discipline

NAME = 150
DISCIPLINES = [(each.value, each.value) for each in Discipline]


class ReviewState(models.TextChoices):
    OPEN = "open"
    IN_REVIEW = "in_review", "in review"
    APPROVED = "approved"
    BLOCKED = "blocked"
    WITHDRAWN = "withdrawn"


LIVE = [
    ReviewState.OPEN.value,
    ReviewState.IN_REVIEW.value,
    ReviewState.APPROVED.value,
    ReviewState.BLOCKED.value,
]


class LaunchReview(models.Model):
    """The review of one launch: of an experiment, or of a flag without one.

    `answers` are the five risk questions, by key; empty until they are answered.
    """

    experiment = models.ForeignKey(
        "experiments.Experiment", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    flag = models.CharField(max_length=63, blank=True)
    environment = models.CharField(max_length=63)
    state = models.CharField(max_length=9, choices=ReviewState.choices, default=ReviewState.OPEN)
    answers = models.JSONField(default=dict)
    requested_by = models.CharField(max_length=NAME)
    requested_at = models.DateTimeField()
    state_at = models.DateTimeField()
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(state__in=LIVE), name="one_live_review_per_experiment"
            ),
            models.UniqueConstraint(
                fields=["flag", "environment"],
                condition=Q(state__in=LIVE, experiment__isnull=True),
                name="one_live_review_per_flag",
            ),
            models.CheckConstraint(
                condition=Q(experiment__isnull=False) | ~Q(flag=""), name="review_is_about_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id or self.flag}: {self.state}"


class SignOffAnswer(models.TextChoices):
    APPROVED = "approved"
    CONDITIONAL = "approved_with_conditions", "approved with conditions"
    REJECTED = "rejected"


class SignOff(models.Model):
    """One person's answer for one discipline. `sha256` is what was signed, `material` the part of it whose
    change ends the answer. `requested_by` repeats the review's, so that the database sees who is who.
    `met_at` is when somebody of the discipline said that the conditions in `note` are met."""

    review = models.ForeignKey(LaunchReview, on_delete=models.PROTECT, related_name="sign_offs")
    discipline = models.CharField(max_length=11, choices=DISCIPLINES)
    answer = models.CharField(max_length=24, choices=SignOffAnswer.choices)
    note = models.TextField(blank=True)
    by = models.CharField(max_length=NAME)
    at = models.DateTimeField()
    requested_by = models.CharField(max_length=NAME)
    sha256 = models.CharField(max_length=64)
    material = models.CharField(max_length=64)
    ended_at = models.DateTimeField(null=True)
    ended_because = models.CharField(max_length=300, blank=True)
    met_at = models.DateTimeField(null=True)
    met_by = models.CharField(max_length=NAME, blank=True)
    met_note = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["review", "discipline", "by"],
                condition=Q(ended_at__isnull=True),
                name="one_answer_per_person_and_discipline",
            ),
            models.CheckConstraint(condition=~Q(by=F("requested_by")), name="requester_never_signs"),
            models.CheckConstraint(
                condition=Q(met_at__isnull=True) | (Q(answer="approved_with_conditions") & ~Q(met_note="")),
                name="only_conditions_are_met",
            ),
            models.CheckConstraint(
                condition=~Q(met_by=F("requested_by")), name="requester_never_meets_conditions"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.discipline}: {self.answer} by {self.by}"


class ReviewFlag(models.Model):
    """A trip that was raised with the review, at most once for each severity."""

    trip = models.ForeignKey("analysis.GuardrailTrip", on_delete=models.PROTECT, related_name="+")
    severity = models.CharField(max_length=10)
    review = models.ForeignKey(LaunchReview, on_delete=models.PROTECT, null=True, related_name="flags")
    raised_at = models.DateTimeField()

    class Meta:
        ordering = ["-raised_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["trip", "severity"], name="trip_raised_once_per_severity")
        ]

    def __str__(self) -> str:
        return f"trip {self.trip_id} ({self.severity})"
