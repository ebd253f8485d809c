"""Links to reports for people without an account, over HTTP."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis import queries, services
from analysis.models import ShareLink
from analysis.services.sharing import USUAL_SHARE_DAYS
from experiments import queries as experiments
from ledger import bodies


class ShareSerializer(serializers.ModelSerializer[ShareLink]):
    """A link. `snapshot` is the hash of the report it shows, null for a live link: that shows the newest."""

    snapshot = serializers.CharField(source="snapshot.sha256", default=None, read_only=True)

    class Meta:
        model = ShareLink
        fields = [
            "id",
            "snapshot",
            "note",
            "created_by",
            "created_at",
            "expires_at",
            "revoked_at",
            "revoked_by",
            "opened",
            "last_opened_at",
        ]


class MadeShareSerializer(ShareSerializer):
    """With the address, which is a key: whoever has it reads the report."""

    url = serializers.SerializerMethodField()

    class Meta(ShareSerializer.Meta):
        fields = [*ShareSerializer.Meta.fields, "url"]

    def get_url(self, link: ShareLink) -> str:
        address = reverse("shared-report", args=[services.share_token(link)])
        found: str = self.context["request"].build_absolute_uri(address)
        return found


class NewShareSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(help_text="For whom it is; the list shows it.")
    days = serializers.IntegerField(required=False, help_text="How long it lasts, 14 when it is left out.")
    sha256 = serializers.CharField(
        required=False, help_text="The hash of one report; left out, the link shows the newest."
    )


class NewestId(CursorPagination):
    page_size = 100
    ordering = "-id"


class Shares(generics.ListAPIView[ShareLink]):
    """All links to the reports of an experiment, closed ones too, without their addresses."""

    serializer_class = ShareSerializer
    pagination_class = NewestId

    def get_queryset(self) -> QuerySet[ShareLink]:
        return queries.shares(experiments.experiment(self.kwargs["key"]).key)

    @extend_schema(request=NewShareSerializer, responses={201: MadeShareSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Make one; its address stands in this answer only."""
        body = {"days": USUAL_SHARE_DAYS, "sha256": "", **bodies.read(request, NewShareSerializer)}
        by: dict[str, Any] = {"actor": request.user.get_username(), "now": timezone.now()}
        link = services.share_report(experiment=key, **body, **by)
        return Response(MadeShareSerializer(link, context={"request": request}).data, status=201)


class Share(APIView):
    """One link."""

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, key: str, link_id: int) -> Response:
        """Revoke it: it shows nothing any more, and stays in the list."""
        by: dict[str, Any] = {"actor": request.user.get_username(), "now": timezone.now()}
        services.revoke_share(experiment=key, link_id=link_id, **by)
        return Response(status=204)
