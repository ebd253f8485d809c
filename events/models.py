"""Rows behind the event store: what arrived, which files readers may read, what was refused and counted.

Fields and constraints only. Events themselves are never rows: one inbox row holds a whole batch, and the
store's files hold the rest.
"""

from django.db import models
from django.db.models import F, Q

from events.labels import LabelKind
from events.upkeep_models import AssignmentCount as AssignmentCount
from events.upkeep_models import Erasure as Erasure
from events.upkeep_models import RetentionRule as RetentionRule


def environment_field() -> "models.CharField[str, str]":
    """The key of the environment; events of two environments never meet."""
    return models.CharField(max_length=63)


def sdk_key_field() -> "models.ForeignKey[None, None]":
    """The credential that brought it; None for what a command imported."""
    return models.ForeignKey("flags.SdkKey", on_delete=models.PROTECT, null=True, related_name="+")


class Codec(models.TextChoices):
    """How `payload` is written."""

    JSON = "json"
    GZIP = "gzip"


class InboxBatch(models.Model):
    """One batch as received, and what its sender was answered.

    The row is committed before the sender hears that its events are safe. Compaction takes the payload out;
    the rest stays for a week, so that a batch sent again gets the same answer and changes nothing.
    `digest` is over the events as sent: another batch under the same id is told apart from a retry.
    `refusals` are the problems of the refused events, in the form of the answer.
    """

    environment = environment_field()
    key = sdk_key_field()
    batch_id = models.UUIDField()
    received_at = models.DateTimeField()
    sdk = models.CharField(max_length=100)
    dropped = models.PositiveBigIntegerField(default=0)
    accepted = models.PositiveIntegerField()
    refused = models.PositiveIntegerField(default=0)
    refusals = models.JSONField(null=True)
    digest = models.BinaryField(max_length=16)
    codec = models.CharField(max_length=4, choices=Codec.choices)
    size = models.PositiveIntegerField()
    payload = models.BinaryField(null=True)
    compacted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "batch_id"], name="batch_stored_once"),
            models.CheckConstraint(
                condition=Q(payload__isnull=False, compacted_at__isnull=True)
                | Q(payload__isnull=True, compacted_at__isnull=False),
                name="payload_until_compacted",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(compacted_at__isnull=True), name="inbox_waiting"),
            models.Index(fields=["compacted_at"], name="inbox_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} ({self.accepted} events)"


class StoreFile(models.Model):
    """The manifest: a file exists for readers exactly while its row stands here and is not retired.

    `path` is relative to the root of the store. `retired_at` says since when a merged file has taken this
    one's place; the file is deleted a while later, when nobody can be reading it any more.
    """

    kind = models.CharField(max_length=10)
    environment = environment_field()
    day = models.DateField()
    bucket = models.PositiveSmallIntegerField()
    path = models.CharField(max_length=255, unique=True)
    rows = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField()
    min_ts = models.DateTimeField()
    max_ts = models.DateTimeField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    is_merged = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(rows__gt=0), name="store_file_has_rows"),
            models.CheckConstraint(condition=Q(min_ts__lte=F("max_ts")), name="store_file_times_in_order"),
        ]
        indexes = [
            models.Index(
                fields=["kind", "environment", "day", "bucket"],
                condition=Q(retired_at__isnull=True),
                name="store_files_to_read",
            ),
            models.Index(
                fields=["retired_at"], condition=Q(retired_at__isnull=False), name="store_files_to_delete"
            ),
        ]

    def __str__(self) -> str:
        return self.path


