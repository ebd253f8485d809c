"""Deleting units and setting how long events stay, over HTTP."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import services
from events import upkeep_queries as queries
from events.api.upkeep_serializers import (
    EraseSerializer,
    ErasureSerializer,
    KeptSerializer,
    SetRetentionSerializer,
)
from events.api.views import check_environment
from events.models import Erasure
from flags import queries as flags
from ledger import bodies


class NewestId(CursorPagination):
    page_size = 100
    ordering = "-id"


class Erasures(generics.ListAPIView[Erasure]):
    """Deletions of units, newest first; `?environment=` narrows it. The ids themselves are not kept."""

    serializer_class = ErasureSerializer
    pagination_class = NewestId

    def get_queryset(self) -> QuerySet[Erasure]:
        return queries.erasures(environment=self.request.query_params.get("environment", ""))

    @extend_schema(request=EraseSerializer, responses={202: ErasureSerializer})
    def post(self, request: Request) -> Response:
        """Delete everything that is known of a unit. A job does it; this says which."""
        body = bodies.read(request, EraseSerializer)
        check_environment(request, body["environment"])
        made = services.erase_unit(**body, actor=request.user.get_username(), now=timezone.now())
        return Response(ErasureSerializer(made).data, status=202)


class ErasureDetail(APIView):
    @extend_schema(responses=ErasureSerializer)
    def get(self, request: Request, erasure_id: int) -> Response:
        """How far it is; `finished_at` says that nothing is left."""
        return Response(ErasureSerializer(queries.erasure(erasure_id)).data)


class RetentionList(APIView):
    @extend_schema(responses=KeptSerializer(many=True))
    def get(self, request: Request) -> Response:
        """How long each environment keeps what it was sent."""
        keys = flags.environments().values_list("key", flat=True)
        return Response(KeptSerializer(queries.kept_in(keys), many=True).data)


class Retention(APIView):
    @extend_schema(responses=KeptSerializer)
    def get(self, request: Request, environment: str) -> Response:
        return Response(KeptSerializer(queries.kept(flags.environment(environment).key)).data)

    @extend_schema(request=SetRetentionSerializer, responses=KeptSerializer)
    def put(self, request: Request, environment: str) -> Response:
        """Set both; null keeps for ever."""
        body = bodies.read(request, SetRetentionSerializer)
        check_environment(request, environment)
        by: dict[str, Any] = {"actor": request.user.get_username(), "now": timezone.now()}
        services.set_retention(environment=environment, **body, **by)
        return Response(KeptSerializer(queries.kept(environment)).data)
