"""Flags themselves over HTTP."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import queries, services
from flags.api import requests
from flags.api.access import by, own_environment, people_only, places_to_start_in
from flags.api.serializers import FlagSerializer, PlaceSerializer, place
from flags.models import Flag
from ledger.bodies import read


class ByKey(CursorPagination):
    page_size = 100
    ordering = "key"


class FlagList(generics.ListAPIView[Flag]):
    """All flags; `?search=` looks into key, title and owner, `?archived=true` lists the archive."""

    serializer_class = FlagSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Flag]:
        asked = self.request.query_params
        search = asked.get("search", "").replace("\0", "")
        return queries.flags(search=search, archived=asked.get("archived") == "true")

    @extend_schema(
        parameters=[OpenApiParameter("search", str), OpenApiParameter("archived", bool)],
        responses=FlagSerializer(many=True),
    )
    def get(self, request: Request, *args: object, **kwargs: object) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(request=requests.NewFlagRequest, responses={201: FlagSerializer})
    def post(self, request: Request) -> Response:
        """Make a flag that serves its default to everybody: everywhere, or in the key's environment."""
        content = read(request, requests.NewFlagRequest)
        made = services.create_flag(**content, in_environments=places_to_start_in(request), **by(request))
        return Response(FlagSerializer(made).data, status=201)


class FlagDetail(APIView):
    @extend_schema(responses=FlagSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(FlagSerializer(queries.flag(key)).data)

    @extend_schema(request=requests.FlagSettingsRequest, responses=FlagSerializer)
    def patch(self, request: Request, key: str) -> Response:
        """Change title, owner, kind or day of expiry; what is served stays."""
        people_only(request, "a flag's owner")
        content = read(request, requests.FlagSettingsRequest)
        return Response(FlagSerializer(services.edit_flag(flag=key, content=content, **by(request))).data)


class Archive(APIView):
    @extend_schema(request=requests.NeededReasonRequest, responses=FlagSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Take the flag out of every environment's document."""
        people_only(request, "the archive")
        content = read(request, requests.NeededReasonRequest)
        return Response(FlagSerializer(services.archive(flag=key, **content, **by(request))).data)


class Unarchive(APIView):
    @extend_schema(request=requests.ReasonRequest, responses=FlagSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Serve again what was served when the flag was archived."""
        people_only(request, "the archive")
        content = read(request, requests.ReasonRequest)
        return Response(FlagSerializer(services.unarchive(flag=key, **content, **by(request))).data)


class FlagPlace(APIView):
    @extend_schema(responses=PlaceSerializer)
    def get(self, request: Request, key: str, environment: str) -> Response:
        """What the flag does in one environment: live version, draft, open holds."""
        return Response(place(queries.flag(key), queries.environment(environment)))

    @extend_schema(request=None, responses={201: PlaceSerializer})
    def post(self, request: Request, key: str, environment: str) -> Response:
        """Serve the flag's default in an environment that was made later."""
        own_environment(request, environment)
        services.serve_default(flag=key, environment=environment, **by(request))
        return Response(place(queries.flag(key), queries.environment(environment)), status=201)