class StoreKey(models.Model):
    """The secret of the unit hashes: one row, drawn once. Without it nobody can link a hash to a person."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    secret = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_store_key")]

    def __str__(self) -> str:
        return f"store key of {self.created_at}"


class RefusedEvent(models.Model):
    """One event that was not accepted, with the reason; kept for seven days and replayable until then.

    `raw` is the event as sent, cut where it was too long to keep (`is_whole` is then false).
    """

    environment = environment_field()
    key = sdk_key_field()
    batch_id = models.UUIDField()
    index = models.PositiveIntegerField()
    received_at = models.DateTimeField()
    field = models.CharField(max_length=200)
    value = models.TextField()
    reason = models.TextField()
    fix = models.TextField(blank=True)
    raw = models.BinaryField()
    is_whole = models.BooleanField(default=True)
    replayed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "batch_id", "index"], name="refused_event_once")
        ]
        indexes = [models.Index(fields=["received_at"], name="refused_by_age")]

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class Tally(models.TextChoices):
    """What ingest counts."""

    EXPOSURE = "exposure", "exposures stored"
    EVENT = "event", "events stored"
    REFUSED = "refused", "events refused"
    DUPLICATE = "duplicate", "duplicates left out"
    CONFLICTING = "conflicting", "ids used again for something else"
    DROPPED = "dropped", "dropped by the SDK before sending"
    TURNED_AWAY = "turned_away", "requests refused whole"
    PERSONAL = "personal", "unit ids that look like personal data"
    ERASED = "erased", "events of deleted units left out"


class IngestCount(models.Model):
    """How much of each kind one key brought on one day (UTC, by time of receipt)."""

    environment = environment_field()
    key = sdk_key_field()
    day = models.DateField()
    kind = models.CharField(max_length=12, choices=Tally.choices)
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "key", "day", "kind"],
                nulls_distinct=False,
                name="one_count_per_key_day_and_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.kind}: {self.count}"


class EventName(models.Model):
    """A name that events of an environment have had, so that forms can offer it without opening a file."""

    environment = environment_field()
    name = models.CharField(max_length=128)
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "name"], name="event_name_once_per_environment")
        ]

    def __str__(self) -> str:
        return self.name


class ExposureCount(models.Model):
    """How many exposures to a variant of a flag one day (UTC, of the exposures) had, and the newest of them.

    An exposure is one unit's first of the day to a version of the flag, as its SDK noted it.
    """

    environment = environment_field()
    flag = models.CharField(max_length=128)
    variant = models.CharField(max_length=128)
    day = models.DateField()
    count = models.PositiveBigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "flag", "variant", "day"], name="one_count_per_variant_and_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.flag}={self.variant}: {self.count}"


class ImportRun(models.Model):
    """A file that a command read in.

    `fingerprint` is over the file's content and how its columns were read: the same file read the same way is
    never imported twice. `rows_done` moves in the transaction that puts rows into the inbox, so that an
    interrupted import goes on where it stopped.
    """

    environment = environment_field()
    kind = models.CharField(max_length=10)
    file = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    rows_done = models.PositiveBigIntegerField(default=0)
    accepted = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveBigIntegerField(default=0)
    started_by = models.CharField(max_length=150)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "fingerprint"], name="file_imported_once"),
            models.CheckConstraint(
                condition=Q(rows_done=F("accepted") + F("refused")), name="import_counts_add_up"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file}: {self.rows_done} rows"


class LabelledEvent(models.Model):
    """Something known to have happened: the evidence that metrics and monitors are judged by.

    `slices` narrows it ({"country": ["de", "at"]}; empty means everybody). `expected` says how numbers should
    have moved: {metric key: "up" | "down" | "none"}. `origin` names what wrote the row ("experiment:checkout
    stopped"), so that a machine can write it twice; it is empty for what people enter.
    """

    kind = models.CharField(max_length=10, choices=[(kind.value, kind.words) for kind in LabelKind])
    title = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    slices = models.JSONField(default=dict)
    expected = models.JSONField(default=dict)
    link = models.URLField(max_length=500, blank=True)
    origin = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["origin"], condition=~Q(origin=""), name="one_label_per_origin"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="label_ends_after_it_starts",
            ),
        ]
        indexes = [models.Index(fields=["started_at"], name="labels_by_start")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"
