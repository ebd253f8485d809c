"""What the API says about flags, and what its bodies may hold."""

from typing import Any

from rest_framework import serializers

from flags import changes, holdout_queries, queries, summary, words
from flags.models import (
    BucketRange,
    Environment,
    Flag,
    FlagVersion,
    Hold,
    Holdout,
    Layer,
    RampEvent,
    RampPlan,
    RampRun,
    ScheduledChange,
    SdkKey,
    Segment,
    SegmentVersion,
)


class FlagSerializer(serializers.ModelSerializer[Flag]):
    """A flag, without what it serves anywhere."""

    team = serializers.CharField(source="team.key", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Flag
        fields = [
            "key",
            "title",
            "value_type",
            "kind",
            "unit_type",
            "owner",
            "backup",
            "team",
            "json_schema",
            "expires_on",
            "is_client_side",
            "created_at",
            "archived_at",
        ]


class FlagVersionSerializer(serializers.ModelSerializer[FlagVersion]):
    """One version of a flag in one environment; `changes` says in words how it differs from `based_on`."""

    flag = serializers.CharField(source="flag.key", read_only=True)
    environment = serializers.CharField(source="environment.key", read_only=True)
    based_on = serializers.IntegerField(source="parent.number", read_only=True, allow_null=True, default=None)
    changes = serializers.SerializerMethodField()

    class Meta:
        model = FlagVersion
        fields = [
            "flag",
            "environment",
            "number",
            "state",
            "checksum",
            "based_on",
            "author",
            "edited_at",
            "submitted_by",
            "submitted_at",
            "reviewed_by",
            "reviewed_at",
            "review_note",
            "published_by",
            "published_at",
            "reason",
            "changes",
            "definition",
        ]

    def get_changes(self, version: FlagVersion) -> list[str]:
        before = version.parent.definition if version.parent else None
        return [change.words for change in changes.between(before, version.definition)]


class HoldSerializer(serializers.ModelSerializer[Hold]):
    class Meta:
        model = Hold
        fields = ["id", "reason", "held_by", "held_at", "released_by", "released_at", "release_reason"]


class ChangeSerializer(serializers.Serializer[Any]):
    """One difference; a side that is missing is null."""

    field = serializers.CharField()
    kind = serializers.CharField()
    words = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class DiffSerializer(serializers.Serializer[Any]):
    """The difference between two versions; `from` is null for the first one."""

    before = serializers.IntegerField(allow_null=True)
    after = serializers.IntegerField()
    changes = ChangeSerializer(many=True)


class CheckedSerializer(serializers.Serializer[Any]):
    """A definition that would be accepted, with what it would change."""

    definition = serializers.DictField()
    words = serializers.ListField(child=serializers.CharField())
    changes = ChangeSerializer(many=True)


class PlaceSerializer(serializers.Serializer[Any]):
    """A flag in one environment."""

    flag = serializers.CharField()
    environment = serializers.CharField()
    state = serializers.CharField()
    serves = serializers.CharField()
    coverage_ppm = serializers.IntegerField(allow_null=True)
    experiments = serializers.ListField(child=serializers.CharField())
    live = FlagVersionSerializer(allow_null=True)
    draft = FlagVersionSerializer(allow_null=True)
    holds = HoldSerializer(many=True)


def place(flag: Flag, environment: Environment) -> dict[str, Any]:
    """What PlaceSerializer describes."""
    live, draft = queries.live_version(flag, environment), queries.draft(flag, environment)
    holds = queries.open_holds(flag, environment)
    definition = None if live is None or flag.is_archived else live.definition
    short = summary.of(definition, is_held=holds.exists())
    return {
        "flag": flag.key,
        "environment": environment.key,
        "state": short.state,
        "serves": short.serves,
        "coverage_ppm": short.coverage_ppm,
        "experiments": list(short.experiments),
        "live": FlagVersionSerializer(live).data if live else None,
        "draft": FlagVersionSerializer(draft).data if draft else None,
        "holds": HoldSerializer(holds, many=True).data,
    }


class EnvironmentSerializer(serializers.ModelSerializer[Environment]):
    document_version = serializers.IntegerField(source="document.version", read_only=True)
    document_etag = serializers.CharField(source="document.etag", read_only=True)

    class Meta:
        model = Environment
        fields = [
            "key",
            "is_production",
            "requires_review",
            "created_at",
            "document_version",
            "document_etag",
        ]


class HoldoutSerializer(serializers.ModelSerializer[Holdout]):
    """A holdout; `flags` are those with a rule that names it. Its salt is not shown."""

    environment = serializers.CharField(source="environment.key", read_only=True)
    state = serializers.CharField(read_only=True)
    flags = serializers.SerializerMethodField()

    class Meta:
        model = Holdout
        fields = [
            "key",
            "title",
            "environment",
            "state",
            "unit_type",
            "share_ppm",
            "layers",
            "owner",
            "created_by",
            "created_at",
            "started_at",
            "ended_at",
            "flags",
        ]

    def get_flags(self, holdout: Holdout) -> list[str]:
        return holdout_queries.flags_held_by(holdout)


class ScheduledChangeSerializer(serializers.ModelSerializer[ScheduledChange]):
    """A change at a stated time; `outcome` says what came of it."""

    kind = serializers.CharField(read_only=True)
    state = serializers.CharField(read_only=True)
    flag = serializers.CharField(source="flag.key", read_only=True)
    environment = serializers.CharField(source="environment.key", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True, allow_null=True, default=None)

    class Meta:
        model = ScheduledChange
        fields = [
            "id",
            "flag",
            "environment",
            "kind",
            "version",
            "rule",
            "coverage_ppm",
            "run_at",
            "reason",
            "state",
            "outcome",
            "created_by",
            "created_at",
            "approved_by",
            "approved_at",
            "settled_by",
            "settled_at",
        ]


class RangeSerializer(serializers.ModelSerializer[BucketRange]):
    """Slots [low_ppm, high_ppm) that an experiment has, or had until they have rested."""

    low_ppm = serializers.IntegerField(source="slots.lower", read_only=True)
    high_ppm = serializers.IntegerField(source="slots.upper", read_only=True)

    class Meta:
        model = BucketRange
        fields = ["experiment", "low_ppm", "high_ppm", "allocated_at", "freed_at", "rests_until"]


class LayerSerializer(serializers.ModelSerializer[Layer]):
    free_ppm = serializers.SerializerMethodField()
    ranges = serializers.SerializerMethodField()

    class Meta:
        model = Layer
        fields = ["key", "unit_type", "created_at", "free_ppm", "ranges"]

    def get_free_ppm(self, layer: Layer) -> int:
        return sum(gap.share_ppm for gap in queries.free_slots(layer))

    def get_ranges(self, layer: Layer) -> list[dict[str, Any]]:
        return list(RangeSerializer(queries.reserved(layer), many=True).data)


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    class Meta:
        model = Segment
        fields = ["key", "title", "owner", "created_at"]


class SegmentVersionSerializer(serializers.ModelSerializer[SegmentVersion]):
    """One version of a segment in one environment; `words` says who belongs to it."""

    segment = serializers.CharField(source="segment.key", read_only=True)
    environment = serializers.CharField(source="environment.key", read_only=True)
    when = serializers.DictField(source="definition", read_only=True)
    words = serializers.SerializerMethodField()

    class Meta:
        model = SegmentVersion
        fields = [
            "segment",
            "environment",
            "number",
            "when",
            "words",
            "checksum",
            "author",
            "published_at",
            "reason",
        ]

    def get_words(self, version: SegmentVersion) -> str:
        return words.condition(version.definition)


class KeySerializer(serializers.ModelSerializer[SdkKey]):
    """A key as people may see it: never the key itself."""

    environment = serializers.CharField(source="environment.key", read_only=True)
    replaces = serializers.CharField(source="replaces.prefix", read_only=True, allow_null=True, default=None)

    class Meta:
        model = SdkKey
        fields = [
            "prefix",
            "name",
            "environment",
            "scope",
            "accepts_history",
            "replaces",
            "created_by",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
        ]


class NewKeySerializer(serializers.Serializer[Any]):
    """A key that was just made. `secret` is shown this once."""

    secret = serializers.CharField()
    key = KeySerializer()


class PreviewSerializer(serializers.Serializer[Any]):
    """What a unit gets, the exact reason, and every step to it."""

    evaluation = serializers.DictField()
    reason = serializers.CharField()
    steps = serializers.ListField(child=serializers.DictField())


class RampPlanSerializer(serializers.ModelSerializer[RampPlan]):
    class Meta:
        model = RampPlan
        fields = ["key", "title", "steps", "created_by", "created_at"]


class RampEventSerializer(serializers.ModelSerializer[RampEvent]):
    """One thing that happened to a ramp. `step` is -1 before the first one."""

    class Meta:
        model = RampEvent
        fields = ["kind", "step", "before_ppm", "after_ppm", "actor", "reason", "at"]


class RampSerializer(serializers.ModelSerializer[RampRun]):
    """A ramp: where it is, what it waits for, and everything that happened to it."""

    flag = serializers.CharField(source="flag.key", read_only=True)
    environment = serializers.CharField(source="environment.key", read_only=True)
    coverage_ppm = serializers.IntegerField(source="set_ppm", read_only=True)
    events = RampEventSerializer(many=True, read_only=True)

    class Meta:
        model = RampRun
        fields = [
            "id",
            "flag",
            "environment",
            "rule",
            "plan",
            "steps",
            "state",
            "step",
            "step_at",
            "from_ppm",
            "coverage_ppm",
            "waits_for",
            "created_by",
            "created_at",
            "ended_at",
            "events",
        ]


class SigningKeySerializer(serializers.Serializer[Any]):
    environment = serializers.CharField()
    signing_key = serializers.CharField()
