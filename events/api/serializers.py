"""What the API says about events."""

from typing import Any

from rest_framework import serializers

from events.models import ImportRun, IngestCount, LabelledEvent, RefusedEvent


class CountSerializer(serializers.ModelSerializer[IngestCount]):
    """How much of one kind a key brought on a day of receipt; `key` is its prefix, null for imports."""

    key = serializers.CharField(source="key.prefix", default=None, read_only=True)
    kind = serializers.CharField(read_only=True, help_text="exposure, event, refused, duplicate, …")

    class Meta:
        model = IngestCount
        fields = ["environment", "key", "day", "kind", "count"]


class FreshnessSerializer(serializers.Serializer[Any]):
    """What waits for the store and how new the newest in it is."""

    waiting = serializers.IntegerField()
    waiting_bytes = serializers.IntegerField()
    oldest_waiting_at = serializers.DateTimeField(allow_null=True)
    filed_at = serializers.DateTimeField(allow_null=True)
    newest_at = serializers.DateTimeField(allow_null=True)
    files = serializers.IntegerField()


class RefusedSerializer(serializers.ModelSerializer[RefusedEvent]):
    key = serializers.CharField(source="key.prefix", default=None, read_only=True)

    class Meta:
        model = RefusedEvent
        fields = [
            "id",
            "environment",
            "key",
            "batch_id",
            "index",
            "received_at",
            "field",
            "value",
            "reason",
            "fix",
            "replayed_at",
        ]


class RefusedDetailSerializer(RefusedSerializer):
    """With the event as it was sent."""

    raw = serializers.SerializerMethodField()

    class Meta(RefusedSerializer.Meta):
        fields = [*RefusedSerializer.Meta.fields, "raw", "is_whole"]

    def get_raw(self, row: RefusedEvent) -> str:
        return bytes(row.raw).decode("utf-8", "backslashreplace")


class ReplaySerializer(serializers.Serializer[Any]):
    """`raw` is the corrected event as a JSON text; left out, the event is taken as it was sent."""

    raw = serializers.CharField(required=False)


class ImportSerializer(serializers.ModelSerializer[ImportRun]):
    class Meta:
        model = ImportRun
        fields = [
            "environment",
            "kind",
            "file",
            "fingerprint",
            "rows_done",
            "accepted",
            "refused",
            "started_by",
            "started_at",
            "finished_at",
        ]


class LabelSerializer(serializers.ModelSerializer[LabelledEvent]):
    kind = serializers.CharField(help_text="incident, fix, deploy, injection, experiment or null")

    class Meta:
        model = LabelledEvent
        fields = [
            "id",
            "kind",
            "title",
            "started_at",
            "ended_at",
            "slices",
            "expected",
            "link",
            "origin",
            "created_by",
            "created_at",
        ]


class EndSerializer(serializers.Serializer[Any]):
    """When it was over; left out, it is over now."""

    ended_at = serializers.DateTimeField(required=False)
