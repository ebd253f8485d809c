"""Sources over HTTP: a company's own tables, described as TOML text and tested by a worker."""

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis import source_queries
from analysis.models import Source, SourceTest, SourceVersion
from analysis.services import sourcing
from ledger.refusals import NotFound, problem
from metrics.parsing import MAX_CHARACTERS
from metrics.reading import body_fields


class SourceVersionSerializer(serializers.ModelSerializer[SourceVersion]):
    """One version: the text as written and what it means. No address and no password is part of it."""

    source = serializers.SlugRelatedField[Source](slug_field="key", read_only=True)  # type: ignore[assignment]
    definition = serializers.JSONField(source="content", read_only=True)

    class Meta:
        model = SourceVersion
        fields = ["source", "number", "sha256", "author", "created_at", "definition", "text"]


class SourceSerializer(serializers.ModelSerializer[Source]):
    """A source with its current description; `is_tested` says whether its last test went well."""

    version = serializers.IntegerField(source="current.number", read_only=True)
    definition = serializers.JSONField(source="current.content", read_only=True)
    is_tested = serializers.SerializerMethodField()

    class Meta:
        model = Source
        fields = ["key", "version", "created_at", "is_tested", "definition"]

    def get_is_tested(self, source: Source) -> bool:
        test = getattr(source.current, "test", None)
        return bool(test and test.is_ok)


class SourceTextSerializer(serializers.Serializer[str]):
    """A description as TOML, see docs/how-to/use-your-own-tables.md."""

    text = serializers.CharField()


class SourceTestSerializer(serializers.ModelSerializer[SourceTest]):
    """What the newest test found: for each table its columns, problems, notes and first rows."""

    version = serializers.IntegerField(source="version.number", read_only=True)

    class Meta:
        model = SourceTest
        fields = ["version", "is_ok", "asked_by", "asked_at", "finished_at", "outcome"]


class AskedTestSerializer(serializers.Serializer[object]):
    """A test that was asked for; GET the same address for its outcome."""

    job = serializers.IntegerField()
    state = serializers.CharField()


class ByKey(CursorPagination):
    page_size = 100
    ordering = "key"


class SourceList(generics.ListAPIView[Source]):
    """All sources by key."""

    serializer_class = SourceSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Source]:
        return source_queries.sources()

    @extend_schema(request=SourceTextSerializer, responses={201: SourceVersionSerializer})
    def post(self, request: Request) -> Response:
        """Store a description; the answer is its version, the existing one when nothing changed."""
        fields = body_fields(request.data, ("text",))
        text = fields.text("text", fix="Send the TOML text of the source.", limit=MAX_CHARACTERS)
        fields.findings.raise_if_any()
        actor = request.user.get_username()
        version = sourcing.save_source(text=text, actor=actor, now=timezone.now())
        return Response(SourceVersionSerializer(version).data, status=201)


class SourceDetail(APIView):
    @extend_schema(responses=SourceVersionSerializer)
    def get(self, request: Request, key: str) -> Response:
        """The current version of one source."""
        return Response(SourceVersionSerializer(source_queries.source(key)).data)


class SourceTesting(APIView):
    """The test of a source."""

    @extend_schema(responses=SourceTestSerializer)
    def get(self, request: Request, key: str) -> Response:
        """The outcome of the newest test of the current version."""
        test = source_queries.last_test(source_queries.source(key))
        if test is None:
            reason = "this version was not tested, or its test has not ended"
            raise NotFound(problem("source", key, reason, "POST here asks for a test."))
        return Response(SourceTestSerializer(test).data)

    @extend_schema(request=None, responses={202: AskedTestSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Ask a worker to read the first rows of every table. Twice in a second is once."""
        job = sourcing.request_test(key=key, actor=request.user.get_username(), now=timezone.now())
        return Response(AskedTestSerializer({"job": job.id, "state": job.state}).data, status=202)
