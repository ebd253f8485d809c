"""What every look found, kept for good: runs, results, checks, report snapshots; trips; links for outsiders.

All tables but trips and links are insert-only (the migration holds the triggers). The state of work in
progress is not here: a look that is under way or has failed is a job row.
"""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from analysis.interaction_models import InteractionReading as InteractionReading
from analysis.source_models import Source as Source
from analysis.source_models import SourceTest as SourceTest
from analysis.source_models import SourceVersion as SourceVersion


class Trigger(models.TextChoices):
    SCHEDULE = "schedule"
    MANUAL = "manual"
    DECISION = "decision"


class AnalysisRun(models.Model):
    """One finished look: all events up to `data_cut`, read under one configuration.

    `caps` holds the limits found for percentile caps, so that later looks can use the same; `enrolment` the
    counts of units by day and arm and of those left out.
    """

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    plan_version = models.PositiveIntegerField()
    plan_sha256 = models.CharField(max_length=64)
    look = models.PositiveIntegerField()
    data_cut = models.DateTimeField()
    config_hash = models.CharField(max_length=64)
    code_version = models.CharField(max_length=40)
    engine = models.CharField(max_length=20)
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    actor = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    caps = models.JSONField(default=dict)
    enrolment = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "plan_version", "data_cut", "config_hash"], name="run_once_per_cut"
            ),
            models.UniqueConstraint(
                fields=["experiment", "plan_version", "look"], name="run_look_number_is_not_reused"
            ),
            models.CheckConstraint(condition=Q(look__gte=1), name="run_look_from_one"),
        ]

    def __str__(self) -> str:
        return f"look {self.look}, data until {self.data_cut:%Y-%m-%d %H:%M}"


class MetricResult(models.Model):
    """One metric of one treatment arm against the control at one look, overall or in one slice.

    `estimate`, `standard_error`, `low`, `high` are those of the headline comparison on the metric's own
    scale; empty when it could not be estimated (`why` says the reason). `alpha_spent` is the significance
    level the harm monitor has used up to this look. `detail` holds both comparisons and the moments.
    """

    run = models.ForeignKey(AnalysisRun, on_delete=models.PROTECT, related_name="results")
    metric_version = models.ForeignKey("metrics.MetricVersion", on_delete=models.PROTECT, related_name="+")
    metric = models.CharField(max_length=63)
    role = models.CharField(max_length=20)
    arm = models.CharField(max_length=63)
    dimension = models.CharField(max_length=100, blank=True)
    level = models.CharField(max_length=256, blank=True)
    units_control = models.PositiveBigIntegerField()
    units_treatment = models.PositiveBigIntegerField()
    estimate = models.FloatField(null=True)
    standard_error = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    alpha_spent = models.FloatField(default=0.0)
    state = models.CharField(max_length=30)
    why = models.CharField(max_length=40, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "metric_version", "arm", "dimension", "level"], name="result_once_per_look"
            )
        ]

    def __str__(self) -> str:
        where = f" in {self.dimension} {self.level}" if self.dimension else ""
        return f"{self.metric}, {self.arm}{where}: {self.state}"


class HealthStatus(models.TextChoices):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    NOT_RUN = "not_run"


class HealthCheck(models.Model):
    """One answer to "can these numbers be trusted?" at one look."""

    run = models.ForeignKey(AnalysisRun, on_delete=models.PROTECT, related_name="checks")
    kind = models.CharField(max_length=30)
    status = models.CharField(max_length=10, choices=HealthStatus.choices)
    statistic = models.FloatField(null=True)
    limit = models.FloatField(null=True)
    detail = models.TextField(blank=True)
    evidence = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "kind"], name="check_once_per_look")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.status}"


class TripState(models.TextChoices):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    WAIVED = "waived"


class TripSeverity(models.TextChoices):
    HARM = "harm"
    CONFIRMED = "confirmed"


UNSETTLED = (TripState.OPEN, TripState.ACKNOWLEDGED)


