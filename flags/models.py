"""Rows behind flags: what they are, every version of their rules, who may read them and what is delivered.

Fields, constraints and one-row questions only. What a definition may contain is decided by the SDK's own
compiler, which the services call before a row is written.
"""

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import IntegerRangeField, RangeOperators
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from flags.delivery_models import ConfigDocument as ConfigDocument
from flags.delivery_models import FlagSighting as FlagSighting
from flags.delivery_models import SdkKey as SdkKey
from flags.holdout_models import Holdout as Holdout
from flags.ramp import OPEN, State
from flags.reference_models import CodeReference as CodeReference
from flags.reference_models import CodeRepository as CodeRepository
from flags.schedule_models import ScheduledChange as ScheduledChange
from flags.tidy_models import CleanUpTick as CleanUpTick
from flags.tidy_models import SavedFilter as SavedFilter

SLUG = r"^[a-z0-9][a-z0-9-]{0,62}$"
TWO_TO_32 = 2**32
PPM = 1_000_000
OPEN_RAMPS = [str(state) for state in OPEN]
RAMP_STATES = [(str(state), str(state)) for state in State]


def key_field(**options: Any) -> "models.CharField[str, str]":
    """A key that is safe in an address as it stands."""
    return models.CharField(max_length=63, validators=[RegexValidator(SLUG)], **options)


class Environment(models.Model):
    """A place flags are served in; each has its own versions, keys and configuration document.

    Where `requires_review`, what opens a flag has to be approved by somebody else first.
    """

    key = key_field(unique=True)
    is_production = models.BooleanField(default=False)
    requires_review = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-is_production", "key"]

    def __str__(self) -> str:
        return self.key


class Salt(models.Model):
    """Every salt ever drawn. Two hashes with one salt would make two flags pick the same people."""

    value = models.BigIntegerField(primary_key=True)
    subject = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(value__gte=0, value__lt=TWO_TO_32), name="salt_is_32_bit")
        ]

    def __str__(self) -> str:
        return f"{self.value} ({self.subject})"


class ValueType(models.TextChoices):
    BOOL = "bool"
    STRING = "string"
    NUMBER = "number"
    JSON = "json"


class Kind(models.TextChoices):
    RELEASE = "release"
    EXPERIMENT = "experiment"
    ABLATION = "ablation"
    OPS = "ops"
    PERMISSION = "permission"


class Flag(models.Model):
    """A named decision in product code. `unit_type` says whose it is: one user, account, device.

    Keys of scope client are answered for flags that are `is_client_side` only.
    """

    key = key_field(unique=True)
    title = models.CharField(max_length=200, blank=True)
    value_type = models.CharField(max_length=10, choices=ValueType.choices)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.RELEASE)
    unit_type = key_field(default="user")
    owner = models.CharField(max_length=150)
    backup = models.CharField(max_length=150, blank=True)
    team = models.ForeignKey(
        "organisation.Team", on_delete=models.PROTECT, null=True, blank=True, related_name="flags"
    )
    json_schema = models.JSONField(null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    is_client_side = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


class VersionState(models.TextChoices):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    DISCARDED = "discarded"


OPEN_VERSIONS = [VersionState.DRAFT.value, VersionState.IN_REVIEW.value, VersionState.APPROVED.value]
NEVER_LIVE = [*OPEN_VERSIONS, VersionState.REJECTED.value, VersionState.DISCARDED.value]


class FlagVersion(models.Model):
    """One version of a flag's rules in one environment; once published it never changes again.

    `parent` is the version that was live when this one was written: publishing is refused when another one
    has gone live since.
    """

    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="versions")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    checksum = models.CharField(max_length=64)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    state = models.CharField(max_length=12, choices=VersionState.choices, default=VersionState.DRAFT)
    author = models.CharField(max_length=150)
    edited_at = models.DateTimeField()
    published_by = models.CharField(max_length=150, blank=True)
    published_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    submitted_by = models.CharField(max_length=150, blank=True)
    submitted_at = models.DateTimeField(null=True)
    reviewed_by = models.CharField(max_length=150, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    review_note = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["flag", "environment", "number"], name="flag_version_number_once"
            ),
            models.UniqueConstraint(
                fields=["flag", "environment"], condition=Q(state="published"), name="one_live_version"
            ),
            models.UniqueConstraint(
                fields=["flag", "environment"], condition=Q(state__in=OPEN_VERSIONS), name="one_draft"
            ),
            models.CheckConstraint(
                condition=Q(state__in=NEVER_LIVE, published_at__isnull=True)
                | Q(state__in=["published", "superseded"], published_at__isnull=False),
                name="published_versions_say_when",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by="")
                | (~Q(reviewed_by=F("submitted_by")) & ~Q(reviewed_by=F("author"))),
                name="version_reviewed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flag_id} v{self.number} ({self.state})"

    @property
    def is_draft(self) -> bool:
        return self.state == VersionState.DRAFT

    @property
    def is_open(self) -> bool:
        """Written and not live, rejected or dropped: at most one of a flag in an environment."""
        return self.state in OPEN_VERSIONS


