"""Incidents: what broke, who acted when, and what the next one like it would be stopped by."""

from django.db import models
from django.db.models import F, Q

NAME = 150


class IncidentState(models.TextChoices):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    CLOSED = "closed"


class Incident(models.Model):
    """Something hurt users. Opened by a trip, at most once for each, or by a person.

    `began_at` is since when users were hurt, `opened_at` when somebody or something noticed. `slice` is who
    was hit most, `money` what it costs a week, `exemplars` a few sessions, `gap` what the surface's most
    important metrics showed; each says in words why it is empty. `gathered_at` is when a worker had read
    the event store for the last two. `label` is the row with which metrics are validated.
    """

    title = models.CharField(max_length=200)
    summary = models.TextField(blank=True)
    state = models.CharField(max_length=12, choices=IncidentState.choices, default=IncidentState.OPEN)
    severity = models.CharField(max_length=10, blank=True)
    surface = models.ForeignKey(
        "organisation.Surface", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    experiment = models.ForeignKey(
        "experiments.Experiment", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    trip = models.OneToOneField(
        "analysis.GuardrailTrip", on_delete=models.PROTECT, null=True, related_name="+"
    )
    flag = models.CharField(max_length=63, blank=True)
    environment = models.CharField(max_length=63, blank=True)
    metric = models.CharField(max_length=63, blank=True)
    arm = models.CharField(max_length=63, blank=True)
    direction = models.CharField(max_length=4, blank=True)
    slice = models.JSONField(default=dict)
    money = models.JSONField(default=dict)
    exemplars = models.JSONField(default=dict)
    gap = models.JSONField(default=dict)
    gathered_at = models.DateTimeField(null=True)
    label = models.BigIntegerField(null=True)
    began_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=NAME)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=NAME, blank=True)
    mitigated_at = models.DateTimeField(null=True)
    mitigated_by = models.CharField(max_length=NAME, blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=NAME, blank=True)

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(began_at__lte=F("opened_at")), name="incident_begins_before_it_is_opened"
            ),
            models.CheckConstraint(
                condition=~Q(state="closed") | Q(closed_at__isnull=False), name="closed_incidents_say_when"
            ),
        ]

    def __str__(self) -> str:
        return f"incident {self.id}: {self.title}"


class IncidentNote(models.Model):
    """A line that a person adds to the timeline; `at` is when it happened, not when it was written."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField()
    text = models.TextField()
    by = models.CharField(max_length=NAME)
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.text[:60]}"


class BacktestState(models.TextChoices):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class RetroGuardrail(models.Model):
    """A guardrail proposed after an incident, replayed on stored history.

    `margin` is the largest loss accepted, in the metric's unit, or relative to the usual value when
    `is_relative`; `window_days` are averaged before they are judged. `result` holds what the replay found.
    `accepted_because` is why it counts although it would not have tripped on its own incident.
    """

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="guardrails")
    metric = models.CharField(max_length=63)
    metric_version = models.PositiveIntegerField()
    margin = models.FloatField()
    is_relative = models.BooleanField()
    window_days = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=7, choices=BacktestState.choices, default=BacktestState.WAITING)
    result = models.JSONField(default=dict)
    requested_by = models.CharField(max_length=NAME)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    accepted_because = models.TextField(blank=True)
    accepted_by = models.CharField(max_length=NAME, blank=True)
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | ~(Q(accepted_because="") | Q(accepted_by="")),
                name="accepted_retro_guardrails_say_why",
            ),
            models.CheckConstraint(condition=Q(margin__gt=0), name="retro_margin_above_zero"),
            models.CheckConstraint(
                condition=Q(window_days__gte=1, window_days__lte=14), name="retro_window_of_days"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric}: {self.state}"
