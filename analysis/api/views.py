"""Looks, results, reports and trips over HTTP. The report is the stored text itself, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis import answering, queries, services, unblinding
from analysis.api.serializers import AskedSerializer, ResultSerializer, RunSerializer, TripSerializer
from analysis.models import (
    AnalysisRun,
    GuardrailTrip,
    HealthCheck,
    MetricResult,
    ReportSnapshot,
    TripState,
)
from experiments import queries as experiments
from flags.api.access import a_person, own_environment
from ledger.bodies import chosen
from ledger.refusals import NotFound, problem, refuse
from metrics.reading import body_fields

LOOK_FIX = "Write the number of a look, as on /runs."


class ByAddress(BaseContentNegotiation):
    """The address says what is served; whatever the Accept header asks for changes nothing."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next(iter(parsers))

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: Any = None) -> Any:
        first = next(iter(renderers))
        return first, first.media_type


class LatestReport(APIView):
    """The newest report of an experiment."""

    content_negotiation_class = ByAddress

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str) -> HttpResponseBase:
        """The stored document. Its SHA-256 is the ETag; `/reports/<sha256>.json` is the same for ever."""
        experiments.experiment(key)
        snapshot = queries.latest_snapshot(key)
        if snapshot is None:
            reason = f'"{key}" has no report yet'
            raise NotFound(
                problem("experiment", key, reason, f"POST /experiments/{key}/runs asks for a look.")
            )
        return _answer(request, snapshot, "json")


class Report(APIView):
    """One report by its hash, in one of its forms."""

    form = "json"
    content_negotiation_class = ByAddress

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, sha256: str) -> HttpResponseBase:
        return _answer(request, queries.snapshot(sha256), self.form)


class Chart(APIView):
    """One picture of a report: `what-moved`, `curve-1`, `histogram-1` and so on, as `.svg` or `.png`."""

    form = "svg"
    content_negotiation_class = ByAddress

    @extend_schema(responses={200: OpenApiTypes.BINARY})
    def get(self, request: Request, sha256: str, name: str) -> HttpResponseBase:
        snapshot = queries.snapshot(sha256)
        _raise_if_blind(request, snapshot)
        return answering.picture(snapshot, name, self.form)


class NewestLook(CursorPagination):
    page_size = 100
    ordering = ("-data_cut", "-id")


class Runs(generics.ListAPIView[AnalysisRun]):
    """Finished looks, newest first."""

    serializer_class = RunSerializer
    pagination_class = NewestLook

    def get_queryset(self) -> QuerySet[AnalysisRun]:
        key = self.kwargs["key"]
        experiments.experiment(key)
        found = queries.runs(key).select_related("snapshot").defer("snapshot__document")
        return found.prefetch_related(Prefetch("checks", HealthCheck.objects.order_by("id")))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={202: AskedSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Ask for a look at all data up to `until` (default: now). Asking twice asks once."""
        body = body_fields(request.data, ("until",))
        until = body.text("until", fix="Write 2026-01-31T12:00:00Z.", default="")
        body.findings.raise_if_any()
        job = services.request_look(experiment=key, trigger="manual", until=_moment(until), **_by(request))
        asked = {"job": job.id, "state": job.state, "data_until": job.payload["cut"]}
        return Response(AskedSerializer(asked).data, status=202)


class ResultRows(CursorPagination):
    page_size = 500
    ordering = ("-run__data_cut", "id")


@extend_schema(
    parameters=[
        OpenApiParameter("metric", str, description="Key of a metric."),
        OpenApiParameter("arm", str, description="Key of an arm."),
        OpenApiParameter("slice", str, description='A dimension, "device", or "overall" for everybody.'),
        OpenApiParameter("look", int, description="Number of a look."),
    ]
)
class Results(generics.ListAPIView[MetricResult]):
    """Tidy rows: one per metric, arm, slice and look."""

    serializer_class = ResultSerializer
    pagination_class = ResultRows

    def get_queryset(self) -> QuerySet[MetricResult]:
        key, asked = self.kwargs["key"], self.request.query_params
        owner, newest = experiments.experiment(key), queries.latest_snapshot(key)
        if newest is not None:
            viewer = self.request.user.get_username()
            unblinding.raise_if_blind(json.loads(newest.document), owner, viewer=viewer, now=timezone.now())
        found = queries.results(key, metric=asked.get("metric", ""), look=_look(asked.get("look", "")))
        found = found.filter(arm=asked["arm"]) if asked.get("arm") else found
        where = asked.get("slice", "")
        return found.filter(dimension="" if where == "overall" else where) if where else found


class NewestTrip(CursorPagination):
    page_size = 100
    ordering = ("-opened_at", "-id")


@extend_schema(
    parameters=[
        OpenApiParameter("experiment", str, description="Key of an experiment."),
        OpenApiParameter("state", str, description="open, acknowledged, resolved or waived."),
    ]
)
class Trips(generics.ListAPIView[GuardrailTrip]):
    """Guardrail trips, newest first."""

    serializer_class = TripSerializer
    pagination_class = NewestTrip

    def get_queryset(self) -> QuerySet[GuardrailTrip]:
        asked, found = self.request.query_params, queries.trips()
        if asked.get("experiment"):
            found = found.filter(experiment__key=asked["experiment"])
        state = chosen(self.request, "state", TripState.values)
        return found.filter(state=state) if state else found


class TripStep(APIView):
    """Acknowledge, resolve or waive a trip. Resolving and waiving need a `reason`."""

    service: Callable[..., GuardrailTrip] = services.acknowledge_trip
    needs_person = False

    @extend_schema(request=OpenApiTypes.OBJECT, responses=TripSerializer)
    def post(self, request: Request, trip_id: int) -> Response:
        own_environment(request, queries.trip(trip_id).experiment.environment)
        if self.needs_person:
            a_person(request, "settling a trip")
        body = body_fields(request.data, ("reason",))
        reason = body.text("reason", fix="Write one sentence for the history.", default="", limit=2000)
        body.findings.raise_if_any()
        self.service(trip_id=trip_id, reason=reason, **_by(request))
        return Response(TripSerializer(queries.trip(trip_id)).data)


def _answer(request: Request, snapshot: ReportSnapshot, form: str) -> HttpResponseBase:
    """A report never changes under its hash, so whoever has it already gets 304."""
    _raise_if_blind(request, snapshot)
    tag = f'"{snapshot.sha256}"'
    if _has(request._request, tag):
        response = HttpResponse(status=304)
    else:
        response = answering.file(snapshot, form)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return response


def _raise_if_blind(request: Request, snapshot: ReportSnapshot) -> None:
    document, viewer = json.loads(snapshot.document), request.user.get_username()
    unblinding.raise_if_blind(document, snapshot.experiment, viewer=viewer, now=timezone.now())


def _has(request: HttpRequest, tag: str) -> bool:
    listed = request.headers.get("If-None-Match", "")
    return tag in {each.strip().removeprefix("W/") for each in listed.split(",")}


def _by(request: Request) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise refuse("until", text, "this is not a time", "Write 2026-01-31T12:00:00Z.") from None


def _look(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise refuse("look", text, "this is not a number", LOOK_FIX)
    return int(text)
