"""Drafts and versions of a flag in one environment over HTTP, and the steps that change what is live."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import changes, preview, queries, services, words
from flags.api import requests
from flags.api.access import by, own_environment
from flags.api.serializers import (
    CheckedSerializer,
    DiffSerializer,
    FlagVersionSerializer,
    HoldSerializer,
    PreviewSerializer,
)
from flags.models import Environment, Flag, FlagVersion, Hold
from ledger.bodies import Body, read
from ledger.refusals import Conflict, problem, refuse

NUMBER = "Give the number of a version."


class ByNumber(CursorPagination):
    page_size = 100
    ordering = "-number"


class Draft(APIView):
    @extend_schema(responses=FlagVersionSerializer)
    def get(self, request: Request, key: str, environment: str) -> Response:
        flag, place = _of(key, environment)
        found = queries.draft(flag, place)
        if found is None:
            raise Conflict(problem("draft", key, f"there is no draft in {environment}", "PUT one."))
        return Response(FlagVersionSerializer(found).data)

    @extend_schema(request=requests.DraftRequest, responses=FlagVersionSerializer)
    def put(self, request: Request, key: str, environment: str) -> Response:
        """Keep a definition as the draft; nothing is served differently until it is published."""
        own_environment(request, environment)
        content = read(request, requests.DraftRequest)
        saved = services.save_draft(flag=key, environment=environment, **content, **by(request))
        return Response(FlagVersionSerializer(saved).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, environment: str) -> Response:
        own_environment(request, environment)
        services.discard_draft(flag=key, environment=environment, **by(request))
        return Response(status=204)


class Check(APIView):
    @extend_schema(request=requests.DraftRequest, responses=CheckedSerializer)
    def post(self, request: Request, key: str, environment: str) -> Response:
        """Say what would be refused and what would change; nothing is kept."""
        own_environment(request, environment)
        content = read(request, requests.DraftRequest)
        definition = content["definition"]
        checked = services.checked_definition(
            flag=key, environment=environment, definition=definition, **by(request)
        )
        live = queries.live_version(*_of(key, environment))
        found = changes.between(live.definition if live else None, checked)
        lines = [words.rule(rule) for rule in checked["rules"]]
        return Response(CheckedSerializer({"definition": checked, "words": lines, "changes": found}).data)


class VersionList(generics.ListAPIView[FlagVersion]):
    """The versions of a flag in one environment, newest first."""

    serializer_class = FlagVersionSerializer
    pagination_class = ByNumber

    def get_queryset(self) -> QuerySet[FlagVersion]:
        if getattr(self, "swagger_fake_view", False):
            return FlagVersion.objects.none()
        flag, environment = _of(self.kwargs["key"], self.kwargs["environment"])
        return queries.versions(flag, environment).select_related("flag", "environment", "parent")


class VersionDetail(APIView):
    @extend_schema(responses=FlagVersionSerializer)
    def get(self, request: Request, key: str, environment: str, number: int) -> Response:
        return Response(FlagVersionSerializer(queries.version(*_of(key, environment), number)).data)


class Diff(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("from", int), OpenApiParameter("to", int)], responses=DiffSerializer
    )
    def get(self, request: Request, key: str, environment: str) -> Response:
        """The difference between two versions: by default between the live one and its parent."""
        flag, place = _of(key, environment)
        after = _named(request, "to", flag, place) or queries.live_version(flag, place)
        if after is None:
            raise Conflict(problem("to", None, f"{key} has no live version in {environment}", NUMBER))
        before = _named(request, "from", flag, place) or after.parent
        found = {
            "before": before.number if before else None,
            "after": after.number,
            "changes": changes.between(before.definition if before else None, after.definition),
        }
        return Response(DiffSerializer(found).data)


class VersionStep(APIView):
    """Publish a draft, or revert to an earlier version. `service` and `body` are set by the address."""

    service: Callable[..., FlagVersion] = services.publish
    body: Body = requests.PublishRequest

    def post(self, request: Request, key: str, environment: str, number: int) -> Response:
        own_environment(request, environment)
        content = read(request, self.body)
        made = self.service(flag=key, environment=environment, version=number, **content, **by(request))
        return Response(FlagVersionSerializer(made).data)


class Publish(VersionStep):
    """Put a draft in force, unless a gate objects or something else went live since."""

    service = staticmethod(services.publish)
    body = requests.PublishRequest

    @extend_schema(request=requests.PublishRequest, responses=FlagVersionSerializer)
    def post(self, request: Request, key: str, environment: str, number: int) -> Response:
        return super().post(request, key, environment, number)


class Revert(VersionStep):
    """Put an earlier version's definition in force again, as a new version."""

    service = staticmethod(services.revert)
    body = requests.RevertRequest

    @extend_schema(request=requests.RevertRequest, responses=FlagVersionSerializer)
    def post(self, request: Request, key: str, environment: str, number: int) -> Response:
        return super().post(request, key, environment, number)


