"""Opening results early, and two looks side by side, over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis import queries, unblinding
from analysis.report import changes
from experiments import queries as experiments
from ledger.refusals import NotFound, problem
from metrics.reading import body_fields

if TYPE_CHECKING:
    from analysis.models import ReportSnapshot


class ReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="Why, in one sentence; it stands in the history.")


class UnblindedSerializer(serializers.Serializer[Any]):
    experiment = serializers.CharField()
    plan_version = serializers.IntegerField(help_text="Results of this version of the plan are open now.")


class FactSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # DRF keeps fields apart from its attributes
    before = serializers.CharField()
    after = serializers.CharField()
    is_changed = serializers.BooleanField()


class CellSerializer(serializers.Serializer[Any]):
    point = serializers.CharField()
    span = serializers.CharField()
    state = serializers.CharField()


class PairSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    before = CellSerializer(allow_null=True)
    after = CellSerializer(allow_null=True)
    is_new_state = serializers.BooleanField()


class ChangesSerializer(serializers.Serializer[Any]):
    """`rows` is empty where one of the two looks hides its effects."""

    before = serializers.CharField(help_text="SHA-256 of the earlier report.")
    after = serializers.CharField(help_text="SHA-256 of the later report.")
    sentences = serializers.ListField(child=serializers.CharField())
    facts = FactSerializer(many=True)
    rows = PairSerializer(many=True)


class Unblind(APIView):
    """Results are hidden from everybody but the owner until the minimum duration."""

    @extend_schema(request=ReasonSerializer, responses=UnblindedSerializer)
    def post(self, request: Request, key: str) -> Response:
        """The owner opens them to everybody earlier. It is logged, and holds for this version of the plan."""
        body = body_fields(request.data, ("reason",))
        reason = body.text("reason", fix="Write one sentence for the history.", default="", limit=2000)
        body.findings.raise_if_any()
        version = _document(_newest(key))["experiment"]["plan_version"]
        by: dict[str, Any] = {"actor": request.user.get_username(), "now": timezone.now()}
        unblinding.unblind(key=key, plan_version=version, reason=reason, **by)
        return Response({"experiment": key, "plan_version": version})


class Changes(APIView):
    """What is different between two looks."""

    @extend_schema(
        parameters=[
            OpenApiParameter("before", str, description="SHA-256 of a report; else the one before `after`."),
            OpenApiParameter("after", str, description="SHA-256 of a report; else the newest."),
        ],
        responses=ChangesSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        """In sentences, the frame of both, and every result side by side, as the console shows it."""
        experiment, asked = experiments.experiment(key), request.query_params
        after = _named(key, asked.get("after", "")) or _newest(key)
        before = _named(key, asked.get("before", "")) or _look_before(key, after)
        documents = _document(before), _document(after)
        viewer, now = request.user.get_username(), timezone.now()
        for each in documents:
            unblinding.raise_if_blind(each, experiment, viewer=viewer, now=now)
        hides = any(each["effects_hidden"] for each in documents)
        facts = [{**each, "is_changed": bool(each["is_changed"])} for each in changes.facts(*documents)]
        return Response(
            {
                "before": before.sha256,
                "after": after.sha256,
                "sentences": changes.between(*documents),
                "facts": facts,
                "rows": [] if hides else [_row(pair) for pair in changes.side_by_side(*documents)],
            }
        )


def _row(pair: dict[str, Any]) -> dict[str, Any]:
    return {**pair, "before": _cell(pair["before"]), "after": _cell(pair["after"])}


def _cell(cell: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if cell is None else {"point": cell["point"], "span": cell["span"], "state": cell["word"]}


def _document(snapshot: ReportSnapshot) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(snapshot.document)
    return found


def _newest(key: str) -> ReportSnapshot:
    experiments.experiment(key)
    found = queries.latest_snapshot(key)
    if found is None:
        fix = f"POST /experiments/{key}/runs asks for a look."
        raise NotFound(problem("experiment", key, f'"{key}" has no report yet', fix))
    return found


def _named(key: str, sha256: str) -> ReportSnapshot | None:
    """The report with this hash; None when none is named. Raises NotFound for another experiment's."""
    found = queries.snapshot(sha256) if sha256 else None
    if found is not None and found.experiment.key != key:
        raise NotFound(problem("sha256", sha256, f'"{key}" has no report with this hash', "See its /runs."))
    return found


def _look_before(key: str, after: ReportSnapshot) -> ReportSnapshot:
    listed = list(queries.snapshots(key).defer("document"))
    at = next(index for index, each in enumerate(listed) if each.id == after.id)
    if at + 1 == len(listed):
        why = "there is no look before this one"
        raise NotFound(problem("before", after.sha256, why, "Compare a later one, or name two."))
    return queries.snapshot(listed[at + 1].sha256)
