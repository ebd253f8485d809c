"""What the API says about looks, results and trips."""

from rest_framework import serializers

from analysis.models import AnalysisRun, GuardrailTrip, HealthCheck, MetricResult


class CheckSerializer(serializers.ModelSerializer[HealthCheck]):
    """One answer about the data of a look: ok, warn, fail or not_run, and the numbers behind it."""

    class Meta:
        model = HealthCheck
        fields = ["kind", "status", "detail", "statistic", "limit", "evidence"]


class RunSerializer(serializers.ModelSerializer[AnalysisRun]):
    """A finished look; `report` is the SHA-256 of its report. `enrolment` says who takes part, `checks` what
    was found about the data."""

    checks = CheckSerializer(many=True, read_only=True)
    report = serializers.CharField(source="snapshot.sha256", read_only=True)
    verdict = serializers.CharField(source="snapshot.verdict", read_only=True)

    class Meta:
        model = AnalysisRun
        fields = [
            "look",
            "plan_version",
            "data_cut",
            "trigger",
            "actor",
            "requested_at",
            "finished_at",
            "engine",
            "code_version",
            "config_hash",
            "enrolment",
            "checks",
            "report",
            "verdict",
        ]


class AskedSerializer(serializers.Serializer[object]):
    """A look that was asked for. The same question about the same data is one job."""

    job = serializers.IntegerField()
    state = serializers.CharField()
    data_until = serializers.DateTimeField()


class ResultSerializer(serializers.ModelSerializer[MetricResult]):
    """One metric of one arm at one look, overall or in one slice; the headline comparison."""

    look = serializers.IntegerField(source="run.look", read_only=True)
    plan_version = serializers.IntegerField(source="run.plan_version", read_only=True)
    data_cut = serializers.DateTimeField(source="run.data_cut", read_only=True)

    class Meta:
        model = MetricResult
        fields = [
            "look",
            "plan_version",
            "data_cut",
            "metric",
            "role",
            "arm",
            "dimension",
            "level",
            "units_control",
            "units_treatment",
            "estimate",
            "standard_error",
            "low",
            "high",
            "alpha_spent",
            "state",
            "why",
        ]


class TripSerializer(serializers.ModelSerializer[GuardrailTrip]):
    experiment = serializers.CharField(source="experiment.key", read_only=True)
    look = serializers.IntegerField(source="run.look", read_only=True)

    class Meta:
        model = GuardrailTrip
        fields = [
            "id",
            "experiment",
            "metric",
            "arm",
            "look",
            "severity",
            "is_blocking",
            "action",
            "state",
            "estimate",
            "low",
            "high",
            "margin",
            "opened_at",
            "acknowledged_at",
            "acknowledged_by",
            "settled_at",
            "settled_by",
            "reason",
        ]
