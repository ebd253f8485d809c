"""The portfolio over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis import interaction_queries
from analysis.models import InteractionReading
from analysis.portfolio import posterior as posteriors
from analysis.portfolio import reads
from analysis.portfolio.meetings import Meeting
from ledger.refusals import refuse
from ledger.times import is_usual


class Impact(APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """By primary metric: what shipped experiments add up to, as read and after shrinking."""
        return Response([asdict(each) for each in reads.impacts()])


class Interactions(APIView):
    @extend_schema(operation_id="portfolio_interactions_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Pairs of experiments that share units and metrics, the most worth looking at first."""
        found = reads.interactions(now=timezone.now())
        estimated = interaction_queries.newest()
        return Response([_pair(each, estimated.get(each.keys)) for each in found])


class Digest(APIView):
    @extend_schema(parameters=[OpenApiParameter("week", str)], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """What happened in the week that the day `week` lies in; this week without it."""
        text = request.query_params.get("week", "")
        try:
            day = date.fromisoformat(text) if text else timezone.now().date()
        except ValueError:
            day = date.max
        if not is_usual(day):
            raise refuse("week", text, "this is not a day since 1990", "Write it like 2026-01-31.")
        return Response(_week(reads.week(day)))


class Posterior(APIView):
    @extend_schema(parameters=[OpenApiParameter("prior_sd", str)], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str) -> Response:
        """Posteriors of the relative effects at the newest look. `prior_sd` in % of the control's value."""
        usual = posteriors.usual_sd(key)
        prior_sd = posteriors.prior_sd_of(request.query_params.get("prior_sd", ""), usual)
        viewer = request.user.get_username()
        found = posteriors.lines(key, prior_sd=prior_sd, viewer=viewer, now=timezone.now())
        return Response({"prior_sd": prior_sd, "metrics": [line.to_dict() for line in found]})


def _pair(each: Meeting, reading: InteractionReading | None) -> dict[str, Any]:
    """`estimated_until`: the data of the newest estimate, which has an address of its own."""
    return {
        "experiments": [each.one.key, each.other.key],
        "days": round(each.days, 2),
        "shared_share": each.shared_share,
        "metrics": list(each.metrics),
        "score": each.score,
        "estimated_until": None if reading is None else reading.data_cut.isoformat(),
    }


def _week(found: reads.Week) -> dict[str, Any]:
    """Keys and hashes, never bare numbers: those stand in the reports."""
    return {
        "first_day": found.first_day.isoformat(),
        "last_day": found.last_day.isoformat(),
        "started": [row.key for row in found.started],
        "stopped": [row.key for row in found.stopped],
        "decided": [{"experiment": row.experiment.key, "taken": row.taken} for row in found.decided],
        "reports": [
            {"experiment": row.experiment.key, "verdict": row.verdict, "sha256": row.sha256}
            for row in found.reports
        ],
        "trips": [
            {"experiment": row.experiment.key, "metric": row.metric, "arm": row.arm} for row in found.trips
        ],
        "waiting_for_a_decision": [row.key for row in found.waiting],
        "follow_ups_due": [row.experiment.key for row in found.follow_ups],
    }
