"""What the API says about experiments."""

from typing import Any

from rest_framework import serializers

from experiments import queries
from experiments.models import Decision, Experiment, ExperimentVersion, Phase


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    """An experiment as a row of the list."""

    class Meta:
        model = Experiment
        fields = [
            "key",
            "title",
            "kind",
            "owner",
            "flag",
            "environment",
            "unit_type",
            "assigned_here",
            "state",
            "created_by",
            "created_at",
            "started_at",
            "stopped_at",
        ]


class ExperimentVersionSerializer(serializers.ModelSerializer[ExperimentVersion]):
    """One version with its plan: as locked, or as it would be locked now."""

    plan = serializers.SerializerMethodField()

    class Meta:
        model = ExperimentVersion
        fields = [
            "number",
            "state",
            "sha256",
            "created_by",
            "created_at",
            "submitted_by",
            "approved_by",
            "locked_by",
            "locked_at",
            "plan",
        ]

    def get_plan(self, version: ExperimentVersion) -> dict[str, Any]:
        return version.plan or queries.candidate(version.experiment, version).canonical()


class PhaseSerializer(serializers.ModelSerializer[Phase]):
    version = serializers.IntegerField(source="version.number", read_only=True)

    class Meta:
        model = Phase
        fields = ["version", "coverage_ppm", "reason", "started_by", "started_at", "ended_at"]


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    version = serializers.IntegerField(source="version.number", read_only=True)

    class Meta:
        model = Decision
        fields = [
            "version",
            "recommended",
            "taken",
            "reason",
            "snapshot_sha256",
            "decided_by",
            "decided_at",
        ]


class DetailSerializer(ExperimentSerializer):
    """An experiment with the version that counts now and its decision."""

    version = serializers.SerializerMethodField()
    decision = serializers.SerializerMethodField()

    class Meta(ExperimentSerializer.Meta):
        fields = [*ExperimentSerializer.Meta.fields, "version", "decision"]

    def get_version(self, experiment: Experiment) -> dict[str, Any]:
        return dict(ExperimentVersionSerializer(queries.newest_version(experiment)).data)

    def get_decision(self, experiment: Experiment) -> dict[str, Any] | None:
        found = queries.decision(experiment.key)
        return None if found is None else dict(DecisionSerializer(found).data)


class ChecklistSerializer(serializers.Serializer[Any]):
    """One line of the preflight checklist."""

    code = serializers.CharField()
    title = serializers.CharField()
    status = serializers.CharField()
    detail = serializers.CharField()
    fix = serializers.CharField()
