"""Waived performance budgets over HTTP: recorded by builds, ended by people or builds."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import budgets, services
from governance.api.reading import by, day, number
from governance.models import BudgetWaiver
from ledger.bodies import read


class BudgetWaiverSerializer(serializers.ModelSerializer[BudgetWaiver]):
    """`state` is `waived`, `run out` or `ended`; `over_percent` is how far over the limit it is."""

    surface = serializers.CharField(source="surface_id", allow_null=True, read_only=True)
    experiment = serializers.CharField(source="experiment_id", allow_null=True, read_only=True)
    state = serializers.SerializerMethodField()
    over_percent = serializers.SerializerMethodField()

    class Meta:
        model = BudgetWaiver
        fields = [
            "id",
            "state",
            "surface",
            "experiment",
            "flag",
            "budget",
            "limit",
            "measured",
            "unit",
            "over_percent",
            "waived_by",
            "reason",
            "link",
            "run",
            "expires_on",
            "recorded_by",
            "recorded_at",
            "ended_by",
            "ended_at",
            "end_reason",
        ]

    def get_state(self, row: BudgetWaiver) -> str:
        return budgets.state_of(row, today=timezone.now().date())

    def get_over_percent(self, row: BudgetWaiver) -> float:
        return budgets.over_percent(row)


class BudgetWaiverRequest(serializers.Serializer[Any]):
    budget = serializers.CharField(help_text="Name the budget, for example: bundle size of checkout.")
    limit = serializers.FloatField(help_text="What is allowed.")
    measured = serializers.FloatField(help_text="What the build measured.")
    unit = serializers.CharField(help_text="kB, ms, queries.")
    waived_by = serializers.CharField(help_text="Who let it pass.")
    reason = serializers.CharField(help_text="Why it may pass.")
    expires_on = serializers.DateField(help_text="The last day, at most 90 days ahead.")
    surface = serializers.CharField(required=False)
    experiment = serializers.CharField(required=False)
    flag = serializers.CharField(required=False)
    link = serializers.CharField(required=False, help_text="The build, or the change.")
    run = serializers.CharField(required=False, help_text="The build's own id; again records nothing new.")


class EndRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="Why it is not needed any more.")


class NewestBudgets(CursorPagination):
    page_size = 100
    ordering = ("-recorded_at", "-id")


class BudgetWaivers(generics.ListAPIView[BudgetWaiver]):
    """Performance budgets that builds were let over, newest first."""

    serializer_class = BudgetWaiverSerializer
    pagination_class = NewestBudgets

    def get_queryset(self) -> QuerySet[BudgetWaiver]:
        return budgets.waivers(about=self.request.query_params.get("about", ""))

    @extend_schema(
        parameters=[OpenApiParameter("about", OpenApiTypes.STR, description="A surface, experiment or flag")]
    )
    def get(self, request: Request, *args: Any, **options: Any) -> Response:
        return super().get(request, *args, **options)

    @extend_schema(request=BudgetWaiverRequest, responses={201: BudgetWaiverSerializer})
    def post(self, request: Request) -> Response:
        """Record that a build over its budget passes until a day; the launch review shows it as a finding."""
        asked = read(request, BudgetWaiverRequest)
        read_again = {
            "limit": number(asked, "limit"),
            "measured": number(asked, "measured"),
            "expires_on": day(asked, "expires_on"),
        }
        made = services.waive_budget(**{**asked, **read_again}, **by(request))
        return Response(BudgetWaiverSerializer(made).data, status=201)


class OneBudgetWaiver(APIView):
    @extend_schema(responses=BudgetWaiverSerializer)
    def get(self, request: Request, id: int) -> Response:
        return Response(BudgetWaiverSerializer(budgets.waiver(id)).data)


class End(APIView):
    @extend_schema(request=EndRequest, responses=BudgetWaiverSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Say that it is under its budget again; reviews show it no more."""
        row = services.end_budget_waiver(id=id, **read(request, EndRequest), **by(request))
        return Response(BudgetWaiverSerializer(row).data)
