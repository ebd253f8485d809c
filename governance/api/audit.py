"""The audit trail over HTTP: its rows with the hashes that chain them, and whether the chain holds."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.reading import by, day
from ledger import queries, verifying
from ledger.refusals import refuse
from ledger.times import LATEST

FILTERS = {
    "subject": "What it is about, from the beginning: `flag:checkout`",
    "actor": "Who did it",
    "action": "What was done, from the beginning: `guardrail_set.`",
    "since": "The first day, UTC, such as 2026-01-31",
    "until": "The last day, UTC",
}


class AuditRowSerializer(serializers.Serializer[Any]):
    """`sha256` is over this row and `previous_sha256`, which is that of the row before."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    action = serializers.CharField()
    subject = serializers.CharField()
    reason = serializers.CharField()
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    previous_sha256 = serializers.CharField()
    sha256 = serializers.CharField()


class WalkedSerializer(serializers.Serializer[Any]):
    """What the newest walk found. `holds` is null before the first one, `fault` says where and why the chain
    does not hold, `seal` is over the rows that were read; `is_busy` while another walk is under way."""

    holds = serializers.BooleanField(allow_null=True)
    fault = serializers.CharField()
    rows = serializers.IntegerField()
    seal = serializers.CharField()
    checked_at = serializers.DateTimeField(allow_null=True)
    is_busy = serializers.BooleanField()
    failure = serializers.CharField()


class NewestRows(CursorPagination):
    page_size = 100
    ordering = "-id"


class Trail(generics.ListAPIView[Any]):
    """Every change with who made it, when, why, and what was before and after; newest first."""

    serializer_class = AuditRowSerializer
    pagination_class = NewestRows

    def get_queryset(self) -> "QuerySet[Any]":
        given = {name: self.request.query_params.get(name, "").replace("\0", "") for name in FILTERS}
        found = {name: given[name] for name in ("subject", "actor", "action")}
        return queries.audit_events(**found, since=_start(given, "since"), until=_start(given, "until", 1))

    @extend_schema(
        parameters=[OpenApiParameter(name, OpenApiTypes.STR, description=FILTERS[name]) for name in FILTERS]
    )
    def get(self, request: Request, *args: Any, **options: Any) -> Response:
        return super().get(request, *args, **options)


class Verification(APIView):
    @extend_schema(responses=WalkedSerializer)
    def get(self, request: Request) -> Response:
        """What the newest walk over the whole chain found: was a row changed, taken out, or moved?"""
        return Response(WalkedSerializer(_walked()).data)

    @extend_schema(request=None, responses={202: WalkedSerializer})
    def post(self, request: Request) -> Response:
        """Have a worker walk the chain as it is now; `is_busy` until it has. Asking twice is asking once."""
        verifying.ask_now(**by(request))
        return Response(WalkedSerializer(_walked()).data, status=202)


def _walked() -> dict[str, Any]:
    found = verifying.walks()
    newest = found.newest
    return {
        "holds": None if newest is None else newest.action == verifying.HOLDS,
        "fault": "" if newest is None else newest.reason,
        "rows": found.found.get("rows", 0),
        "seal": found.found.get("seal", ""),
        "checked_at": None if newest is None else newest.at,
        "is_busy": found.is_busy,
        "failure": found.failure,
    }


def _start(given: dict[str, str], name: str, days_later: int = 0) -> datetime | None:
    """The beginning of the day that is named, or of a later one; None when none is. Raises Refused."""
    if not given[name]:
        return None
    found = day(given, name)
    if found > LATEST:
        raise refuse(name, given[name], "the trail has no such day", "Write it like 2026-01-31.")
    return datetime.combine(found, time(), UTC) + timedelta(days=days_later)
