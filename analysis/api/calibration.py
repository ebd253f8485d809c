"""What nightly A/A splits of live traffic said of metrics, over HTTP."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis import queries
from analysis.models import CalibrationNight
from analysis.rates import ALPHA, COVERAGE, FALSE_POSITIVES, Rates
from metrics import queries as metrics

SHOWN_NIGHTS = 60


def _pair(words: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.FloatField(), min_length=2, max_length=2, read_only=True, help_text=words
    )


class RatesSerializer(serializers.Serializer[Rates]):
    """Nights of the current version of one metric, added up. Bands hold at 99.9 %."""

    metric = serializers.CharField(read_only=True)
    nights = serializers.IntegerField(read_only=True)
    replicates = serializers.IntegerField(read_only=True, help_text="Splits that had an estimate.")
    false_positive_share = serializers.FloatField(read_only=True)
    false_positive_band = _pair("From, to.")
    coverage_share = serializers.FloatField(read_only=True)
    coverage_band = _pair("From, to.")
    is_within = serializers.BooleanField(
        read_only=True, help_text="Could both true shares lie inside of their bounds?"
    )


class NightSerializer(serializers.ModelSerializer[CalibrationNight]):
    """One night of one experiment. `variance_ratio` is the variance said over the one seen."""

    experiment = serializers.CharField(source="experiment.key", read_only=True)
    metric_version = serializers.IntegerField(source="metric_version.number", read_only=True)

    class Meta:
        model = CalibrationNight
        fields = [
            "day",
            "experiment",
            "metric_version",
            "units",
            "replicates",
            "rejected",
            "covered",
            "variance_ratio",
        ]


class PromisedSerializer(serializers.Serializer[Any]):
    alpha = serializers.FloatField(read_only=True, help_text="Share of false positives promised.")
    days = serializers.IntegerField(read_only=True, help_text="Days that are added up.")
    false_positive_bounds = _pair("Where the share of false positives has to lie.")
    coverage_bounds = _pair("Where the share of intervals that hold the truth has to lie.")


class CalibrationsSerializer(PromisedSerializer):
    metrics = RatesSerializer(many=True, read_only=True)


class CalibrationSerializer(PromisedSerializer):
    rates = RatesSerializer(read_only=True, allow_null=True, help_text="null until there is a night.")
    nights = NightSerializer(
        many=True, read_only=True, help_text="The newest 60, of all versions, newest first."
    )


class Calibrations(APIView):
    @extend_schema(operation_id="calibration_list", responses=CalibrationsSerializer)
    def get(self, request: Request) -> Response:
        """Empirical false positives and interval coverage of every metric, those out of bounds first."""
        found = {**_promised(), "metrics": queries.current_calibration(until=_today())}
        return Response(CalibrationsSerializer(found).data)


class Calibration(APIView):
    @extend_schema(responses=CalibrationSerializer)
    def get(self, request: Request, key: str) -> Response:
        """One metric: the figures of its current version, and single nights of all versions."""
        version = metrics.version(key)
        found = {
            **_promised(),
            "rates": next(iter(queries.calibration([version.id], until=_today())), None),
            "nights": queries.calibration_nights(key)[:SHOWN_NIGHTS],
        }
        return Response(CalibrationSerializer(found).data)


def _today() -> date:
    return timezone.now().astimezone(UTC).date()


def _promised() -> dict[str, Any]:
    return {
        "alpha": ALPHA,
        "days": queries.CALIBRATED_OVER.days,
        "false_positive_bounds": FALSE_POSITIVES,
        "coverage_bounds": COVERAGE,
    }
