"""Counts, refused events, imports and labelled events over HTTP. Sending events is config.edge's."""

from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.exceptions import PermissionDenied
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import queries, services
from events.api.serializers import (
    CountSerializer,
    EndSerializer,
    FreshnessSerializer,
    ImportSerializer,
    LabelSerializer,
    RefusedDetailSerializer,
    RefusedSerializer,
    ReplaySerializer,
)
from events.labels import read_label, read_time
from events.models import ImportRun, IngestCount, LabelledEvent, RefusedEvent
from flags.api.authentication import KeyPrincipal
from ledger.refusals import refuse
from metrics.reading import body_fields

MAX_RAW_CHARACTERS = 100_000


class NewestId(CursorPagination):
    page_size = 100
    ordering = "-id"


class NewestDay(CursorPagination):
    page_size = 500
    ordering = ("-day", "-id")


class Counts(generics.ListAPIView[IngestCount]):
    """What came in and what did not; `?environment=` and `?since=2026-03-01` narrow it."""

    serializer_class = CountSerializer
    pagination_class = NewestDay

    def get_queryset(self) -> QuerySet[IngestCount]:
        asked = self.request.query_params
        since = _day(asked["since"]) if asked.get("since") else None
        return queries.counts(environment=asked.get("environment", ""), since=since)


class Freshness(APIView):
    """How deep the inbox is and how new the store; `?environment=` narrows it."""

    @extend_schema(responses=FreshnessSerializer)
    def get(self, request: Request) -> Response:
        found = queries.freshness(request.query_params.get("environment", ""))
        return Response(FreshnessSerializer(found).data)


class RefusedList(generics.ListAPIView[RefusedEvent]):
    """Refused events of the last seven days; `?environment=` and `?field=` narrow it."""

    serializer_class = RefusedSerializer
    pagination_class = NewestId

    def get_queryset(self) -> QuerySet[RefusedEvent]:
        asked = self.request.query_params
        return queries.refused_events(environment=asked.get("environment", ""), field=asked.get("field", ""))


class RefusedDetail(APIView):
    @extend_schema(responses=RefusedDetailSerializer)
    def get(self, request: Request, refused_id: int) -> Response:
        return Response(RefusedDetailSerializer(queries.refused_event(refused_id)).data)


class Replay(APIView):
    @extend_schema(request=ReplaySerializer, responses=RefusedDetailSerializer)
    def post(self, request: Request, refused_id: int) -> Response:
        """Take a refused event in, as it was sent or corrected."""
        check_environment(request, queries.refused_event(refused_id).environment)
        services.replay(refused_id=refused_id, raw=_raw(request), **_by(request))
        return Response(RefusedDetailSerializer(queries.refused_event(refused_id)).data)


class Imports(generics.ListAPIView[ImportRun]):
    """Files that were read in, newest first."""

    serializer_class = ImportSerializer
    pagination_class = NewestId

    def get_queryset(self) -> QuerySet[ImportRun]:
        return queries.imports()


class Labels(generics.ListAPIView[LabelledEvent]):
    """Labelled events; `?kind=`, `?since=` and `?until=` (times with a zone) narrow it."""

    serializer_class = LabelSerializer
    pagination_class = NewestId

    def get_queryset(self) -> QuerySet[LabelledEvent]:
        asked = self.request.query_params
        return queries.labels(
            kind=asked.get("kind", ""), since=_time(asked, "since"), until=_time(asked, "until")
        )

    @extend_schema(request=LabelSerializer, responses={201: LabelSerializer})
    def post(self, request: Request) -> Response:
        """Write one down. With an `origin` that is known already nothing changes."""
        row = services.add_label(label=read_label(request.data), **_by(request))
        return Response(LabelSerializer(row).data, status=201)


class LabelDetail(APIView):
    @extend_schema(responses=LabelSerializer)
    def get(self, request: Request, label_id: int) -> Response:
        return Response(LabelSerializer(queries.label(label_id)).data)


class EndLabel(APIView):
    @extend_schema(request=EndSerializer, responses=LabelSerializer)
    def post(self, request: Request, label_id: int) -> Response:
        """Say when it was over."""
        by = _by(request)
        ended_at = _time(_fields(request, "ended_at"), "ended_at") or by["now"]
        return Response(LabelSerializer(services.end_label(label_id=label_id, ended_at=ended_at, **by)).data)


def _by(request: Request) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}


def check_environment(request: Request, environment: str) -> None:
    """A key acts in its own environment only."""
    user: object = request.user
    if isinstance(user, KeyPrincipal) and user.environment != environment:
        raise PermissionDenied(f"this key belongs to the environment {user.environment!r}")


def _fields(request: Request, name: str) -> dict[str, Any]:
    """The body's fields; an empty body has none."""
    fields = body_fields(request.data or {}, (name,))
    fields.findings.raise_if_any()
    return dict(fields.values)


def _raw(request: Request) -> bytes | None:
    raw = _fields(request, "raw").get("raw")
    if raw is None:
        return None
    if not isinstance(raw, str) or len(raw) > MAX_RAW_CHARACTERS:
        why = f"this is not a text of at most {MAX_RAW_CHARACTERS:,} characters"
        raise refuse("raw", raw, why, "Send the corrected event as a JSON text, or leave raw out.")
    return raw.encode("utf-8", "surrogatepass")


def _time(asked: Any, name: str) -> datetime | None:
    return read_time(name, asked[name]) if asked.get(name) else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refuse("since", text, "this is not a day", "For example 2026-03-01.") from None
