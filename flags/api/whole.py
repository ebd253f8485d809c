"""A whole environment over HTTP: who asks, what is served, and making it what reviewed files say."""

from typing import Any

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import gitops, queries, services, whole
from flags.api.access import by, own_environment
from flags.api.authentication import KeyPrincipal
from ledger.bodies import read


class WhoamiSerializer(serializers.Serializer[Any]):
    """Who asks. A person has no scope, and may change every environment."""

    name = serializers.CharField()
    is_key = serializers.BooleanField()
    scope = serializers.CharField(allow_null=True)
    environment = serializers.CharField(allow_null=True)
    environments = serializers.ListField(child=serializers.CharField())


class StateSerializer(serializers.Serializer[Any]):
    """Everything an environment serves; `flags`, `segments` and `layers` are objects by key."""

    environment = serializers.CharField()
    document_version = serializers.IntegerField()
    layers = serializers.DictField()
    segments = serializers.DictField()
    flags = serializers.DictField()
    unserved = serializers.ListField(child=serializers.CharField())
    archived = serializers.ListField(child=serializers.CharField())


class ApplyRequest(serializers.Serializer[Any]):
    """`changes` hold kind (layer, segment, flag), key, seen, settings, content; `trial` changes nothing.

    `drafts` saves flags as drafts, to be reviewed and published in the console.
    """

    changes = serializers.ListField(help_text="Give the changes that the plan holds.")
    reason = serializers.CharField(required=False)
    trial = serializers.BooleanField(required=False)
    drafts = serializers.BooleanField(required=False)


class OutcomeSerializer(serializers.Serializer[Any]):
    """What became of one change, in words; `problems` say why it cannot be made."""

    kind = serializers.CharField()
    key = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    words = serializers.ListField(child=serializers.CharField())
    problems = serializers.ListField(child=serializers.DictField())


class AppliedSerializer(serializers.Serializer[Any]):
    environment = serializers.CharField()
    document_version = serializers.IntegerField()
    changes = OutcomeSerializer(many=True)


class Whoami(APIView):
    @extend_schema(responses=WhoamiSerializer)
    def get(self, request: Request) -> Response:
        """Who the key or the session belongs to, and what it may change."""
        key = request.user if isinstance(request.user, KeyPrincipal) else None
        return Response(
            {
                "name": request.user.get_username(),
                "is_key": key is not None,
                "scope": key.scope if key else None,
                "environment": key.environment if key else None,
                "environments": [place.key for place in queries.environments()],
            }
        )


class State(APIView):
    @extend_schema(responses=StateSerializer)
    def get(self, request: Request, environment: str) -> Response:
        """All flags, segments and layers at once, as files of reviewed flags hold them."""
        return Response(whole.state(queries.environment(environment)))


class Document(APIView):
    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, environment: str) -> HttpResponse:
        """The configuration document as SDKs of the environment get it."""
        found = queries.config_document(queries.environment(environment))
        answer = HttpResponse(bytes(found.body), content_type="application/json")
        answer.headers["ETag"] = found.etag
        same = get_conditional_response(request._request, etag=found.etag)
        return answer if same is None else HttpResponse(status=304, headers={"ETag": found.etag})


class Apply(APIView):
    @extend_schema(request=ApplyRequest, responses=AppliedSerializer)
    def post(self, request: Request, environment: str) -> Response:
        """Make every change in one transaction, or none; with `trial` say what would become of each."""
        own_environment(request, environment)
        content = read(request, ApplyRequest)
        outcomes = services.apply_changes(
            environment=environment,
            changes=gitops.read_changes(content["changes"]),
            reason=content.get("reason", ""),
            is_trial=content.get("trial", False),
            as_drafts=content.get("drafts", False),
            may_share=not isinstance(request.user, KeyPrincipal),
            **by(request),
        )
        document = queries.config_document(queries.environment(environment))
        rows = [
            {
                "kind": outcome.change.kind,
                "key": outcome.change.key,
                "version": outcome.version,
                "words": outcome.words,
                "problems": [problem.to_dict() for problem in outcome.problems],
            }
            for outcome in outcomes
        ]
        told = {"environment": environment, "document_version": document.version, "changes": rows}
        return Response(AppliedSerializer(told).data)
