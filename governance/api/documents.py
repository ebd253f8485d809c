"""Design documents and digests over HTTP."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import digest_queries, documents, services
from governance.api.reading import by
from governance.models import DesignDocument, Digest
from governance.performance_section import TEMPLATE
from ledger.bodies import read


class PartSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    is_there = serializers.BooleanField()
    fix = serializers.CharField()


class DesignDocumentSerializer(serializers.ModelSerializer[DesignDocument]):
    """`check` is `pass`, `incomplete`, or `link only`; `findings` say what to write."""

    experiment = serializers.CharField(source="experiment_id", allow_null=True, read_only=True)
    check = serializers.SerializerMethodField()
    findings = serializers.SerializerMethodField()

    class Meta:
        model = DesignDocument
        fields = [
            "id",
            "experiment",
            "flag",
            "number",
            "title",
            "link",
            "sha256",
            "registered_by",
            "registered_at",
            "check",
            "findings",
        ]

    def get_check(self, row: DesignDocument) -> str:
        return documents.checked(row).state

    @extend_schema_field(PartSerializer(many=True))
    def get_findings(self, row: DesignDocument) -> list[dict[str, object]]:
        return [each.to_dict() for each in documents.checked(row).findings]


class DesignDocumentTextSerializer(DesignDocumentSerializer):
    class Meta(DesignDocumentSerializer.Meta):
        fields = [*DesignDocumentSerializer.Meta.fields, "text"]


class NewDocumentRequest(serializers.Serializer[Any]):
    title = serializers.CharField(help_text="Name the document.")
    experiment = serializers.CharField(required=False)
    flag = serializers.CharField(required=False)
    link = serializers.CharField(required=False)
    text = serializers.CharField(required=False, help_text="The document in Markdown.")


class DigestSerializer(serializers.ModelSerializer[Digest]):
    content = serializers.SerializerMethodField()

    class Meta:
        model = Digest
        fields = ["week", "begins_at", "ends_at", "created_at", "sha256", "content"]

    @extend_schema_field(serializers.DictField())
    def get_content(self, row: Digest) -> dict[str, Any]:
        return digest_queries.content(row)


class NewestDocuments(CursorPagination):
    page_size = 100
    ordering = ("-registered_at", "-id")


class NewestWeeks(CursorPagination):
    page_size = 52
    ordering = ("-week",)


class DesignDocuments(generics.ListAPIView[DesignDocument]):
    """The newest version of every document, with what its section on performance lacks."""

    serializer_class = DesignDocumentSerializer
    pagination_class = NewestDocuments

    def get_queryset(self) -> QuerySet[DesignDocument]:
        given = self.request.query_params
        experiment, flag = given.get("experiment", ""), given.get("flag", "")
        if experiment or flag:
            return documents.versions(experiment=experiment, flag=flag)
        return documents.documents()

    @extend_schema(
        parameters=[
            OpenApiParameter("experiment", OpenApiTypes.STR, description="All versions of its document"),
            OpenApiParameter("flag", OpenApiTypes.STR, description="All versions of its document"),
        ]
    )
    def get(self, request: Request, *args: Any, **options: Any) -> Response:
        return super().get(request, *args, **options)

    @extend_schema(request=NewDocumentRequest, responses={201: DesignDocumentTextSerializer})
    def post(self, request: Request) -> Response:
        """Register a document of an experiment or a flag; again makes a new version."""
        made = services.register_document(**read(request, NewDocumentRequest), **by(request))
        return Response(DesignDocumentTextSerializer(made).data, status=201)


class OneDocument(APIView):
    @extend_schema(responses=DesignDocumentTextSerializer)
    def get(self, request: Request, id: int) -> Response:
        return Response(DesignDocumentTextSerializer(documents.document(id)).data)


class DocumentTemplate(APIView):
    @extend_schema(responses={(200, "text/markdown"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """A document with a section on performance, to be filled in."""
        return HttpResponse(TEMPLATE, content_type="text/markdown; charset=utf-8")


class Digests(generics.ListAPIView[Digest]):
    """Weekly digests, newest first; `sha256` covers `content` as it is stored."""

    serializer_class = DigestSerializer
    pagination_class = NewestWeeks

    def get_queryset(self) -> QuerySet[Digest]:
        return digest_queries.digests()


class OneDigest(APIView):
    @extend_schema(responses=DigestSerializer)
    def get(self, request: Request, week: str) -> Response:
        return Response(DigestSerializer(digest_queries.digest(week)).data)