class GuardrailTrip(models.Model):
    """A guardrail of an arm was found harmed. At most one unsettled trip per experiment, metric and arm.

    `run` is the look that gave the trip its severity; `low` and `high` bound the effect then, `margin` is the
    largest loss accepted, all on the metric's own scale. `action` is what has to follow at once; `acted_at`
    and `outcome` say when it did and how it went. `hold_id` names the hold of the flag that this trip set.
    """

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    metric_version = models.ForeignKey("metrics.MetricVersion", on_delete=models.PROTECT, related_name="+")
    metric = models.CharField(max_length=63)
    arm = models.CharField(max_length=63)
    run = models.ForeignKey(AnalysisRun, on_delete=models.PROTECT, related_name="trips")
    severity = models.CharField(max_length=10, choices=TripSeverity.choices)
    is_blocking = models.BooleanField()
    action = models.CharField(max_length=20)
    acted_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=200, blank=True)
    hold_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=14, choices=TripState.choices, default=TripState.OPEN)
    estimate = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    margin = models.FloatField(null=True)
    opened_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "metric", "arm"],
                condition=Q(state__in=UNSETTLED),
                name="one_unsettled_trip_per_metric_and_arm",
            ),
            models.CheckConstraint(
                condition=Q(state__in=UNSETTLED) | Q(settled_at__isnull=False), name="settled_trips_say_when"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric} in {self.arm}: {self.severity}, {self.state}"

    @property
    def title(self) -> str:
        """What people call the metric."""
        return self.metric_version.definition.title


class ReportSnapshot(models.Model):
    """The report of one look: a JSON text whose SHA-256 covers every number that is shown.

    `prev_sha256` is the snapshot before it of the same experiment, which makes them a chain.
    """

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    run = models.OneToOneField(AnalysisRun, on_delete=models.PROTECT, related_name="snapshot")
    verdict = models.CharField(max_length=40)
    document = models.TextField()
    sha256 = models.CharField(max_length=64, unique=True)
    prev_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "prev_sha256"], name="snapshots_form_one_chain")
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.sha256[:12]}"


class ShareLink(models.Model):
    """An address under which people without an account read one report until it expires or is revoked.

    `token` goes into the address, signed. `snapshot` is the one report that is shown; empty for a live link,
    which shows the newest. `note` says for whom it is. `opened` counts openings; `minute_at` and
    `minute_count` hold the openings of the current minute, for the limit.
    """

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    snapshot = models.ForeignKey(ReportSnapshot, on_delete=models.PROTECT, related_name="+", null=True)
    token = models.UUIDField(unique=True)
    note = models.CharField(max_length=200)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, blank=True)
    opened = models.PositiveIntegerField(default=0)
    last_opened_at = models.DateTimeField(null=True)
    minute_at = models.DateTimeField(null=True)
    minute_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="share_expires_later"),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | ~Q(revoked_by=""), name="revoked_shares_say_by_whom"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment.key} for {self.note}"

    @property
    def is_live(self) -> bool:
        return self.snapshot_id is None

    def is_open(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


class CalibrationNight(models.Model):
    """One night's A/A splits of an experiment's units under one metric version: how often a difference was
    found where none is, and how often the interval held the truth. Insert-only."""

    day = models.DateField()
    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    metric_version = models.ForeignKey("metrics.MetricVersion", on_delete=models.PROTECT, related_name="+")
    metric = models.CharField(max_length=63)
    units = models.PositiveBigIntegerField()
    replicates = models.PositiveIntegerField()
    rejected = models.PositiveIntegerField()
    covered = models.PositiveIntegerField()
    alpha = models.FloatField()
    variance_ratio = models.FloatField()
    code_version = models.CharField(max_length=40)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "experiment", "metric_version"], name="calibration_once_per_night"
            ),
            models.CheckConstraint(
                condition=Q(rejected__lte=models.F("replicates"), covered__lte=models.F("replicates")),
                name="calibration_counts_in_order",
            ),
        ]
        indexes = [models.Index(fields=["metric_version", "day"], name="calibration_by_version")]

    def __str__(self) -> str:
        return f"{self.metric} on {self.day}: {self.rejected} of {self.replicates} rejected"
