"""Incidents over HTTP: their life, timeline, notes, retro-guardrails and postmortems."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import incident_queries as queries
from governance import services
from governance.api.reading import by, by_on, moment, number
from governance.models import BacktestState, Incident, IncidentState, RetroGuardrail
from governance.timeline import timeline
from ledger.bodies import chosen, read


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    surface = serializers.CharField(source="surface_id", allow_null=True, read_only=True)
    experiment = serializers.CharField(source="experiment_id", allow_null=True, read_only=True)
    trip = serializers.IntegerField(source="trip_id", allow_null=True, read_only=True)
    state = serializers.CharField(read_only=True)

    class Meta:
        model = Incident
        fields = [
            "id",
            "title",
            "summary",
            "state",
            "severity",
            "surface",
            "experiment",
            "trip",
            "flag",
            "environment",
            "metric",
            "arm",
            "direction",
            "began_at",
            "opened_at",
            "opened_by",
            "acknowledged_at",
            "acknowledged_by",
            "mitigated_at",
            "mitigated_by",
            "closed_at",
            "closed_by",
        ]


class RetroGuardrailSerializer(serializers.ModelSerializer[RetroGuardrail]):
    state = serializers.CharField(read_only=True)
    result = serializers.SerializerMethodField()
    catches_its_incident = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField())
    def get_result(self, row: RetroGuardrail) -> dict[str, Any]:
        """Empty until it was replayed."""
        return {} if row.state == BacktestState.WAITING else dict(row.result)

    @extend_schema_field(serializers.BooleanField())
    def get_catches_its_incident(self, row: RetroGuardrail) -> bool:
        return queries.catches_its_incident(row)

    @extend_schema_field(serializers.BooleanField())
    def get_counts(self, row: RetroGuardrail) -> bool:
        return queries.counts_for_closing(row)

    class Meta:
        model = RetroGuardrail
        fields = [
            "id",
            "metric",
            "metric_version",
            "margin",
            "is_relative",
            "window_days",
            "state",
            "result",
            "catches_its_incident",
            "counts",
            "requested_by",
            "requested_at",
            "finished_at",
            "accepted_because",
            "accepted_by",
            "accepted_at",
        ]


class IncidentDetailSerializer(IncidentSerializer):
    """With who was hit, what it costs, a few sessions, the detection gap, and what is missing to close it."""

    slice = serializers.DictField(read_only=True)
    money = serializers.DictField(read_only=True)
    exemplars = serializers.DictField(read_only=True)
    gap = serializers.DictField(read_only=True)
    guardrails = RetroGuardrailSerializer(many=True, read_only=True)
    missing_to_close = serializers.SerializerMethodField()

    class Meta(IncidentSerializer.Meta):
        fields = [
            *IncidentSerializer.Meta.fields,
            "label",
            "gathered_at",
            "slice",
            "money",
            "exemplars",
            "gap",
            "guardrails",
            "missing_to_close",
        ]

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_missing_to_close(self, row: Incident) -> list[str]:
        return [] if row.closed_at else queries.missing_to_close(row)


class NewIncidentRequest(serializers.Serializer[Any]):
    title = serializers.CharField(help_text="Say in a few words what users noticed.")
    summary = serializers.CharField(required=False)
    began_at = serializers.CharField(required=False, help_text="Since when users are hurt, with the zone.")
    surface = serializers.CharField(required=False)
    experiment = serializers.CharField(required=False)
    metric = serializers.CharField(required=False)
    direction = serializers.CharField(required=False, help_text="Which way the metric should have moved.")


class IncidentReasonRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False)


class IncidentNoteRequest(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="Say what happened.")
    at = serializers.CharField(required=False, help_text="When it happened, with the zone.")


class NewGuardrailRequest(serializers.Serializer[Any]):
    metric = serializers.CharField(help_text="Give the key of a metric.")
    margin = serializers.FloatField(help_text="Give the largest loss accepted.")
    is_relative = serializers.BooleanField(required=False)
    window_days = serializers.IntegerField(required=False)


class AcceptGuardrailRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="Say why it counts although it would have missed the incident.")


class TimelineEntrySerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    what = serializers.CharField()
    who = serializers.CharField()
    detail = serializers.CharField()
    origin = serializers.CharField(help_text="audit, deploy, delivery or note")


class Newest(CursorPagination):
    page_size = 100
    ordering = ("-opened_at", "-id")


def detail(incident_id: int, status: int = 200) -> Response:
    return Response(IncidentDetailSerializer(queries.incident(incident_id)).data, status=status)


def asked(name: str, words: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=words)


class Incidents(generics.ListAPIView[Incident]):
    """Incidents, newest first; `?state=live` leaves out the closed ones."""

    serializer_class = IncidentSerializer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Incident]:
        given = self.request.query_params
        return queries.incidents(
            state=chosen(self.request, "state", [*IncidentState.values, "live"]),
            surface=given.get("surface", ""),
            experiment=given.get("experiment", ""),
        )

    @extend_schema(
        parameters=[
            asked("state", "open, acknowledged, mitigated, closed or live"),
            asked("surface", "The key of a surface"),
            asked("experiment", "The key of an experiment"),
        ]
    )
    def get(self, request: Request, *args: Any, **options: Any) -> Response:
        return super().get(request, *args, **options)

    @extend_schema(request=NewIncidentRequest, responses={201: IncidentDetailSerializer})
    def post(self, request: Request) -> Response:
        """Open an incident by hand; those of trips open themselves."""
        body = read(request, NewIncidentRequest)
        body["began_at"] = moment(body, "began_at")
        made = services.open_incident(**body, **by(request))
        return detail(made.id, 201)


class OneIncident(APIView):
    @extend_schema(responses=IncidentDetailSerializer)
    def get(self, request: Request, id: int) -> Response:
        return detail(id)


class Acknowledge(APIView):
    @extend_schema(request=None, responses=IncidentDetailSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Say that somebody looks after it."""
        services.acknowledge_incident(id=id, **by_on(request, queries.incident(id)))
        return detail(id)


