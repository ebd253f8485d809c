"""What happens to a running or decided experiment, over HTTP: schedule, changes, ramp, roll-out, clean-up."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments import queries, services
from experiments.api import requests
from experiments.api.bodies import acting, coverage, day, detail, moment, reason_of, steps
from experiments.api.serializers import (
    CleanUpSerializer,
    CoverageRampSerializer,
    DetailSerializer,
    PendingChangeSerializer,
    RolloutSerializer,
)
from experiments.models import CoverageRamp, PendingChange
from experiments.plan import WHOLE_PPM
from flags.api.access import a_person
from ledger.refusals import NotFound, problem
from metrics.reading import Fields, body_fields


class Schedule(APIView):
    @extend_schema(request=requests.ScheduleBody, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Start by itself. Body: `start_at` with its zone; optional `stop_at`, `coverage_ppm`, `reason`."""
        body = body_fields(request.data, ("start_at", "stop_at", "coverage_ppm", "reason"))
        start_at, stop_at = _needed_moment(body, "start_at"), moment(body, "stop_at")
        share, reason = coverage(body, WHOLE_PPM) or WHOLE_PPM, reason_of(body)
        body.findings.raise_if_any()
        asked: dict[str, Any] = {"start_at": start_at, "stop_at": stop_at, "coverage_ppm": share}
        services.schedule(key=key, reason=reason, **asked, **acting(request, key))
        return detail(key)


class ScheduleStop(APIView):
    @extend_schema(request=requests.ScheduleStopBody, responses=DetailSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Stop by itself. Body: `stop_at` with its zone, and `reason`."""
        body = body_fields(request.data, ("stop_at", "reason"))
        asked: dict[str, Any] = {"stop_at": _needed_moment(body, "stop_at"), "reason": reason_of(body)}
        body.findings.raise_if_any()
        services.schedule_stop(key=key, **asked, **acting(request, key))
        return detail(key)


class NewestRequest(CursorPagination):
    page_size = 100
    ordering = ("-requested_at", "-id")


class Changes(generics.ListAPIView[PendingChange]):
    """Every change that was asked for, newest first."""

    serializer_class = PendingChangeSerializer
    pagination_class = NewestRequest

    def get_queryset(self) -> QuerySet[PendingChange]:
        return queries.pending_changes(self.kwargs["key"])

    @extend_schema(request=requests.ChangeBody, responses={201: PendingChangeSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Ask somebody else to agree: to the draft version, or to `coverage_ppm`. Body: `reason` too."""
        body = body_fields(request.data, ("coverage_ppm", "reason"))
        share, reason = coverage(body), reason_of(body)
        body.findings.raise_if_any()
        change = services.request_change(key=key, coverage_ppm=share, reason=reason, **acting(request, key))
        return Response(PendingChangeSerializer(change).data, status=201)


class NewestRamp(CursorPagination):
    page_size = 100
    ordering = ("-started_at", "-id")


class Ramp(generics.ListAPIView[CoverageRamp]):
    """The ramps of this experiment, newest first."""

    serializer_class = CoverageRampSerializer
    pagination_class = NewestRamp

    def get_queryset(self) -> QuerySet[CoverageRamp]:
        return queries.experiment(self.kwargs["key"]).ramps.all()

    @extend_schema(request=requests.RampBody, responses={201: CoverageRampSerializer})
    def post(self, request: Request, key: str) -> Response:
        """Let the coverage grow by itself. Body: `plan`, the key of a ramp plan, or `steps`."""
        body = body_fields(request.data, ("plan", "steps", "reason"))
        plan = body.text("plan", fix="Name a ramp plan.", default="")
        asked: dict[str, Any] = {"plan": plan, "steps": steps(body), "reason": reason_of(body)}
        body.findings.raise_if_any()
        run = services.start_ramp(key=key, **asked, **acting(request, key))
        return Response(CoverageRampSerializer(run).data, status=201)


class RampStep(APIView):
    @extend_schema(request=requests.RampStepBody, responses=CoverageRampSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Agree to a coming step, as a person. Body: `step`, counted from 0."""
        a_person(request, "an approval")
        body = body_fields(request.data, ("step", "reason"))
        fix = "Write the number of the step, counted from 0."
        step, reason = body.whole("step", low=0, high=100, fix=fix), reason_of(body)
        if step is None and "step" not in body:
            body.refuse_missing("step", fix)
        body.findings.raise_if_any()
        run = services.approve_ramp_step(key=key, step=step or 0, reason=reason, **acting(request, key))
        return Response(CoverageRampSerializer(run).data)


class RolloutView(APIView):
    @extend_schema(responses=RolloutSerializer)
    def get(self, request: Request, key: str) -> Response:
        found = queries.rollout(queries.experiment(key))
        if found is None:
            raise NotFound(problem("rollout", key, "no roll-out is prepared", "POST here to prepare one."))
        return Response(RolloutSerializer(found).data)

    @extend_schema(request=requests.RolloutBody, responses=RolloutSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Prepare the way to 100 %, or prepare it anew. Body, all optional: `arm`, `plan` (a ramp plan) or
        `steps`, `holdback_ppm` (0, or 10000 to 50000), `follow_up_on`, `reason`."""
        names = ("arm", "plan", "steps", "holdback_ppm", "follow_up_on", "reason")
        body = body_fields(request.data, names)
        asked: dict[str, Any] = {
            "arm": body.text("arm", fix="Write the key of one treatment.", default=""),
            "plan": body.text("plan", fix="Name a ramp plan.", default=""),
            "steps": steps(body),
            "holdback_ppm": body.whole("holdback_ppm", low=0, high=WHOLE_PPM, fix="Write ppm.", default=0),
            "follow_up_on": day(body, "follow_up_on"),
            "reason": reason_of(body),
        }
        body.findings.raise_if_any()
        return Response(
            RolloutSerializer(services.prepare_rollout(key=key, **asked, **acting(request, key))).data
        )


class CleanUpList(APIView):
    @extend_schema(responses=CleanUpSerializer(many=True))
    def get(self, request: Request, key: str) -> Response:
        """What is to be done after the decision."""
        return Response(CleanUpSerializer(queries.clean_up(queries.experiment(key)), many=True).data)


class CleanUpItem(APIView):
    @extend_schema(request=requests.ReasonBody, responses=CleanUpSerializer)
    def post(self, request: Request, key: str, item: str) -> Response:
        """It is done, or not needed; `reason` says why."""
        body = body_fields(request.data, ("reason",))
        reason = reason_of(body)
        body.findings.raise_if_any()
        row = services.check_off(key=key, item=item, reason=reason, **acting(request, key))
        return Response(CleanUpSerializer(row).data)


class FollowOn(APIView):
    @extend_schema(request=requests.FollowOnBody, responses={201: DetailSerializer})
    def post(self, request: Request, key: str) -> Response:
        """A draft with the same plan. Body: `key` of the new experiment, and `title` if it differs."""
        body = body_fields(request.data, ("key", "title"))
        new_key = body.slug("key")
        title = body.text("title", fix="Write the name people read.", default="")
        body.findings.raise_if_any()
        services.follow_on(key=key, new_key=new_key, title=title, **acting(request, key))
        return detail(new_key, status=201)


def _needed_moment(body: Fields, name: str) -> Any:
    if name not in body:
        body.refuse_missing(name, "Write the time with its zone, for example 2026-01-31T12:00:00Z.")
        return None
    return moment(body, name)
