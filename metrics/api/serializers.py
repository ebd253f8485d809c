"""What the API says about metrics."""

from rest_framework import serializers

from metrics.models import Metric, MetricVersion


class MetricVersionSerializer(serializers.ModelSerializer[MetricVersion]):
    """One immutable version: the text as written and the definition as meant."""

    metric = serializers.SlugRelatedField[Metric](slug_field="key", read_only=True)
    definition = serializers.JSONField(source="content", read_only=True)

    class Meta:
        model = MetricVersion
        fields = ["metric", "number", "sha256", "author", "created_at", "definition", "text"]


class MetricSerializer(serializers.ModelSerializer[Metric]):
    """A metric with its current definition."""

    version = serializers.IntegerField(source="current.number", read_only=True)
    definition = serializers.JSONField(source="current.content", read_only=True)

    class Meta:
        model = Metric
        fields = ["key", "version", "created_at", "definition"]


class TextSerializer(serializers.Serializer[str]):
    """A definition as TOML, see docs/reference/metric-format.md."""

    text = serializers.CharField()