class Mitigate(APIView):
    @extend_schema(request=IncidentReasonRequest, responses=IncidentDetailSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Say that users are no longer hurt, and why."""
        body = read(request, IncidentReasonRequest)
        services.mitigate_incident(id=id, **body, **by_on(request, queries.incident(id)))
        return detail(id)


class Close(APIView):
    @extend_schema(request=IncidentReasonRequest, responses=IncidentDetailSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Close it; 409 with everything that is missing."""
        body = read(request, IncidentReasonRequest)
        services.close_incident(id=id, **body, **by_on(request, queries.incident(id)))
        return detail(id)


class Timeline(APIView):
    @extend_schema(responses=TimelineEntrySerializer(many=True))
    def get(self, request: Request, id: int) -> Response:
        """What happened, oldest first, from the audit trail, deploys, deliveries and notes."""
        found = timeline(queries.incident(id), now=timezone.now())
        return Response(TimelineEntrySerializer(found, many=True).data)


class Notes(APIView):
    @extend_schema(request=IncidentNoteRequest, responses={201: TimelineEntrySerializer(many=True)})
    def post(self, request: Request, id: int) -> Response:
        """Add a line to the timeline; answers with all of it."""
        row, body = queries.incident(id), read(request, IncidentNoteRequest)
        body["at"] = moment(body, "at")
        services.add_note(id=id, **body, **by_on(request, row))
        found = timeline(row, now=timezone.now())
        return Response(TimelineEntrySerializer(found, many=True).data, status=201)


class RetroGuardrails(APIView):
    @extend_schema(responses=RetroGuardrailSerializer(many=True))
    def get(self, request: Request, id: int) -> Response:
        row = queries.incident(id)
        return Response(RetroGuardrailSerializer(queries.guardrails(row.id), many=True).data)

    @extend_schema(request=NewGuardrailRequest, responses={202: RetroGuardrailSerializer})
    def post(self, request: Request, id: int) -> Response:
        """Propose a guardrail; a worker replays it on the last 90 days."""
        body = read(request, NewGuardrailRequest)
        body["margin"] = number(body, "margin")
        made = services.propose_guardrail(id=id, **body, **by_on(request, queries.incident(id)))
        return Response(RetroGuardrailSerializer(made).data, status=202)


class AcceptGuardrail(APIView):
    @extend_schema(request=AcceptGuardrailRequest, responses=RetroGuardrailSerializer)
    def post(self, request: Request, id: int, guardrail: int) -> Response:
        """Say why a guardrail counts although it would not have tripped on this incident."""
        body = read(request, AcceptGuardrailRequest)
        by_whom = by_on(request, queries.incident(id))
        made = services.accept_guardrail(id=id, guardrail=guardrail, **body, **by_whom)
        return Response(RetroGuardrailSerializer(made).data)
