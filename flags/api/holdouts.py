"""Holdouts over HTTP."""

from collections.abc import Callable

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import queries, services
from flags.api import requests
from flags.api.access import by, own_environment
from flags.api.flags import ByKey
from flags.api.serializers import HoldoutSerializer
from flags.models import Holdout
from ledger.bodies import Body, read


class HoldoutList(generics.ListAPIView[Holdout]):
    """All holdouts with the flags that name them."""

    serializer_class = HoldoutSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Holdout]:
        return queries.holdouts()

    @extend_schema(request=requests.NewHoldoutRequest, responses={201: HoldoutSerializer})
    def post(self, request: Request) -> Response:
        """Plan a holdout; it holds nothing until it is started."""
        content = read(request, requests.NewHoldoutRequest)
        own_environment(request, content["environment"])
        made = services.create_holdout(**content, **by(request))
        return Response(HoldoutSerializer(made).data, status=201)


class HoldoutDetail(APIView):
    @extend_schema(responses=HoldoutSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(HoldoutSerializer(queries.holdout(key)).data)


class HoldoutStart(APIView):
    @extend_schema(request=requests.ReasonRequest, responses=HoldoutSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Hold for experiments that begin from now on; what is served now stays."""
        return _moved(request, key, services.start_holdout, requests.ReasonRequest)


class HoldoutEnd(APIView):
    @extend_schema(request=requests.NeededReasonRequest, responses=HoldoutSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Let its units in, unless a gate of one of the flags objects."""
        return _moved(request, key, services.end_holdout, requests.NeededReasonRequest)


def _moved(request: Request, key: str, service: Callable[..., Holdout], body: Body) -> Response:
    own_environment(request, queries.holdout(key).environment.key)
    return Response(HoldoutSerializer(service(key=key, **read(request, body), **by(request))).data)
