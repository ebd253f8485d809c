"""Experiments over HTTP. Bodies are those of docs/how-to/run-an-experiment.md; every step has its address."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments import queries, services
from experiments.api.serializers import (
    ChecklistSerializer,
    DetailSerializer,
    ExperimentSerializer,
    ExperimentVersionSerializer,
    PhaseSerializer,
)
from experiments.drafts import Draft
from experiments.models import Experiment
from experiments.plan import WHOLE_PPM
from experiments.services.transitions import MAX_REASON
from flags.api.access import by, own_environment
from ledger.refusals import refuse
from metrics.reading import SLUG_RULE, Fields, body_fields

DEFAULT_ENVIRONMENT = Draft.__dataclass_fields__["environment"].default


class Newest(CursorPagination):
    page_size = 100
    ordering = ("-created_at", "key")


class ExperimentList(generics.ListAPIView[Experiment]):
    """All experiments; `?search=` looks into key, title, owner and flag, `?state=` keeps one state."""

    serializer_class = ExperimentSerializer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Experiment]:
        asked = self.request.query_params
        return queries.experiments(search=asked.get("search", ""), state=asked.get("state", ""))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: DetailSerializer})
    def post(self, request: Request) -> Response:
        """Create a draft: `key`, `title` and any other field of a draft."""
        content = _object(request.data)
        key = content.pop("key", "")
        if not isinstance(key, str):
            raise refuse("key", key, "this is not text", SLUG_RULE)
        own_environment(request, str(content.get("environment", DEFAULT_ENVIRONMENT)))
        experiment = services.create(key=key, content=content, **_by(request))
        return Response(DetailSerializer(experiment).data, status=201)


class ExperimentDetail(APIView):
    @extend_schema(responses=DetailSerializer)
    def get(self, request: Request, key: str) -> Response:
        return _detail(key)

    @extend_schema(request=OpenApiTypes.OBJECT, responses=DetailSerializer)
    def patch(self, request: Request, key: str) -> Response:
        """Replace some fields of the draft plan."""
        content = _object(request.data)
        if "environment" in content:
            own_environment(request, str(content["environment"]))
        services.edit(key=key, content=content, **_by(request, key))
        return _detail(key)


class Bindings(APIView):
    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: DetailSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Bind a metric to the draft plan, or change how it is bound."""
        services.bind_metric(key=key, content=_object(request.data), **_by(request, key))
        return _detail(key, status=201)


class BindingDetail(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, metric: str) -> Response:
        services.unbind_metric(key=key, metric=metric, **_by(request, key))
        return Response(status=204)


class Preflight(APIView):
    @extend_schema(responses=ChecklistSerializer(many=True))
    def get(self, request: Request, key: str) -> Response:
        """What is missing before the start, with reasons."""
        return Response(ChecklistSerializer(queries.checklist(key), many=True).data)


class Versions(APIView):
    @extend_schema(responses=ExperimentVersionSerializer(many=True))
    def get(self, request: Request, key: str) -> Response:
        return Response(ExperimentVersionSerializer(queries.versions(key), many=True).data)


class Phases(APIView):
    @extend_schema(responses=PhaseSerializer(many=True))
    def get(self, request: Request, key: str) -> Response:
        return Response(PhaseSerializer(queries.phases(key), many=True).data)


