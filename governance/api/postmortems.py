"""Postmortems and action items over HTTP."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags.api.access import a_person
from governance import incident_queries as queries
from governance import services
from governance.api.reading import by, by_on, day
from governance.models import ActionItem, ActionState, Postmortem, PostmortemState
from governance.services.actions import today
from governance.services.postmortems import SECTIONS, remarks
from ledger.bodies import chosen, read


class RemarkSerializer(serializers.Serializer[Any]):
    section = serializers.CharField()
    line = serializers.IntegerField()
    words = serializers.CharField()
    why = serializers.CharField()
    fix = serializers.CharField()
    stops = serializers.BooleanField()


class PostmortemSerializer(serializers.ModelSerializer[Postmortem]):
    """`remarks` point at words that look for a culprit; those that stop keep it from being reviewed."""

    incident = serializers.IntegerField(source="incident_id", read_only=True)
    state = serializers.CharField(read_only=True)
    remarks = serializers.SerializerMethodField()

    class Meta:
        model = Postmortem
        fields = [
            "incident",
            "state",
            *SECTIONS,
            "author",
            "created_at",
            "edited_at",
            "reviewed_by",
            "reviewed_at",
            "published_by",
            "published_at",
            "remarks",
        ]

    @extend_schema_field(RemarkSerializer(many=True))
    def get_remarks(self, row: Postmortem) -> list[dict[str, object]]:
        return [each.to_dict() for each in remarks(row)]


class SectionsRequest(serializers.Serializer[Any]):
    summary = serializers.CharField(required=False)
    impact = serializers.CharField(required=False)
    causes = serializers.CharField(required=False)
    factors = serializers.CharField(required=False, help_text="Contributing factors, one a line.")
    detection = serializers.CharField(required=False)
    lessons = serializers.CharField(required=False)


class ActionItemSerializer(serializers.ModelSerializer[ActionItem]):
    incident = serializers.IntegerField(source="incident_id", read_only=True)
    state = serializers.CharField(read_only=True)
    is_overdue = serializers.SerializerMethodField()

    class Meta:
        model = ActionItem
        fields = [
            "id",
            "incident",
            "title",
            "owner",
            "due_on",
            "state",
            "is_overdue",
            "created_by",
            "created_at",
            "settled_by",
            "settled_at",
            "note",
        ]

    def get_is_overdue(self, row: ActionItem) -> bool:
        return row.state == "open" and row.due_on < today(timezone.now())


class NewActionRequest(serializers.Serializer[Any]):
    incident = serializers.IntegerField(help_text="Give the number of the incident.")
    title = serializers.CharField(help_text="Say what will be different.")
    owner = serializers.CharField(help_text="Name one person with an account.")
    due_on = serializers.CharField(help_text="Give a day, for example 2026-12-31.")


class HandOverRequest(serializers.Serializer[Any]):
    owner = serializers.CharField(help_text="Name somebody with an account.")
    reason = serializers.CharField(help_text="Say why, for example: changed teams.")


class ActionNoteRequest(serializers.Serializer[Any]):
    note = serializers.CharField(required=False)


class NewestPostmortems(CursorPagination):
    page_size = 100
    ordering = ("-created_at", "-id")


class NextDue(CursorPagination):
    page_size = 100
    ordering = ("due_on", "id")


def written(incident_id: int) -> Response:
    return Response(PostmortemSerializer(queries.postmortem(incident_id)).data)


class Postmortems(generics.ListAPIView[Postmortem]):
    """Postmortems, newest first; each belongs to one incident and has its number."""

    serializer_class = PostmortemSerializer
    pagination_class = NewestPostmortems

    def get_queryset(self) -> QuerySet[Postmortem]:
        return queries.postmortems(state=chosen(self.request, "state", PostmortemState.values))


class OnePostmortem(APIView):
    @extend_schema(responses=PostmortemSerializer)
    def get(self, request: Request, id: int) -> Response:
        return written(id)

    @extend_schema(request=SectionsRequest, responses=PostmortemSerializer)
    def patch(self, request: Request, id: int) -> Response:
        """Change sections; those left out stay."""
        row, sections = queries.incident(id), read(request, SectionsRequest)
        services.edit_postmortem(id=id, **sections, **by_on(request, row))
        return written(id)


class ReviewPostmortem(APIView):
    @extend_schema(request=None, responses=PostmortemSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Say that it is complete; somebody who did not write it. 409 with everything that is missing."""
        a_person(request, "reviewing a postmortem")
        services.review_postmortem(id=id, **by(request))
        return written(id)


class PublishPostmortem(APIView):
    @extend_schema(request=None, responses=PostmortemSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Let it stand; it does not change afterwards."""
        services.publish_postmortem(id=id, **by_on(request, queries.incident(id)))
        return written(id)


class Actions(generics.ListAPIView[ActionItem]):
    """Action items, the next due first; `?state=overdue`, `?owner=`."""

    serializer_class = ActionItemSerializer
    pagination_class = NextDue

    def get_queryset(self) -> QuerySet[ActionItem]:
        state = chosen(self.request, "state", [*ActionState.values, "overdue"])
        owner = self.request.query_params.get("owner", "")
        return queries.actions(state=state, owner=owner, today=today(timezone.now()))

    @extend_schema(
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, description="open, done, dropped or overdue"),
            OpenApiParameter("owner", OpenApiTypes.STR, description="The name of a person"),
        ]
    )
    def get(self, request: Request, *args: Any, **options: Any) -> Response:
        return super().get(request, *args, **options)

    @extend_schema(request=NewActionRequest, responses={201: ActionItemSerializer})
    def post(self, request: Request) -> Response:
        """Open an action item of an incident."""
        body = read(request, NewActionRequest)
        row = queries.incident(body.pop("incident"))
        body["due_on"] = day(body, "due_on")
        made = services.open_action(id=row.id, **body, **by_on(request, row))
        return Response(ActionItemSerializer(made).data, status=201)


class OneAction(APIView):
    @extend_schema(responses=ActionItemSerializer)
    def get(self, request: Request, id: int) -> Response:
        return Response(ActionItemSerializer(queries.action(id)).data)


class FinishAction(APIView):
    @extend_schema(request=ActionNoteRequest, responses=ActionItemSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Say that it is done."""
        row = queries.action(id)
        body = read(request, ActionNoteRequest)
        made = services.finish_action(id=id, **body, **by_on(request, row.incident))
        return Response(ActionItemSerializer(made).data)


class DropAction(APIView):
    @extend_schema(request=ActionNoteRequest, responses=ActionItemSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Say that it will not be done, and why."""
        row = queries.action(id)
        note = read(request, ActionNoteRequest).get("note", "")
        made = services.drop_action(id=id, note=note, **by_on(request, row.incident))
        return Response(ActionItemSerializer(made).data)


class HandOverAction(APIView):
    @extend_schema(request=HandOverRequest, responses=ActionItemSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Give it to somebody else, and say why."""
        row = queries.action(id)
        body = read(request, HandOverRequest)
        made = services.hand_over_action(id=id, **body, **by_on(request, row.incident))
        return Response(ActionItemSerializer(made).data)
