"""What the API says about experiments."""

from typing import Any

from rest_framework import serializers

from experiments import queries
from experiments.models import (
    CleanUp,
    CoverageRamp,
    Decision,
    Experiment,
    ExperimentVersion,
    PendingChange,
    Phase,
    Rollout,
)


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    """An experiment as a row of the list."""

    team = serializers.CharField(source="team_id", read_only=True, allow_null=True)
    surface = serializers.CharField(source="surface_id", read_only=True, allow_null=True)
    follows = serializers.CharField(source="follows.key", read_only=True, allow_null=True)

    class Meta:
        model = Experiment
        fields = [
            "key",
            "title",
            "kind",
            "owner",
            "backup_owner",
            "team",
            "surface",
            "flag",
            "environment",
            "unit_type",
            "assigned_here",
            "state",
            "created_by",
            "created_at",
            "started_at",
            "stopped_at",
            "scheduled_start_at",
            "scheduled_coverage_ppm",
            "scheduled_stop_at",
            "schedule_note",
            "follows",
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
            "arm",
            "reason",
            "snapshot_sha256",
            "decided_by",
            "decided_at",
        ]


class DetailSerializer(ExperimentSerializer):
    """An experiment with the version that counts now and its decision."""

    version = serializers.SerializerMethodField()
    decision = serializers.SerializerMethodField()
    change_state = serializers.SerializerMethodField()

    class Meta(ExperimentSerializer.Meta):
        fields = [*ExperimentSerializer.Meta.fields, "change_state", "version", "decision"]

    def get_change_state(self, experiment: Experiment) -> str:
        return queries.change_state(experiment).value

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


class PendingChangeSerializer(serializers.ModelSerializer[PendingChange]):
    """A change under review, with what would differ: field → [before, after]."""

    kind = serializers.CharField(read_only=True)
    state = serializers.CharField(read_only=True)

    class Meta:
        model = PendingChange
        fields = [
            "id",
            "kind",
            "state",
            "target",
            "coverage_ppm",
            "diff",
            "reason",
            "requested_by",
            "requested_at",
            "approved_by",
            "expires_at",
            "ended_at",
            "ended_by",
            "end_reason",
        ]


class CoverageRampSerializer(serializers.ModelSerializer[CoverageRamp]):
    """A ramp inside an experiment: its steps, where it is and what it waits for."""

    state = serializers.CharField(source="ramp_state", read_only=True)

    class Meta:
        model = CoverageRamp
        fields = [
            "template",
            "steps",
            "step",
            "step_at",
            "approved_steps",
            "state",
            "waits_for",
            "started_by",
            "started_at",
            "ended_at",
        ]


class RolloutSerializer(serializers.ModelSerializer[Rollout]):
    """The way to everybody: what was prepared, how far it is, what was predicted and what came."""

    ramp = serializers.IntegerField(source="ramp_id", read_only=True, allow_null=True)
    holdback = serializers.CharField(source="holdback.key", read_only=True, allow_null=True)

    class Meta:
        model = Rollout
        fields = [
            "arm",
            "variant",
            "holdback_ppm",
            "holdback",
            "template",
            "steps",
            "ramp",
            "predicted",
            "realised",
            "follow_up_on",
            "followed_up_by",
            "followed_up_at",
            "follow_up_note",
            "prepared_by",
            "prepared_at",
            "started_at",
            "finished_at",
        ]


class CleanUpSerializer(serializers.ModelSerializer[CleanUp]):
    class Meta:
        model = CleanUp
        fields = ["code", "title", "done_by", "done_at", "note"]