class Step(APIView):
    """One step of an experiment's life. The body may carry a `reason`; some steps need one."""

    service: Callable[..., object] = services.submit

    @extend_schema(request=OpenApiTypes.OBJECT, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        body = body_fields(request.data, ("reason",))
        reason = _reason(body)
        body.findings.raise_if_any()
        self.service(key=key, reason=reason, **_by(request, key))
        return _detail(key)


class Start(APIView):
    @extend_schema(request=OpenApiTypes.OBJECT, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Lock the plan and start. Body: `coverage_ppm` (default: all), `publish` (default: true).

        For data of the past: `began_at`, since when units are in the arms, with a `reason`.
        """
        body = body_fields(request.data, ("coverage_ppm", "publish", "began_at", "reason"))
        fix = "Write parts per million, for example 50000 for 5 %."
        coverage = body.whole("coverage_ppm", low=1, high=WHOLE_PPM, fix=fix, default=WHOLE_PPM)
        publish = body.boolean("publish", fix="false: another system assigns.", default=True)
        past: dict[str, Any] = {"began_at": _moment(body, "began_at"), "reason": _reason(body)}
        body.findings.raise_if_any()
        asked = {"coverage_ppm": coverage or WHOLE_PPM, "publish": publish, **past}
        services.start(key=key, **asked, **_by(request, key))
        return _detail(key)


class Stop(APIView):
    @extend_schema(request=OpenApiTypes.OBJECT, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """End the run. Body: `reason`; for data of the past `ended_at`, since when no unit enters an arm."""
        body = body_fields(request.data, ("reason", "ended_at"))
        ended_at, reason = _moment(body, "ended_at"), _reason(body)
        body.findings.raise_if_any()
        services.stop(key=key, reason=reason, ended_at=ended_at, **_by(request, key))
        return _detail(key)


class Coverage(APIView):
    @extend_schema(request=OpenApiTypes.OBJECT, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Let more units take part. Body: `coverage_ppm`, larger than now, and `reason`."""
        body = body_fields(request.data, ("coverage_ppm", "reason"))
        fix = "Write parts per million, for example 250000 for 25 %."
        coverage = body.whole("coverage_ppm", low=1, high=WHOLE_PPM, fix=fix)
        if coverage is None and "coverage_ppm" not in body:
            body.refuse_missing("coverage_ppm", fix)
        reason = _reason(body)
        body.findings.raise_if_any()
        services.raise_coverage(key=key, coverage_ppm=coverage or 0, reason=reason, **_by(request, key))
        return _detail(key)


class Decide(APIView):
    @extend_schema(request=OpenApiTypes.OBJECT, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Record the decision: `taken`, `snapshot_sha256` of the report it rests on, `reason`.

        `arm` names the arm to ship when there are several treatments.
        """
        body = body_fields(request.data, ("taken", "snapshot_sha256", "reason", "arm"))
        taken = body.text("taken", fix="Write ship, roll_back, iterate or abandon.")
        sha256 = body.text("snapshot_sha256", fix="Copy the hash of the report.")
        arm = body.text("arm", fix="Write the key of one treatment.", default="")
        reason = _reason(body)
        body.findings.raise_if_any()
        stated: dict[str, Any] = {"taken": taken, "snapshot_sha256": sha256, "reason": reason, "arm": arm}
        services.decide(key=key, **stated, **_by(request, key))
        return _detail(key)


def _detail(key: str, status: int = 200) -> Response:
    return Response(DetailSerializer(queries.experiment(key)).data, status=status)


def _by(request: Request, key: str = "") -> dict[str, Any]:
    """Who acts and when; a key of another environment than the experiment's is refused."""
    if key:
        own_environment(request, queries.experiment(key).environment)
    return by(request)


def _reason(body: Fields) -> str:
    return body.text("reason", fix="Write one sentence for the history.", default="", limit=MAX_REASON)


def _moment(body: Fields, name: str) -> datetime | None:
    """A time with its zone; None when the body does not name it."""
    fix = "Write the time with its zone, for example 2026-01-31T12:00:00Z."
    text = body.text(name, fix=fix, default="")
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        found = None
    if text and (found is None or found.tzinfo is None):
        body.refuse(name, "this is not a time with a zone", fix)
        return None
    return found


def _object(data: object) -> dict[str, Any]:
    """The body as a dict; the fields are judged by the service. Raises Refused when it is no object."""
    keys = data.keys() if isinstance(data, Mapping) else ("title",)
    return dict(cast("Mapping[str, Any]", body_fields(data, keys).values))
