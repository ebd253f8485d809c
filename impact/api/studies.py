"""Ablation studies over HTTP: plan, propose, consent, start, end, estimate."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from impact import caps, queries, services
from impact.api.views import EvidenceReasonRequest, EvidenceSerializer
from impact.models import AblationStudy
from impact.services.studies import as_proposal
from ledger.bodies import read
from ledger.refusals import refuse


class AblationStudySerializer(serializers.ModelSerializer[AblationStudy]):
    """`spent` of `budget` requests were granted a delay; amounts in minor units."""

    surface = serializers.CharField(source="surface.key", read_only=True)
    finding = serializers.IntegerField(source="finding_id", read_only=True, allow_null=True)
    approvals = serializers.SerializerMethodField()
    needed_approvals = serializers.SerializerMethodField()

    class Meta:
        model = AblationStudy
        fields = [
            "key",
            "title",
            "surface",
            "environment",
            "state",
            "outcome",
            "guardrails",
            "dimensions",
            "doses_ms",
            "share_ppm",
            "days",
            "budget",
            "spent",
            "concurrent",
            "exclusions",
            "ethics",
            "predicted_cost_minor",
            "currency",
            "approvals",
            "needed_approvals",
            "created_by",
            "created_at",
            "began_at",
            "ends_at",
            "ended_at",
            "end_reason",
            "follow_until",
            "follow",
            "finding",
        ]

    def get_approvals(self, row: AblationStudy) -> dict[str, str]:
        return {each.capacity: each.by for each in row.approvals.all()}

    def get_needed_approvals(self, row: AblationStudy) -> list[str]:
        return [each.value for each in caps.needed_approvals(as_proposal(row))]


class AblationRequest(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="Give the key of its flag and experiment.")
    title = serializers.CharField(help_text="Name the study.")
    surface = serializers.CharField(help_text="Give the key of a surface.")
    doses_ms = serializers.ListField(help_text="Give delays in ms, for example [50, 100, 200, 400].")
    share_ppm = serializers.IntegerField(help_text="Give the share of each arm in millionths, up to 20000.")
    days = serializers.IntegerField(help_text="Give 7 to 28.")
    exposures = serializers.IntegerField(help_text="Give how many requests may be slowed down in all.")
    ethics = serializers.CharField(help_text="Say why it is right to do this.")
    environment = serializers.CharField(required=False)
    concurrent = serializers.IntegerField(required=False)
    guardrails = serializers.ListField(required=False)
    dimensions = serializers.ListField(required=False)
    exclusions = serializers.ListField(required=False)


class AblationPlanRequest(serializers.Serializer[Any]):
    surface = serializers.CharField(help_text="Give the key of a surface.")
    doses_ms = serializers.ListField(help_text="Give delays in ms, for example [50, 100, 200, 400].")
    share_ppm = serializers.IntegerField(help_text="Give the share of each arm in millionths, up to 20000.")
    days = serializers.IntegerField(help_text="Give 7 to 28.")
    units_a_day = serializers.IntegerField(help_text="Give how many users the surface has in a day.")
    slope = serializers.FloatField(required=False, help_text="Give a share: 0.005 for 0.5 % per 100 ms.")


class AblationConsentRequest(serializers.Serializer[Any]):
    capacity = serializers.CharField(help_text="Give surface_owner, metric_owner, sponsor or second.")


class Newest(CursorPagination):
    page_size = 100
    ordering = ("-created_at", "-id")


class Studies(generics.ListAPIView[AblationStudy]):
    """Ablation studies, newest first; `?surface=` those of one."""

    serializer_class = AblationStudySerializer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[AblationStudy]:
        return queries.studies(surface=self.request.query_params.get("surface", ""))

    @extend_schema(request=AblationRequest, responses={201: AblationStudySerializer})
    def post(self, request: Request) -> Response:
        """Propose a study within the caps; nobody is slowed down yet."""
        given = read(request, AblationRequest)
        _check_lists(given)
        made = services.propose_study(**given, **_by(request))
        return Response(AblationStudySerializer(made).data, status=201)


class Plan(APIView):
    @extend_schema(request=AblationPlanRequest, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Users per arm, days, predicted cost and the chance of a knee; nothing is saved."""
        given = read(request, AblationPlanRequest)
        _check_lists(given)
        slope = given.pop("slope", 0.005)
        if not isinstance(slope, (int, float)) or isinstance(slope, bool):
            raise refuse("slope", slope, "this is no number", "0.005 is half a per cent per 100 ms.")
        return Response(services.plan_study(slope=slope, **given).to_dict())


class Study(APIView):
    @extend_schema(responses=AblationStudySerializer)
    def get(self, request: Request, key: str) -> Response:
        """One study with its consents, its budget and its weeks."""
        return Response(AblationStudySerializer(queries.study(key)).data)


class Approve(APIView):
    @extend_schema(request=AblationConsentRequest, responses=AblationStudySerializer)
    def post(self, request: Request, key: str) -> Response:
        """Consent in one capacity; with the last one the study may start."""
        capacity = read(request, AblationConsentRequest)["capacity"]
        services.approve_study(key=key, capacity=capacity, **_by(request))
        return Response(AblationStudySerializer(queries.study(key)).data)


class Start(APIView):
    @extend_schema(request=None, responses=AblationStudySerializer)
    def post(self, request: Request, key: str) -> Response:
        """Begin to slow users down."""
        return Response(AblationStudySerializer(services.start_study(key=key, **_by(request))).data)


class End(APIView):
    @extend_schema(request=EvidenceReasonRequest, responses=AblationStudySerializer)
    def post(self, request: Request, key: str) -> Response:
        """The kill switch."""
        reason = read(request, EvidenceReasonRequest).get("reason", "")
        return Response(
            AblationStudySerializer(services.end_study(key=key, reason=reason, **_by(request))).data
        )


class Withdraw(APIView):
    @extend_schema(request=EvidenceReasonRequest, responses=AblationStudySerializer)
    def post(self, request: Request, key: str) -> Response:
        """Give up a study that has not begun."""
        reason = read(request, EvidenceReasonRequest).get("reason", "")
        return Response(
            AblationStudySerializer(services.withdraw_study(key=key, reason=reason, **_by(request))).data
        )


class Estimate(APIView):
    @extend_schema(request=None, responses=EvidenceSerializer)
    def post(self, request: Request, key: str) -> Response:
        """The finding of a study that has ended, from its last look."""
        return Response(EvidenceSerializer(services.estimate_study(key=key, now=timezone.now())).data)


def _check_lists(given: dict[str, Any]) -> None:
    """Raises Refused where a list holds anything but what it is for."""
    for name, kind, words in (
        ("doses_ms", int, "whole numbers"),
        ("guardrails", str, "keys of metrics"),
        ("dimensions", str, "names"),
        ("exclusions", dict, "conditions"),
    ):
        items = given.get(name, [])
        if len(items) > 50 or not all(
            isinstance(each, kind) and not isinstance(each, bool) for each in items
        ):
            raise refuse(name, items, f"this is no list of {words}", f"Give {words}.")


def _by(request: Request) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "now": timezone.now()}
