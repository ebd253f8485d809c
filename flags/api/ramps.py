"""Ramps over HTTP."""

from collections.abc import Callable

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import queries, services
from flags.api import requests
from flags.api.access import a_person, by, own_environment, people_only
from flags.api.flags import ByKey
from flags.api.serializers import RampPlanSerializer, RampSerializer
from flags.models import RampPlan, RampRun
from ledger.bodies import read


class RampPlans(generics.ListAPIView[RampPlan]):
    """Templates that ramps are started from."""

    serializer_class = RampPlanSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[RampPlan]:
        return queries.ramp_plans()

    @extend_schema(request=requests.NewRampPlanRequest, responses={201: RampPlanSerializer})
    def post(self, request: Request) -> Response:
        """Make a template; it never changes."""
        people_only(request, "a ramp plan")
        made = services.create_ramp_plan(**read(request, requests.NewRampPlanRequest), **by(request))
        return Response(RampPlanSerializer(made).data, status=201)


class Ramps(generics.ListAPIView[RampRun]):
    """Ramps of a flag in one environment, newest first."""

    serializer_class = RampSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[RampRun]:
        if getattr(self, "swagger_fake_view", False):
            return RampRun.objects.none()
        place = queries.environment(self.kwargs["environment"])
        return queries.ramps(queries.flag(self.kwargs["key"]), place)

    @extend_schema(request=requests.RampRequest, responses={201: RampSerializer})
    def post(self, request: Request, key: str, environment: str) -> Response:
        """Start a ramp and take its first step, unless something objects."""
        own_environment(request, environment)
        content = read(request, requests.RampRequest)
        made = services.start_ramp(flag=key, environment=environment, **content, **by(request))
        return Response(RampSerializer(made).data, status=201)


class RampDetail(APIView):
    @extend_schema(responses=RampSerializer)
    def get(self, request: Request, ramp_id: int) -> Response:
        return Response(RampSerializer(queries.ramp(ramp_id)).data)


class RampAct(APIView):
    """Pause, resume, end or roll back. The body may carry a `reason`; some acts need one."""

    service: Callable[..., RampRun] = services.pause_ramp

    @extend_schema(request=requests.ReasonRequest, responses=RampSerializer)
    def post(self, request: Request, ramp_id: int) -> Response:
        own_environment(request, queries.ramp(ramp_id).environment.key)
        content = read(request, requests.ReasonRequest)
        content.setdefault("reason", "")
        return Response(RampSerializer(self.service(ramp_id=ramp_id, **content, **by(request))).data)


class RampStep(APIView):
    """Approve a coming step, which takes a person, or jump to one."""

    needs_person = False
    service: Callable[..., RampRun] = services.jump_ramp

    @extend_schema(request=requests.RampStepRequest, responses=RampSerializer)
    def post(self, request: Request, ramp_id: int) -> Response:
        own_environment(request, queries.ramp(ramp_id).environment.key)
        if self.needs_person:
            a_person(request, "an approval")
        content = read(request, requests.RampStepRequest)
        content.setdefault("reason", "")
        return Response(RampSerializer(self.service(ramp_id=ramp_id, **content, **by(request))).data)
