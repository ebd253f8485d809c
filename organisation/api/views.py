"""Teams, surfaces and roles over HTTP. Only people change them; keys may read."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger.bodies import read
from organisation import queries, services
from organisation.models import RoleGrant, Surface, Team


class TeamSerializer(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ["key", "name", "owner", "backup", "channel", "created_at", "archived_at"]


class SurfaceSerializer(serializers.ModelSerializer[Surface]):
    team = serializers.CharField(source="team.key", read_only=True)

    class Meta:
        model = Surface
        fields = ["key", "name", "team", "owner", "backup", "description", "created_at", "archived_at"]


class RoleSerializer(serializers.ModelSerializer[RoleGrant]):
    class Meta:
        model = RoleGrant
        fields = ["id", "user", "role", "discipline", "environment", "granted_by", "granted_at"]


class TeamRequest(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Give the name people use.")
    owner = serializers.CharField(help_text="Give the user name of who answers for it.")
    backup = serializers.CharField(required=False)
    channel = serializers.CharField(required=False)


class NewTeamRequest(TeamRequest):
    key = serializers.CharField(help_text="Give small letters, digits and hyphens.")


class SurfaceRequest(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Give the name people use.")
    team = serializers.CharField(help_text="Give the key of the team that builds it.")
    owner = serializers.CharField(help_text="Give the user name of who answers for it.")
    backup = serializers.CharField(required=False)
    description = serializers.CharField(required=False)


class NewSurfaceRequest(SurfaceRequest):
    key = serializers.CharField(help_text="Give small letters, digits and hyphens.")


class RoleRequest(serializers.Serializer[Any]):
    user = serializers.CharField(help_text="Give a user name.")
    role = serializers.CharField(help_text="Give viewer, experimenter, reviewer, metric_owner or admin.")
    discipline = serializers.CharField(required=False)
    environment = serializers.CharField(required=False)


class ByKey(CursorPagination):
    page_size = 100
    ordering = "key"


def by(request: Request) -> dict[str, Any]:
    """Who acts and when. Raises PermissionDenied for keys."""
    if not isinstance(request.user, AbstractBaseUser):
        raise PermissionDenied("teams, surfaces and roles concern everybody, so a person has to change them")
    return {"actor": request.user.get_username(), "now": timezone.now()}


class Teams(generics.ListAPIView[Team]):
    """All teams."""

    serializer_class = TeamSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Team]:
        return queries.teams()

    @extend_schema(request=NewTeamRequest, responses={201: TeamSerializer})
    def post(self, request: Request) -> Response:
        """Make a team."""
        made = services.create_team(**read(request, NewTeamRequest), **by(request))
        return Response(TeamSerializer(made).data, status=201)


class OneTeam(APIView):
    @extend_schema(responses=TeamSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(TeamSerializer(queries.team(key)).data)

    @extend_schema(request=TeamRequest, responses=TeamSerializer)
    def put(self, request: Request, key: str) -> Response:
        """Give the team other facts; what is left out is emptied."""
        changed = services.change_team(key=key, **read(request, TeamRequest), **by(request))
        return Response(TeamSerializer(changed).data)


class Surfaces(generics.ListAPIView[Surface]):
    """All surfaces."""

    serializer_class = SurfaceSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Surface]:
        return queries.surfaces()

    @extend_schema(request=NewSurfaceRequest, responses={201: SurfaceSerializer})
    def post(self, request: Request) -> Response:
        """Make a surface of a team."""
        made = services.create_surface(**read(request, NewSurfaceRequest), **by(request))
        return Response(SurfaceSerializer(made).data, status=201)


class OneSurface(APIView):
    @extend_schema(responses=SurfaceSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(SurfaceSerializer(queries.surface(key)).data)

    @extend_schema(request=SurfaceRequest, responses=SurfaceSerializer)
    def put(self, request: Request, key: str) -> Response:
        """Give the surface other facts; what is left out is emptied."""
        changed = services.change_surface(key=key, **read(request, SurfaceRequest), **by(request))
        return Response(SurfaceSerializer(changed).data)


class Roles(generics.ListAPIView[RoleGrant]):
    """The roles people hold now."""

    serializer_class = RoleSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[RoleGrant]:
        return queries.grants()

    @extend_schema(request=RoleRequest, responses={201: RoleSerializer})
    def post(self, request: Request) -> Response:
        """Give somebody a role."""
        made = services.grant(**read(request, RoleRequest), **by(request))
        return Response(RoleSerializer(made).data, status=201)


class OneRole(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: int) -> Response:
        """Take a role back."""
        services.revoke(id=id, **by(request))
        return Response(status=204)
