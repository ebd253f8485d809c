"""Code references over HTTP: a scan comes in, what it means goes out."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import queries, references, services
from flags.api.access import by
from flags.models import CodeRepository
from flags.references import Named
from ledger.bodies import read


class ScanRequest(serializers.Serializer[Any]):
    """What a scan of a checkout found. `link` holds {path} and may hold {commit} and {line}."""

    repository = serializers.CharField(help_text="Give the repository's name.")
    references = serializers.ListField(help_text="Give flag, path, line and snippet_hash of each line.")
    files = serializers.IntegerField(help_text="Give how many files were read.")
    commit = serializers.CharField(required=False)
    link = serializers.CharField(required=False)


class RepositorySerializer(serializers.ModelSerializer[CodeRepository]):
    class Meta:
        model = CodeRepository
        fields = ["name", "link", "commit", "files", "scanned_by", "scanned_at"]


class ReferenceSerializer(serializers.Serializer[Any]):
    """A line that names a flag."""

    flag = serializers.CharField(source="reference.flag_key")
    repository = serializers.CharField()
    path = serializers.CharField()
    line = serializers.IntegerField()
    link = serializers.CharField()
    snippet_hash = serializers.CharField(source="reference.snippet_hash")
    seen_at = serializers.DateTimeField(source="reference.seen_at")


class CodeSerializer(serializers.Serializer[Any]):
    """Scanned repositories, flags they ask for that are not there, and flags that none of them asks for."""

    repositories = RepositorySerializer(many=True)
    unknown = ReferenceSerializer(many=True)
    archived = ReferenceSerializer(many=True)
    unreferenced = serializers.ListField(child=serializers.CharField())


class Code(APIView):
    @extend_schema(responses=CodeSerializer)
    def get(self, request: Request) -> Response:
        """Scanned repositories, lines that ask for flags that are gone, and flags that no line asks for."""
        told = {
            "repositories": references.repositories(),
            "unknown": references.unknown(),
            "archived": references.archived(),
            "unreferenced": [flag.key for flag in references.unreferenced()],
        }
        return Response(CodeSerializer(told).data)

    @extend_schema(request=ScanRequest, responses={201: RepositorySerializer})
    def post(self, request: Request) -> Response:
        """Replace what the last scan of a repository found."""
        content = read(request, ScanRequest)
        found = content.pop("references")
        row = services.replace_references(found=found, **content, **by(request))
        return Response(RepositorySerializer(row).data, status=201)


class FlagReferences(APIView):
    @extend_schema(responses=ReferenceSerializer(many=True))
    def get(self, request: Request, key: str) -> Response:
        """The lines that name a flag."""
        rows: list[Named] = references.of_flag(queries.flag(key).key)
        return Response(ReferenceSerializer(rows, many=True).data)
