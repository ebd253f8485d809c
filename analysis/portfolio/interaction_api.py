"""The interaction of two experiments over HTTP."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis import pairs
from analysis.portfolio import interacting
from analysis.portfolio.interacting import State
from analysis.services import interactions as services
from experiments import queries as experiments
from ledger.refusals import NotFound, problem


class AskedInteractionSerializer(serializers.Serializer[object]):
    """An estimate that was asked for; GET the same address for its outcome."""

    job = serializers.IntegerField()
    state = serializers.CharField()


class Interaction(APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, one: str, other: str) -> Response:
        """The newest estimate of how two experiments change each other's effects."""
        keys, now = pairs.in_order(one, other), timezone.now()
        for key in keys:
            experiments.experiment(key)
        viewer = request.user.get_username()
        state = interacting.states([keys], viewer=viewer, now=now)[keys]
        if state.reading is None:
            reason = state.failure or "no interaction of these two was estimated yet"
            raise NotFound(problem("other", other, reason, "POST here asks for an estimate."))
        for key in keys:
            interacting.raise_if_hidden(key, viewer=viewer, now=now)
        return Response(_document(keys, state))

    @extend_schema(request=None, responses={202: AskedInteractionSerializer})
    def post(self, request: Request, one: str, other: str) -> Response:
        """Ask for an estimate on all data until now. Twice in a minute is once."""
        actor = request.user.get_username()
        job = services.request_interaction(one=one, other=other, actor=actor, now=timezone.now())
        return Response(AskedInteractionSerializer({"job": job.id, "state": job.state}).data, status=202)


def _document(keys: tuple[str, str], state: State) -> dict[str, Any]:
    """`adjusted_p` is Holm's over the newest estimates of all pairs."""
    reading = state.reading
    if reading is None:
        raise ValueError("a state without a reading has no document")
    adjusted = {(row.metric, row.one_arm, row.other_arm): row.adjusted_p for row in state.rows}
    return {
        "experiments": list(keys),
        "data_until": reading.data_cut.isoformat(),
        "units": reading.units,
        "left_out": reading.left_out,
        "is_skewed": reading.is_skewed,
        "split_p_value": reading.split_p_value,
        "inference": reading.inference,
        "is_under_way": state.is_busy,
        "lines": [
            {**line, "adjusted_p": adjusted.get((line["metric"], line["one_arm"], line["other_arm"]))}
            for line in reading.lines
        ],
    }