class Segment(models.Model):
    """A named audience that several flags share."""

    key = key_field(unique=True)
    title = models.CharField(max_length=200, blank=True)
    owner = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class SegmentVersion(models.Model):
    """One version of a segment's conditions in one environment; the highest number is in force."""

    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="versions")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="segment_versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    checksum = models.CharField(max_length=64)
    author = models.CharField(max_length=150)
    published_at = models.DateTimeField()
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "environment", "number"], name="segment_version_number_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.segment_id} v{self.number}"


class Layer(models.Model):
    """Slots of traffic that experiments share without meeting: a unit is in one slot of a layer for ever."""

    key = key_field(unique=True)
    unit_type = key_field(default="user")
    salt = models.OneToOneField(Salt, on_delete=models.PROTECT)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class BucketRange(models.Model):
    """Slots [low, high) of a layer, in parts per million, that one experiment owns.

    Freed slots stay reserved until `rests_until`, so that what the last experiment did to these units does
    not leak into the next one.
    """

    layer = models.ForeignKey(Layer, on_delete=models.PROTECT, related_name="ranges")
    experiment = key_field()
    slots = IntegerRangeField()
    allocated_at = models.DateTimeField()
    freed_at = models.DateTimeField(null=True)
    rests_until = models.DateTimeField(null=True)
    is_reserved = models.BooleanField(default=True)

    class Meta:
        ordering = ["slots"]
        constraints = [
            ExclusionConstraint(
                name="slots_of_a_layer_never_overlap",
                expressions=[("layer", RangeOperators.EQUAL), ("slots", RangeOperators.OVERLAPS)],
                condition=Q(is_reserved=True),
            ),
            models.CheckConstraint(
                condition=Q(slots__contained_by=(0, PPM), slots__isempty=False), name="slots_inside_layer"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.layer_id} {self.slots} {self.experiment}"


class Hold(models.Model):
    """Somebody or something stopped a flag from opening further; gates read it, the page shows it."""

    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="holds")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="holds")
    reason = models.TextField()
    held_by = models.CharField(max_length=150)
    held_at = models.DateTimeField()
    released_by = models.CharField(max_length=150, blank=True)
    released_at = models.DateTimeField(null=True)
    release_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-held_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["flag", "environment", "reason"],
                condition=Q(released_at__isnull=True),
                name="one_open_hold_for_each_reason",
            )
        ]

    def __str__(self) -> str:
        return f"{self.flag_id} held: {self.reason}"


class RampPlan(models.Model):
    """A template of steps that ramps are started from; a started ramp keeps its own copy."""

    key = key_field(unique=True)
    title = models.CharField(max_length=200, blank=True)
    steps = models.JSONField()
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class RampRun(models.Model):
    """One ramp of one rule. `step` is the last step that was taken, -1 before the first.

    `set_ppm` is what the ramp made the coverage; when the flag says something else, somebody took over.
    """

    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="ramps")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="ramps")
    rule = models.CharField(max_length=128)
    plan = models.CharField(max_length=63, blank=True)
    steps = models.JSONField()
    state = models.CharField(max_length=12, choices=RAMP_STATES, default=str(State.RUNNING))
    step = models.SmallIntegerField(default=-1)
    step_at = models.DateTimeField()
    from_ppm = models.PositiveIntegerField()
    set_ppm = models.PositiveIntegerField()
    waits_for = models.TextField(blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["flag", "environment"], condition=Q(ended_at__isnull=True), name="one_open_ramp"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, state__in=OPEN_RAMPS)
                | (Q(ended_at__isnull=False) & ~Q(state__in=OPEN_RAMPS)),
                name="ended_ramps_say_when",
            ),
        ]

    def __str__(self) -> str:
        return f"ramp {self.pk} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


class RampEvent(models.Model):
    """What happened to a ramp, in order; never changed."""

    run = models.ForeignKey(RampRun, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=12)
    step = models.SmallIntegerField()
    before_ppm = models.PositiveIntegerField()
    after_ppm = models.PositiveIntegerField()
    actor = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.step}"