class Coverage(APIView):
    @extend_schema(request=requests.CoverageRequest, responses=FlagVersionSerializer)
    def post(self, request: Request, key: str, environment: str) -> Response:
        """Another coverage of the flag's split; nobody changes arm."""
        return _changed(request, key, environment, services.set_coverage, requests.CoverageRequest)


class SwitchOff(APIView):
    @extend_schema(request=requests.SwitchRequest, responses=FlagVersionSerializer)
    def post(self, request: Request, key: str, environment: str) -> Response:
        """The kill switch: everybody gets the variant that `off` names. Never held up."""
        return _changed(request, key, environment, services.switch_off, requests.SwitchRequest)


class SwitchOn(APIView):
    @extend_schema(request=requests.SwitchRequest, responses=FlagVersionSerializer)
    def post(self, request: Request, key: str, environment: str) -> Response:
        """Let the rules decide again, unless a gate objects."""
        return _changed(request, key, environment, services.switch_on, requests.SwitchRequest)


class Holds(generics.ListAPIView[Hold]):
    """Open holds of a flag in one environment."""

    serializer_class = HoldSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Hold]:
        if getattr(self, "swagger_fake_view", False):
            return Hold.objects.none()
        return queries.open_holds(*_of(self.kwargs["key"], self.kwargs["environment"]))

    @extend_schema(request=requests.NeededReasonRequest, responses={201: HoldSerializer})
    def post(self, request: Request, key: str, environment: str) -> Response:
        """Keep the flag from opening further until the hold is released."""
        own_environment(request, environment)
        content = read(request, requests.NeededReasonRequest)
        held = services.hold(flag=key, environment=environment, **content, **by(request))
        return Response(HoldSerializer(held).data, status=201)


class Release(APIView):
    @extend_schema(request=requests.NeededReasonRequest, responses=HoldSerializer)
    def post(self, request: Request, hold_id: int) -> Response:
        own_environment(request, queries.hold(hold_id).environment.key)
        content = read(request, requests.NeededReasonRequest)
        return Response(HoldSerializer(services.release_hold(hold_id=hold_id, **content, **by(request))).data)


class Preview(APIView):
    @extend_schema(request=requests.PreviewRequest, responses=PreviewSerializer)
    def post(self, request: Request, key: str, environment: str) -> Response:
        """Who gets what: the SDK's answer for a unit, with every step to it. Nothing is written."""
        content = read(request, requests.PreviewRequest)
        flag, place = _of(key, environment)
        draft = queries.draft(flag, place) if content.get("of") == "draft" else None
        served = preview.document_of(queries.document_parts(place), flag.key, draft, now=timezone.now())
        told = preview.story(served, flag.key, content.get("unit"), content.get("attributes", {}))
        return Response({"evaluation": told.evaluation, "reason": told.reason, "steps": told.steps})


def _changed(
    request: Request, key: str, environment: str, service: Callable[..., FlagVersion], body: Body
) -> Response:
    own_environment(request, environment)
    content: dict[str, Any] = read(request, body)
    made = service(flag=key, environment=environment, **content, **by(request))
    return Response(FlagVersionSerializer(made).data)


def _of(key: str, environment: str) -> tuple[Flag, Environment]:
    return queries.flag(key), queries.environment(environment)


def _named(request: Request, name: str, flag: Flag, environment: Environment) -> FlagVersion | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise refuse(name, text, "this is no number of a version", NUMBER)
    return queries.version(flag, environment, int(text))
