"""Looks at numbers that were computed elsewhere, brought over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.aggregate_files import FIRST_LINE, MAX_ROWS, rows_of
from analysis.api.serializers import RunSerializer
from analysis.imported import Row
from analysis.services import importing
from experiments import queries as experiments
from ledger.refusals import refuse
from metrics.reading import Fields, body_fields

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
    rows = AggregateSerializer(many=True, required=False)
    csv = serializers.CharField(required=False, help_text="The rows as the text of a CSV file, instead.")


class Imports(APIView):
    """Numbers computed elsewhere become a look of the experiment."""

    @extend_schema(request=AggregatesSerializer, responses={200: RunSerializer, 201: RunSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Store a look: 201, or 200 when the same numbers up to the same time are stored already."""
        experiments.experiment(key)
        body = body_fields(request.data, ("until", "rows", "csv"))
        until = body.text("until", fix="Write 2026-01-31T12:00:00Z.")
        body.findings.raise_if_any()
        now = timezone.now()
        rows, first_line = _given(body)
        run = importing.import_look(
            experiment=key,
            rows=rows,
            first_line=first_line,
            until=_moment(until),
            actor=request.user.get_username(),
            now=now,
        )
        return Response(RunSerializer(run).data, status=201 if run.requested_at == now else 200)


def _given(body: Fields) -> tuple[Sequence[Row], int]:
    """The rows and the line of the first one, from a list or from the text of a file."""
    if "csv" not in body:
        return _rows(body.values.get("rows")), 1
    if "rows" in body:
        raise refuse("csv", "(text)", "rows were given too", "Send either rows or csv.")
    text = body.values["csv"]
    if not isinstance(text, str):
        raise refuse("csv", text, "this is not text", "Send the text of the file.")
    return rows_of(text.encode()), FIRST_LINE


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
