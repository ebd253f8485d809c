"""Scheduled changes over HTTP."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import queries, services
from flags.api import requests
from flags.api.access import a_person, by, own_environment
from flags.api.serializers import ScheduledChangeSerializer
from flags.models import ScheduledChange
from ledger.bodies import read
from ledger.refusals import refuse


class Changes(generics.ListAPIView[ScheduledChange]):
    """Scheduled changes of a flag in one environment, by their time."""

    serializer_class = ScheduledChangeSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[ScheduledChange]:
        if getattr(self, "swagger_fake_view", False):
            return ScheduledChange.objects.none()
        place = queries.environment(self.kwargs["environment"])
        return queries.scheduled_changes(queries.flag(self.kwargs["key"]), place)

    @extend_schema(request=requests.NewChangeRequest, responses={201: ScheduledChangeSerializer})
    def post(self, request: Request, key: str, environment: str) -> Response:
        """Plan a change; what objects is asked when its time has come."""
        own_environment(request, environment)
        content: dict[str, Any] = read(request, requests.NewChangeRequest)
        content["run_at"] = _time(content["run_at"])
        made = services.schedule_change(flag=key, environment=environment, **content, **by(request))
        return Response(ScheduledChangeSerializer(made).data, status=201)


class ChangeApproval(APIView):
    @extend_schema(request=requests.ReasonRequest, responses=ScheduledChangeSerializer)
    def post(self, request: Request, change_id: int) -> Response:
        """Agree to it; who scheduled it cannot."""
        a_person(request, "an approval")
        content = read(request, requests.ReasonRequest)
        made = services.approve_change(change_id=change_id, **content, **by(request))
        return Response(ScheduledChangeSerializer(made).data)


class ChangeCancellation(APIView):
    @extend_schema(request=requests.ReasonRequest, responses=ScheduledChangeSerializer)
    def post(self, request: Request, change_id: int) -> Response:
        """It will not happen."""
        own_environment(request, queries.scheduled_change(change_id).environment.key)
        content = read(request, requests.ReasonRequest)
        made = services.cancel_change(change_id=change_id, **content, **by(request))
        return Response(ScheduledChangeSerializer(made).data)


def _time(text: str) -> datetime:
    """The stated time, with whatever zone it has. Raises Refused."""
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise refuse("run_at", text, "this is no time", "For example 2026-11-23T10:00:00Z.")
    return found
