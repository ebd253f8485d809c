"""The planning tools over HTTP: the same questions and answers as the pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.planning import asking, pages, splitting


def _parameters(names: dict[str, str]) -> list[OpenApiParameter | type[Any]]:
    return [OpenApiParameter(name, str, default=default) for name, default in names.items()]


class Duration(APIView):
    @extend_schema(parameters=_parameters(asking.DEFAULTS), responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Units and days for an effect, from the history of `metric` or a typed `value` and `spread`.

        `effect` is in % of the value, or with `scale=absolute` in the metric's unit; shares are in %.
        """
        asked = asking.question(request.query_params.dict())
        found = pages.answered(asked)
        return Response({**found.to_dict(), "baseline": asdict(asked.baseline)})


class Split(APIView):
    @extend_schema(parameters=_parameters(asking.SPLIT_DEFAULTS), responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """What an uneven split costs, and how wrong it may be before the check of the split finds it."""
        control, treatments, units = asking.split(request.query_params.dict())
        costs = splitting.costs(control, treatments, units=units)
        best = splitting.best_control_share(len(treatments))
        return Response({"arms": [asdict(cost) for cost in costs], "best_control_share": best})


class Sizing(APIView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, key: str) -> Response:
        """Power, units and days of every success metric and guardrail, and what waiting buys."""
        found = pages.sizing_of(key)
        return Response({**found["sizing"].to_dict(), "arms": [asdict(cost) for cost in found["costs"]]})
