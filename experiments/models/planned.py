"""Experiments, their versions with arms and metrics, phases and decisions.

A version is written as rows while it is a draft. Locking it stores the whole plan as JSON with its hash, and
from then on the database refuses to change the version, its arms or its metrics.
"""

from datetime import timedelta

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import F, Q

from experiments.drafts import ExperimentKind
from experiments.lifecycle import State
from experiments.models.wording import choices
from experiments.plan import WHOLE_PPM, ArmRole, Role
from metrics.definitions import Amount, Margin
from metrics.reading import SLUG

SEARCHED = SearchVector("search_text", config="english")


class Experiment(models.Model):
    """One question put to users. `state` is written by `services.transitions` only.

    `scheduled_*` say what the clock does by itself; `schedule_note` why it could not. `follows` is the
    experiment whose question this one takes up. `search_text` is what the portfolio's search looks into.
    """

    key = models.CharField(max_length=63, unique=True)
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=choices(ExperimentKind))
    owner = models.CharField(max_length=150, blank=True)
    backup_owner = models.CharField(max_length=150, blank=True)
    team = models.ForeignKey(
        "organisation.Team", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    surface = models.ForeignKey(
        "organisation.Surface", on_delete=models.PROTECT, null=True, to_field="key", related_name="+"
    )
    flag = models.CharField(max_length=63, blank=True)
    environment = models.CharField(max_length=63)
    unit_type = models.CharField(max_length=63)
    assigned_here = models.BooleanField(default=True)
    state = models.CharField(max_length=12, choices=choices(State), default=State.DRAFT)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    scheduled_start_at = models.DateTimeField(null=True)
    scheduled_coverage_ppm = models.PositiveIntegerField(default=WHOLE_PPM)
    scheduled_stop_at = models.DateTimeField(null=True)
    schedule_note = models.TextField(blank=True)
    follows = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="followed_by")
    search_text = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "key"]
        indexes = [GinIndex(SEARCHED, name="experiment_search")]
        constraints = [
            models.CheckConstraint(condition=Q(key__regex=f"^{SLUG.pattern}$"), name="experiment_key_slug"),
            models.CheckConstraint(
                condition=Q(stopped_at__isnull=True) | Q(stopped_at__gte=F("started_at")),
                name="experiment_stops_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def lifecycle_state(self) -> State:
        return State(self.state)

    @property
    def ran_for(self) -> timedelta | None:
        """From start to stop, None before the stop."""
        if self.started_at is None or self.stopped_at is None:
            return None
        return self.stopped_at - self.started_at


class VersionState(models.TextChoices):
    DRAFT = "draft"
    LOCKED = "locked"
    RETIRED = "retired"


class ExperimentVersion(models.Model):
    """One plan. `design` holds what is not a row of its own; `plan` and `sha256` exist once it is locked."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=VersionState.choices, default=VersionState.DRAFT)
    design = models.JSONField()
    plan = models.JSONField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    submitted_by = models.CharField(max_length=150, blank=True)
    approved_by = models.CharField(max_length=150, blank=True)
    locked_by = models.CharField(max_length=150, blank=True)
    locked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "number"], name="experiment_version_number"),
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(state="draft"), name="one_draft_version"
            ),
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(state="locked"), name="one_locked_version"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", locked_at__isnull=True, plan__isnull=True, sha256="")
                | (Q(state__in=["locked", "retired"], locked_at__isnull=False, plan__isnull=False)),
                name="locked_version_has_plan",
            ),
            models.CheckConstraint(
                condition=Q(approved_by="") | ~Q(approved_by=F("submitted_by")),
                name="requester_is_never_approver",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id} v{self.number} ({self.state})"


class Arm(models.Model):
    """One arm of a version; frozen with it."""

    version = models.ForeignKey(ExperimentVersion, on_delete=models.PROTECT, related_name="arms")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=63)
    variant = models.CharField(max_length=63)
    weight_ppm = models.PositiveIntegerField()
    role = models.CharField(max_length=10, choices=choices(ArmRole))
    dose_ms = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="arm_key_once"),
            models.UniqueConstraint(fields=["version", "variant"], name="arm_variant_once"),
            models.UniqueConstraint(fields=["version"], condition=Q(role="control"), name="one_control_arm"),
            models.CheckConstraint(
                condition=Q(weight_ppm__gte=1, weight_ppm__lte=WHOLE_PPM), name="arm_weight_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class MetricBinding(models.Model):
    """One metric version in one role; it stays that version when the metric gets newer ones."""

    version = models.ForeignKey(ExperimentVersion, on_delete=models.PROTECT, related_name="bindings")
    metric_version = models.ForeignKey("metrics.MetricVersion", on_delete=models.PROTECT, related_name="+")
    metric = models.CharField(max_length=63)
    role = models.CharField(max_length=13, choices=choices(Role))
    blocking = models.BooleanField()
    margin = models.FloatField(null=True)
    margin_relative = models.BooleanField(null=True)
    gain = models.FloatField(null=True)
    gain_relative = models.BooleanField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "metric"], name="metric_bound_once"),
            models.UniqueConstraint(
                fields=["version"], condition=Q(role="primary"), name="one_primary_metric"
            ),
            models.CheckConstraint(
                condition=Q(margin__isnull=True, margin_relative__isnull=True)
                | Q(margin__gt=0, margin_relative__isnull=False),
                name="margin_says_its_scale",
            ),
            models.CheckConstraint(
                condition=Q(gain__isnull=True, gain_relative__isnull=True)
                | Q(gain__gt=0, gain_relative__isnull=False),
                name="gain_says_its_scale",
            ),
            models.CheckConstraint(
                condition=Q(blocking=False) | Q(role="guardrail"), name="only_guardrails_block"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric} as {self.role}"

    @property
    def stated_margin(self) -> Margin | None:
        return None if self.margin is None else Margin(self.margin, bool(self.margin_relative))

    @property
    def stated_gain(self) -> Amount | None:
        return None if self.gain is None else Amount(self.gain, bool(self.gain_relative))


class Phase(models.Model):
    """A stretch of time with one version; its results are never mixed silently with another's."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="phases")
    version = models.ForeignKey(ExperimentVersion, on_delete=models.PROTECT, related_name="phases")
    coverage_ppm = models.PositiveIntegerField()
    reason = models.TextField(blank=True)
    started_by = models.CharField(max_length=150)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["started_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(ended_at__isnull=True), name="one_open_phase"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="phase_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(coverage_ppm__lte=WHOLE_PPM), name="phase_coverage_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id} from {self.started_at:%Y-%m-%d}"


class Taken(models.TextChoices):
    SHIP = "ship"
    ROLL_BACK = "roll_back"
    ITERATE = "iterate"
    ABANDON = "abandon"
    EXTEND = "extend"


class Decision(models.Model):
    """What was decided on which report snapshot; `recommended` is that snapshot's verdict. Insert-only.

    `arm` is the treatment that is shipped ("": nothing is, or an older row of an only treatment).
    """

    experiment = models.OneToOneField(Experiment, on_delete=models.PROTECT, related_name="decision")
    version = models.ForeignKey(ExperimentVersion, on_delete=models.PROTECT, related_name="+")
    recommended = models.CharField(max_length=40)
    taken = models.CharField(max_length=10, choices=Taken.choices)
    arm = models.CharField(max_length=63, blank=True)
    reason = models.TextField()
    snapshot_sha256 = models.CharField(max_length=64)
    decided_by = models.CharField(max_length=150)
    decided_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.taken}"
