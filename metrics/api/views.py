"""Metrics over HTTP: list, read, and store new versions as TOML text."""

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics import queries, services
from metrics.api.serializers import MetricSerializer, MetricVersionSerializer, TextSerializer
from metrics.models import Metric, MetricVersion
from metrics.parsing import MAX_CHARACTERS
from metrics.reading import body_fields


class ByKey(CursorPagination):
    page_size = 100
    ordering = "key"


class ByNumber(CursorPagination):
    page_size = 100
    ordering = "-number"


class MetricList(generics.ListAPIView[Metric]):
    """All metrics; `?search=` looks into key, title and owner, `?tier=` keeps one tier."""

    serializer_class = MetricSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Metric]:
        asked = self.request.query_params
        return queries.metrics(search=asked.get("search", ""), tier=asked.get("tier", ""))

    @extend_schema(request=TextSerializer, responses={201: MetricVersionSerializer})
    def post(self, request: Request) -> Response:
        """Store a definition; the answer is its version, the existing one when nothing changed."""
        return _store(request)


class MetricDetail(APIView):
    @extend_schema(responses=MetricSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(MetricSerializer(queries.metric(key)).data)


class VersionList(generics.ListAPIView[MetricVersion]):
    """The versions of one metric, newest first."""

    serializer_class = MetricVersionSerializer
    pagination_class = ByNumber

    def get_queryset(self) -> QuerySet[MetricVersion]:
        if getattr(self, "swagger_fake_view", False):
            return MetricVersion.objects.none()
        return queries.versions(self.kwargs["key"]).select_related("metric")

    @extend_schema(request=TextSerializer, responses={201: MetricVersionSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Store a new version of this metric."""
        queries.metric(key)
        return _store(request, key)


class VersionDetail(APIView):
    @extend_schema(responses=MetricVersionSerializer)
    def get(self, request: Request, key: str, number: int) -> Response:
        return Response(MetricVersionSerializer(queries.version(key, number)).data)


def _store(request: Request, key: str = "") -> Response:
    fields = body_fields(request.data, ("text",))
    text = fields.text("text", fix="Send the TOML text of the definition.", limit=MAX_CHARACTERS)
    fields.findings.raise_if_any()
    version = services.load_text(text=text, actor=request.user.get_username(), now=timezone.now(), key=key)
    return Response(MetricVersionSerializer(version).data, status=201)
