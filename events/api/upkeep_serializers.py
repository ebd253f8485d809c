"""What the API says about deletions and retention."""

from typing import Any

from rest_framework import serializers

from events.models import Erasure


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    """One deletion. `unit_hash` is the keyed hash, as a text because it may be larger than JavaScript's
    integers; `rewritten_at` says since when no reader finds the unit, `finished_at` since when nothing of it
    is left."""

    unit_hash = serializers.CharField(read_only=True)

    class Meta:
        model = Erasure
        fields = [
            "id",
            "environment",
            "unit_type",
            "unit_hash",
            "until",
            "reason",
            "requested_by",
            "requested_at",
            "rewritten_at",
            "rows",
            "files",
            "finished_at",
        ]


class EraseSerializer(serializers.Serializer[Any]):
    environment = serializers.CharField(help_text="The key of the environment.")
    unit_type = serializers.CharField(help_text="As events carry it: user, device, …")
    unit = serializers.CharField(help_text="The id in clear; it is forgotten when the job is done.")
    reason = serializers.CharField(help_text="Why, for the audit.")


class KeptSerializer(serializers.Serializer[Any]):
    """Days that stored events (`raw_days`) and counts by day (`count_days`) stay; null for ever."""

    environment = serializers.CharField()
    raw_days = serializers.IntegerField(allow_null=True)
    count_days = serializers.IntegerField(allow_null=True)
    is_default = serializers.BooleanField()


class SetRetentionSerializer(serializers.Serializer[Any]):
    raw_days = serializers.IntegerField(allow_null=True, help_text="Days, or null for ever.")
    count_days = serializers.IntegerField(allow_null=True, help_text="Days, or null for ever.")
    reason = serializers.CharField(help_text="Why, for the audit.")
