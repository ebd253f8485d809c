"""What happens to a running or decided experiment: changes under review, ramps, the way to everybody.

Each row refers to the plan's rows in `experiments.models.planned`.
"""

from django.db import models
from django.db.models import F, Q

from experiments.changes import OPEN, ChangeKind, ChangeState
from experiments.models.planned import Experiment
from experiments.models.wording import choices
from flags import ramp
from flags.ramp import State as RampState

OPEN_CHANGES = [state.value for state in OPEN]
OPEN_RAMPS = [state.value for state in ramp.OPEN]


class PendingChange(models.Model):
    """A change of a running experiment that somebody else has to agree to. At most one is open.

    `diff` says what would change, as field → [before, after]; `target` is the draft version it would put in
    force, `coverage_ppm` the share it would raise to. `state` is written by `services.transitions` only.
    """

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=8, choices=choices(ChangeKind))
    target = models.PositiveIntegerField(null=True)
    coverage_ppm = models.PositiveIntegerField(null=True)
    diff = models.JSONField()
    state = models.CharField(max_length=9, choices=choices(ChangeState), default=ChangeState.REVIEW)
    reason = models.TextField()
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    approved_by = models.CharField(max_length=150, blank=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=150, blank=True)
    end_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(state__in=OPEN_CHANGES), name="one_open_change"
            ),
            models.CheckConstraint(condition=~Q(state="idle"), name="a_change_is_never_idle"),
            models.CheckConstraint(
                condition=Q(approved_by="") | ~Q(approved_by=F("requested_by")),
                name="change_is_not_approved_by_who_asked",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["review", "rejected", "timed_out"]) | ~Q(approved_by=""),
                name="approved_change_says_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_CHANGES, ended_at__isnull=True)
                | (~Q(state__in=OPEN_CHANGES) & Q(ended_at__isnull=False)),
                name="ended_change_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.kind}, {self.state}"

    @property
    def change_state(self) -> ChangeState:
        return ChangeState(self.state)


class CoverageRamp(models.Model):
    """Coverage of a running experiment that the clock raises step by step, by the rule of `flags.ramp`."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="ramps")
    template = models.CharField(max_length=63, blank=True)
    steps = models.JSONField()
    step = models.SmallIntegerField(default=-1)
    step_at = models.DateTimeField()
    approved_steps = models.JSONField(default=list)
    ramp_state = models.CharField(max_length=11, choices=choices(RampState), default=RampState.RUNNING)
    waits_for = models.TextField(blank=True)
    started_by = models.CharField(max_length=150)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(ended_at__isnull=True), name="one_open_coverage_ramp"
            ),
            models.CheckConstraint(
                condition=Q(ramp_state__in=OPEN_RAMPS, ended_at__isnull=True)
                | (~Q(ramp_state__in=OPEN_RAMPS) & Q(ended_at__isnull=False)),
                name="ended_coverage_ramp_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id}: step {self.step + 1} of {len(self.steps)}, {self.ramp_state}"


class Rollout(models.Model):
    """The way of a shipped arm to everybody: prepared from the decision, started, followed up.

    Without a hold-back the flag's own ramp `ramp` moves; with one, `holdback` is the experiment that keeps
    `holdback_ppm` of the units on the control and measures what was promised. `predicted` is the effect on
    the primary metric that the decision rested on, `realised` what the follow-up found; both as
    `experiments.status.Effect` writes them.
    """

    experiment = models.OneToOneField(Experiment, on_delete=models.PROTECT, related_name="rollout")
    arm = models.CharField(max_length=63)
    variant = models.CharField(max_length=63)
    holdback_ppm = models.PositiveIntegerField(default=0)
    template = models.CharField(max_length=63, blank=True)
    steps = models.JSONField()
    ramp = models.ForeignKey("flags.RampRun", on_delete=models.PROTECT, null=True, related_name="+")
    holdback = models.OneToOneField(
        Experiment, on_delete=models.PROTECT, null=True, related_name="holdback_of"
    )
    predicted = models.JSONField(null=True)
    follow_up_on = models.DateField()
    prepared_by = models.CharField(max_length=150)
    prepared_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    realised = models.JSONField(null=True)
    followed_up_by = models.CharField(max_length=150, blank=True)
    followed_up_at = models.DateTimeField(null=True)
    follow_up_note = models.TextField(blank=True)

    class Meta:
        ordering = ["follow_up_on", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(holdback_ppm__lte=50_000), name="holdback_is_small"),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(started_at__isnull=False),
                name="rollout_finishes_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.variant} to everybody"


class SavedFilter(models.Model):
    """A named way of narrowing the list of experiments; everybody sees it, its owner changes it."""

    owner = models.CharField(max_length=150)
    name = models.CharField(max_length=60)
    filters = models.JSONField()
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "owner"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_filter_name_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.owner}"


class CleanUp(models.Model):
    """One thing to do in code or flags after the decision; done, or not needed for a stated reason."""

    experiment = models.ForeignKey(Experiment, on_delete=models.PROTECT, related_name="clean_up")
    code = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    done_by = models.CharField(max_length=150, blank=True)
    done_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "code"], name="clean_up_listed_once"),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, done_by="") | (Q(done_at__isnull=False) & ~Q(done_by="")),
                name="clean_up_done_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.experiment_id}: {self.title}"
