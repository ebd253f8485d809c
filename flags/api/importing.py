"""Flags of other products over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import services
from flags.api.access import by, own_environment
from flags.services.importing import REBUCKETED, Imported
from ledger.bodies import read


class ImportRequest(serializers.Serializer[Any]):
    """`place` names the environment inside the document; `trial` keeps nothing."""

    product = serializers.CharField(help_text="Give flagd, growthbook, unleash or flagsmith.")
    content = serializers.DictField(help_text="Give the document as the product writes it.")
    place = serializers.CharField(required=False)
    trial = serializers.BooleanField(required=False)


class ImportedFlagSerializer(serializers.Serializer[Any]):
    """One flag of the document: a draft, the same as is here, or left out with its reasons."""

    source_key = serializers.CharField()
    key = serializers.CharField()
    outcome = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    notes = serializers.ListField(child=serializers.CharField())
    words = serializers.ListField(child=serializers.CharField())


class ImportedSerializer(serializers.Serializer[Any]):
    environment = serializers.CharField()
    rebucketed = serializers.CharField()
    flags = ImportedFlagSerializer(many=True)
    segments = serializers.ListField(child=serializers.CharField())
    notes = serializers.ListField(child=serializers.CharField())


class Import(APIView):
    @extend_schema(request=ImportRequest, responses=ImportedSerializer)
    def post(self, request: Request, environment: str) -> Response:
        """Make drafts of another product's flags; what does not map is listed with its reasons."""
        own_environment(request, environment)
        content = read(request, ImportRequest)
        found = services.import_flags(
            environment=environment,
            source=content["product"],
            content=content["content"],
            place=content.get("place", ""),
            is_trial=content.get("trial", False),
            **by(request),
        )
        return Response(ImportedSerializer(told(environment, found)).data)


def told(environment: str, found: Imported) -> dict[str, Any]:
    """What ImportedSerializer describes."""
    return {
        "environment": environment,
        "rebucketed": REBUCKETED,
        "flags": found.rows,
        "segments": found.segments,
        "notes": found.notes,
    }
