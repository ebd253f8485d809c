"""Looks at numbers that were computed elsewhere, brought over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.aggregate_files import MAX_ROWS
from analysis.api.serializers import RunSerializer
from analysis.imported import Row
from analysis.services import importing
from experiments import queries as experiments
from ledger.refusals import refuse
from metrics.reading import body_fields

ROWS_FIX = "Write [{metric, arm, n, mean, variance}] or [{metric, arm, n, events}]."


class AggregateSerializer(serializers.Serializer[object]):
    """One metric in one arm, over all units since the start: `mean` and sample `variance` of a unit's value,
    or, for a proportion, how many units have an event (`events`)."""

    metric = serializers.CharField()
    arm = serializers.CharField()
    n = serializers.IntegerField(min_value=0)
    mean = serializers.FloatField(required=False)
    variance = serializers.FloatField(required=False, min_value=0)
    events = serializers.IntegerField(required=False, min_value=0)


class AggregatesSerializer(serializers.Serializer[object]):
    """All metrics of the plan in all its arms, over the data up to `until`."""

    until = serializers.DateTimeField()
    rows = AggregateSerializer(many=True)


class Imports(APIView):
    """Numbers computed elsewhere become a look of the experiment."""

    @extend_schema(request=AggregatesSerializer, responses={200: RunSerializer, 201: RunSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Store a look: 201, or 200 when the same numbers up to the same time are stored already."""
        experiments.experiment(key)
        body = body_fields(request.data, ("until", "rows"))
        until = body.text("until", fix="Write 2026-01-31T12:00:00Z.")
        body.findings.raise_if_any()
        now = timezone.now()
        run = importing.import_look(
            experiment=key,
            rows=_rows(body.values.get("rows")),
            until=_moment(until),
            actor=request.user.get_username(),
            now=now,
        )
        return Response(RunSerializer(run).data, status=201 if run.requested_at == now else 200)


def _rows(listed: object) -> list[Row]:
    if not isinstance(listed, list) or not all(isinstance(row, Mapping) for row in listed):
        raise refuse("rows", listed, "this is not a list of objects", ROWS_FIX)
    if len(listed) > MAX_ROWS:
        raise refuse("rows", f"{len(listed):,} rows", f"at most {MAX_ROWS:,} are possible", ROWS_FIX)
    return listed


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise refuse("until", text, "this is not a time", "Write 2026-01-31T12:00:00Z.") from None
