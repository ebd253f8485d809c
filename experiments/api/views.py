"""Experiments over HTTP. Bodies are those of docs/how-to/run-an-experiment.md; every step has its address."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments import preflight_queries, queries, services
from experiments.api import requests
from experiments.api.bodies import acting, detail, moment, object_of, reason_of
from experiments.api.serializers import (
    ChecklistSerializer,
    DetailSerializer,
    ExperimentSerializer,
    ExperimentVersionSerializer,
    PhaseSerializer,
)
from experiments.drafts import Draft
from experiments.models import Experiment, ExperimentVersion, Phase
from experiments.plan import WHOLE_PPM
from flags.api.access import a_person, own_environment
from ledger.refusals import refuse
from metrics.reading import SLUG_RULE, body_fields

DEFAULT_ENVIRONMENT = Draft.__dataclass_fields__["environment"].default


class Newest(CursorPagination):
    page_size = 100
    ordering = ("-created_at", "key")


class ExperimentList(generics.ListAPIView[Experiment]):
    """All experiments; `?search=` looks into names, hypotheses and learnings, and `?state=`, `?kind=`,
    `?owner=`, `?team=`, `?surface=` and `?flag=` keep what matches."""

    serializer_class = ExperimentSerializer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Experiment]:
        asked = self.request.query_params
        filters = {name: asked.get(name, "") for name in queries.FILTERS}
        return queries.experiments(search=asked.get("search", ""), **filters).select_related("follows")

    @extend_schema(request=requests.NewExperimentBody, responses={201: DetailSerializer})
    def post(self, request: Request) -> Response:
        """Create a draft: `key`, `title` and any other field of a draft."""
        content = object_of(request.data)
        key = content.pop("key", "")
        if not isinstance(key, str):
            raise refuse("key", key, "this is not text", SLUG_RULE)
        own_environment(request, str(content.get("environment", DEFAULT_ENVIRONMENT)))
        experiment = services.create(key=key, content=content, **acting(request))
        return Response(DetailSerializer(experiment).data, status=201)


class ExperimentDetail(APIView):
    @extend_schema(responses=DetailSerializer)
    def get(self, request: Request, key: str) -> Response:
        return detail(key)

    @extend_schema(request=requests.DraftBody, responses=DetailSerializer)
    def patch(self, request: Request, key: str) -> Response:
        """Replace some fields of the draft plan."""
        content = object_of(request.data)
        if "environment" in content:
            own_environment(request, str(content["environment"]))
        services.edit(key=key, content=content, **acting(request, key))
        return detail(key)


class Bindings(APIView):
    @extend_schema(request=requests.BindingBody, responses={201: DetailSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Bind a metric to the draft plan, or change how it is bound."""
        services.bind_metric(key=key, content=object_of(request.data), **acting(request, key))
        return detail(key, status=201)


class BindingDetail(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str, metric: str) -> Response:
        services.unbind_metric(key=key, metric=metric, **acting(request, key))
        return Response(status=204)


class Preflight(APIView):
    @extend_schema(responses=ChecklistSerializer(many=True))
    def get(self, request: Request, key: str) -> Response:
        """What is missing before the start, with reasons."""
        return Response(ChecklistSerializer(preflight_queries.checklist(key), many=True).data)


class NewestVersion(CursorPagination):
    page_size = 100
    ordering = "-number"


class Versions(generics.ListAPIView[ExperimentVersion]):
    """Every version of the plan, newest first."""

    serializer_class = ExperimentVersionSerializer
    pagination_class = NewestVersion

    def get_queryset(self) -> QuerySet[ExperimentVersion]:
        return queries.versions(self.kwargs["key"])


class FirstPhase(CursorPagination):
    page_size = 100
    ordering = ("started_at", "id")


class Phases(generics.ListAPIView[Phase]):
    """Every phase, in the order they began."""

    serializer_class = PhaseSerializer
    pagination_class = FirstPhase

    def get_queryset(self) -> QuerySet[Phase]:
        return queries.phases(self.kwargs["key"])


class Step(APIView):
    """One step of an experiment's life. The body may carry a `reason`; some steps need one."""

    service: Callable[..., object] = services.submit
    needs_person = False

    @extend_schema(request=requests.ReasonBody, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        if self.needs_person:
            a_person(request, "an approval")
        body = body_fields(request.data, ("reason",))
        reason = reason_of(body)
        body.findings.raise_if_any()
        self.service(key=key, reason=reason, **acting(request, key))
        return detail(key)


class Start(APIView):
    @extend_schema(request=requests.StartBody, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Lock the plan and start. Body: `coverage_ppm` (default: all), `publish` (default: true).

        For data of the past: `began_at`, since when units are in the arms, with a `reason`.
        """
        body = body_fields(request.data, ("coverage_ppm", "publish", "began_at", "reason"))
        fix = "Write parts per million, for example 50000 for 5 %."
        coverage = body.whole("coverage_ppm", low=1, high=WHOLE_PPM, fix=fix, default=WHOLE_PPM)
        publish = body.boolean("publish", fix="false: another system assigns.", default=True)
        past: dict[str, Any] = {"began_at": moment(body, "began_at"), "reason": reason_of(body)}
        body.findings.raise_if_any()
        asked = {"coverage_ppm": coverage or WHOLE_PPM, "publish": publish, **past}
        services.start(key=key, **asked, **acting(request, key))
        return detail(key)


class Stop(APIView):
    @extend_schema(request=requests.StopBody, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """End the run. Body: `reason`; for data of the past `ended_at`, since when no unit enters an arm."""
        body = body_fields(request.data, ("reason", "ended_at"))
        ended_at, reason = moment(body, "ended_at"), reason_of(body)
        body.findings.raise_if_any()
        services.stop(key=key, reason=reason, ended_at=ended_at, **acting(request, key))
        return detail(key)


class Coverage(APIView):
    @extend_schema(request=requests.CoverageBody, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Let more units take part. Body: `coverage_ppm`, larger than now, and `reason`."""
        body = body_fields(request.data, ("coverage_ppm", "reason"))
        fix = "Write parts per million, for example 250000 for 25 %."
        coverage = body.whole("coverage_ppm", low=1, high=WHOLE_PPM, fix=fix)
        if coverage is None and "coverage_ppm" not in body:
            body.refuse_missing("coverage_ppm", fix)
        reason = reason_of(body)
        body.findings.raise_if_any()
        services.raise_coverage(key=key, coverage_ppm=coverage or 0, reason=reason, **acting(request, key))
        return detail(key)


class Decide(APIView):
    @extend_schema(request=requests.DecideBody, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Record the decision: `taken`, `snapshot_sha256` of the report it rests on, `reason`.

        `arm` names the arm to ship when there are several treatments. `at_once: false` serves nothing yet;
        prepare the roll-out afterwards.
        """
        body = body_fields(request.data, ("taken", "snapshot_sha256", "reason", "arm", "at_once"))
        at_once = body.boolean("at_once", fix="false: prepare a roll-out instead.", default=True)
        taken = body.text("taken", fix="Write ship, roll_back, iterate, abandon or extend.")
        sha256 = body.text("snapshot_sha256", fix="Copy the hash of the report.")
        arm = body.text("arm", fix="Write the key of one treatment.", default="")
        reason = reason_of(body)
        body.findings.raise_if_any()
        stated: dict[str, Any] = {"taken": taken, "snapshot_sha256": sha256, "reason": reason, "arm": arm}
        services.decide(key=key, at_once=at_once, **stated, **acting(request, key))
        return detail(key)
