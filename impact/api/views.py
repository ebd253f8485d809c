"""What latency is worth over HTTP: the question, ratios, findings."""

import math
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from impact import queries, services
from impact.grades import Design, Kind
from impact.models import Evidence, Ratio
from ledger.bodies import read
from ledger.refusals import refuse


class EvidenceSerializer(serializers.ModelSerializer[Evidence]):
    surface = serializers.CharField(source="surface.key", read_only=True)

    class Meta:
        model = Evidence
        fields = [
            "id",
            "surface",
            "kind",
            "grade",
            "title",
            "outcome",
            "per_100_ms",
            "standard_error",
            "began_on",
            "ended_on",
            "units",
            "method",
            "details",
            "link",
            "origin",
            "state",
            "reason",
            "created_by",
            "judged_by",
        ]


class RatioSerializer(serializers.ModelSerializer[Ratio]):
    """Grades A and B only: nothing else has an amount."""

    surface = serializers.CharField(source="surface.key", read_only=True)
    value_model = serializers.IntegerField(source="value_model.number", read_only=True)

    class Meta:
        model = Ratio
        fields = [
            "surface",
            "number",
            "state",
            "per_100_ms",
            "standard_error",
            "low",
            "high",
            "grade",
            "findings",
            "heterogeneity",
            "method",
            "price_minor",
            "price_low_minor",
            "price_high_minor",
            "currency",
            "value_model",
            "baseline_ms",
            "valid_until",
            "reason",
            "created_by",
            "reviewed_by",
        ]


class FindingRequest(serializers.Serializer[Any]):
    surface = serializers.CharField(help_text="Give the key of a surface.")
    title = serializers.CharField(help_text="Say what was seen.")
    kind = serializers.CharField(
        help_text="Give borrowed or observation; studies and miners write the others."
    )
    outcome = serializers.CharField(help_text="Name the metric that moved.")
    per_100_ms = serializers.FloatField(help_text="Give a share: -0.003 for a loss of 0.3 %.")
    standard_error = serializers.FloatField(help_text="Give a share.")
    began_on = serializers.DateField(help_text="Give a day.")
    ended_on = serializers.DateField(help_text="Give a day.")
    units = serializers.IntegerField(required=False)
    link = serializers.CharField(required=False)


class EvidenceReasonRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False)


class Newest(CursorPagination):
    page_size = 100
    ordering = ("-ended_on", "-id")


class Ask(APIView):
    """An amount with interval, grade and date, or an honest refusal that names the smallest study.

    `markdown` is the same as a comment on a pull request.
    """

    @extend_schema(
        parameters=[
            OpenApiParameter("surface", str, required=True),
            OpenApiParameter("ms", float, description="milliseconds of delay, 100 when left out"),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        asked = request.query_params
        found = services.ask(
            surface=asked.get("surface", ""), ms=_number(asked.get("ms", "100")), today=timezone.now().date()
        )
        link = request.build_absolute_uri(reverse("impact-surface", kwargs={"key": found.surface}))
        return Response({**found.to_dict(), "link": link, "markdown": found.comment(link)})


class Ratios(generics.ListAPIView[Ratio]):
    """The ratios that hold today; `?surface=` gives all versions of one."""

    serializer_class = RatioSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Ratio]:
        surface = self.request.query_params.get("surface", "")
        return queries.ratios(surface) if surface else queries.current_ratios(today=timezone.now().date())


class Curve(APIView):
    """The newest elasticity curve of a surface that is not rejected."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, surface: str) -> Response:
        queries.surface_name(surface)
        for row in queries.findings(surface=surface).exclude(state="rejected"):
            if row.details.get("curve"):
                return Response({"finding": row.id, "title": row.title, **row.details})
        return Response({"finding": None})


class Findings(generics.ListAPIView[Evidence]):
    """All findings; `?surface=`, `?state=candidate`."""

    serializer_class = EvidenceSerializer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Evidence]:
        asked = self.request.query_params
        return queries.findings(surface=asked.get("surface", ""), state=asked.get("state", ""))

    @extend_schema(request=FindingRequest, responses={201: EvidenceSerializer})
    def post(self, request: Request) -> Response:
        """Record a figure; grade C when observed here, D when borrowed."""
        given = read(request, FindingRequest)
        kind = given.pop("kind")
        if kind not in (Kind.BORROWED, Kind.OBSERVATION):
            raise refuse("kind", kind, "this kind is not entered by hand", "Give borrowed or observation.")
        days = serializers.DateField()
        for name in ("began_on", "ended_on"):
            given[name] = days.to_internal_value(given[name])
        made = services.record(design=Design(Kind(kind)), method="entered by hand", **given, **_by(request))
        return Response(EvidenceSerializer(made).data, status=201)


class Judge(APIView):
    """Accept or reject a finding."""

    step = "accept"

    @extend_schema(request=EvidenceReasonRequest, responses=EvidenceSerializer)
    def post(self, request: Request, id: int) -> Response:
        reason = read(request, EvidenceReasonRequest).get("reason", "")
        service = services.accept if self.step == "accept" else services.reject
        return Response(EvidenceSerializer(service(id=id, reason=reason, **_by(request))).data)


class Draft(APIView):
    @extend_schema(request=None, responses={201: RatioSerializer})
    def post(self, request: Request, surface: str) -> Response:
        """Draft a ratio from the accepted findings of grade A and B."""
        made = services.draft_ratio(surface=surface, **_by(request))
        return Response(RatioSerializer(made).data, status=201)


class Publish(APIView):
    @extend_schema(request=EvidenceReasonRequest, responses=RatioSerializer)
    def post(self, request: Request, surface: str, number: int) -> Response:
        """Publish a draft that somebody else made."""
        reason = read(request, EvidenceReasonRequest).get("reason", "")
        made = services.publish_ratio(surface=surface, number=number, reason=reason, **_by(request))
        return Response(RatioSerializer(made).data)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _by(request: Request) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}
