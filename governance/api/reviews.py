"""Launch reviews, guardrail sets and waivers over HTTP. People answer; keys only read."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import policy_queries, review_queries
from governance.api.receivers import by
from governance.models import GuardrailSet, LaunchReview, ReviewState, SignOff, Waiver, WaiverState
from governance.services import conditions, guardrails, reviews, waivers
from ledger.bodies import chosen, read
from ledger.refusals import refuse


class SignOffSerializer(serializers.ModelSerializer[SignOff]):
    class Meta:
        model = SignOff
        fields = [
            *("discipline", "answer", "note", "by", "at", "sha256", "ended_at", "ended_because"),
            *("met_at", "met_by", "met_note"),
        ]


class ReviewSerializer(serializers.ModelSerializer[LaunchReview]):
    """A review as it stands now: findings and missing sign-offs are computed when it is read."""

    experiment = serializers.CharField(source="experiment_id", default="", read_only=True)
    sign_offs = SignOffSerializer(many=True, read_only=True)

    class Meta:
        model = LaunchReview
        fields = [
            *("id", "experiment", "flag", "environment", "state", "answers", "requested_by"),
            *("requested_at", "state_at", "reason", "sign_offs"),
        ]


class StandingSerializer(serializers.Serializer[Any]):
    """What holds at this moment."""

    review = ReviewSerializer()
    state = serializers.CharField()
    disciplines = serializers.ListField(child=serializers.CharField(), source="required")
    missing = serializers.ListField(child=serializers.CharField())
    is_against_rule = serializers.BooleanField()
    sha256 = serializers.CharField(source="signed.sha256", default="")
    findings = serializers.SerializerMethodField()

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get_findings(self, found: Any) -> list[dict[str, Any]]:
        return [
            {
                "code": each.code,
                "severity": each.severity.value,
                "title": each.title,
                "fix": each.fix,
                "evidence": dict(each.evidence),
            }
            for each in found.findings
        ]


class SetSerializer(serializers.Serializer[Any]):
    """A guardrail set with its members."""

    def to_representation(self, row: GuardrailSet) -> dict[str, Any]:
        return {"id": row.id, **guardrails.facts(row), "created_by": row.created_by}


class WaiverSerializer(serializers.ModelSerializer[Waiver]):
    experiment = serializers.CharField(source="experiment_id", read_only=True)

    class Meta:
        model = Waiver
        fields = [
            *("id", "experiment", "metric", "reason", "expires_on", "state", "requested_by"),
            *("requested_at", "approver", "settled_at", "note"),
        ]


class OpenRequest(serializers.Serializer[Any]):
    experiment = serializers.CharField(required=False)
    flag = serializers.CharField(required=False)
    environment = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)


class SignRequest(serializers.Serializer[Any]):
    discipline = serializers.CharField(
        help_text="Give performance, quality, data, privacy, legal or product."
    )
    answer = serializers.CharField(help_text="Give approved, approved_with_conditions or rejected.")
    sha256 = serializers.CharField(help_text="Give the hash of the report that you read.")
    note = serializers.CharField(required=False)


class AnswersRequest(serializers.Serializer[Any]):
    answers = serializers.DictField(help_text="Give true or false for each risk question.")


class WithReasonRequest(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="Write one sentence.")


class MetRequest(serializers.Serializer[Any]):
    discipline = serializers.CharField(help_text="Give the discipline whose conditions are met.")
    note = serializers.CharField(help_text="Say what was done and where it can be seen.")


class NoteRequest(serializers.Serializer[Any]):
    note = serializers.CharField(required=False)


class SetRequest(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Give a name.")
    members = serializers.ListField(help_text="Give metric, blocking, margin and margin_unit of each.")
    team = serializers.CharField(required=False)
    surface = serializers.CharField(required=False)


class SetChange(serializers.Serializer[Any]):
    members = serializers.ListField(help_text="Give metric, blocking, margin and margin_unit of each.")
    reason = serializers.CharField(help_text="Write one sentence.")


class WaiverRequest(serializers.Serializer[Any]):
    experiment = serializers.CharField(help_text="Give the key of the experiment.")
    metric = serializers.CharField(help_text="Give the key of the attached guardrail.")
    expires_on = serializers.DateField(help_text="Give a day, at most 90 days from now.")
    reason = serializers.CharField(help_text="Say why the harm is acceptable.")


class Newest(CursorPagination):
    page_size = 100
    ordering = ("-requested_at", "-id")


class Reviews(generics.ListAPIView[LaunchReview]):
    """Launch reviews, newest first; `?state=in_review`."""

    serializer_class = ReviewSerializer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[LaunchReview]:
        return review_queries.reviews(state=chosen(self.request, "state", ReviewState.values))

    @extend_schema(request=OpenRequest, responses={201: StandingSerializer})
    def post(self, request: Request) -> Response:
        """Ask for the review of an experiment's launch, or of a flag's in an environment."""
        made = reviews.open_review(**read(request, OpenRequest), **by(request))
        return _standing(made.id, status=201)


class OneReview(APIView):
    @extend_schema(responses=StandingSerializer)
    def get(self, request: Request, id: int) -> Response:
        return _standing(id)


class Answers(APIView):
    @extend_schema(request=AnswersRequest, responses=StandingSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Answer the five risk questions."""
        reviews.answer_risks(id=id, **read(request, AnswersRequest), **by(request))
        return _standing(id)


class Sign(APIView):
    @extend_schema(request=SignRequest, responses=StandingSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Answer for one discipline, on one report."""
        reviews.sign(id=id, **read(request, SignRequest), **by(request))
        return _standing(id)


class ConditionsMet(APIView):
    @extend_schema(request=MetRequest, responses=StandingSerializer)
    def post(self, request: Request, id: int) -> Response:
        """Say that the conditions of one discipline's approval are met."""
        conditions.meet_conditions(id=id, **read(request, MetRequest), **by(request))
        return _standing(id)


class Withdraw(APIView):
    @extend_schema(request=WithReasonRequest, responses=StandingSerializer)
    def post(self, request: Request, id: int) -> Response:
        reviews.withdraw_review(id=id, **read(request, WithReasonRequest), **by(request))
        return _standing(id)


class GuardrailSets(APIView):
    @extend_schema(responses=SetSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every set in force."""
        return Response([SetSerializer(row).data for row in policy_queries.guardrail_sets()])

    @extend_schema(request=SetRequest, responses={201: SetSerializer})
    def post(self, request: Request) -> Response:
        """Make a set of a surface, of a team, or of everybody."""
        made = guardrails.create_guardrail_set(**read(request, SetRequest), **by(request))
        return Response(SetSerializer(made).data, status=201)


class OneGuardrailSet(APIView):
    @extend_schema(responses=SetSerializer)
    def get(self, request: Request, id: int) -> Response:
        return Response(SetSerializer(policy_queries.guardrail_set(id)).data)

    @extend_schema(request=SetChange, responses=SetSerializer)
    def put(self, request: Request, id: int) -> Response:
        """Replace the members."""
        row = guardrails.change_guardrail_set(id=id, **read(request, SetChange), **by(request))
        return Response(SetSerializer(row).data)

    @extend_schema(request=WithReasonRequest, responses={204: None})
    def delete(self, request: Request, id: int) -> Response:
        """Attach nothing any more."""
        guardrails.remove_guardrail_set(id=id, **read(request, WithReasonRequest), **by(request))
        return Response(status=204)


class Waivers(generics.ListAPIView[Waiver]):
    """Waivers, newest first; `?experiment=`, `?state=approved`."""

    serializer_class = WaiverSerializer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Waiver]:
        experiment = self.request.query_params.get("experiment", "")
        state = chosen(self.request, "state", WaiverState.values)
        return policy_queries.waivers(experiment=experiment, state=state)

    @extend_schema(request=WaiverRequest, responses={201: WaiverSerializer})
    def post(self, request: Request) -> Response:
        """Ask that an experiment need not watch an attached guardrail until a day."""
        body = read(request, WaiverRequest)
        made = waivers.request_waiver(**{**body, "expires_on": _day(body["expires_on"])}, **by(request))
        return Response(WaiverSerializer(made).data, status=201)


class WaiverStep(APIView):
    """Approve, refuse or withdraw a waiver."""

    service: Callable[..., Waiver] = waivers.approve_waiver

    @extend_schema(request=NoteRequest, responses=WaiverSerializer)
    def post(self, request: Request, id: int) -> Response:
        body = {"note": "", **read(request, NoteRequest)}
        self.service(id=id, **body, **by(request))
        return Response(WaiverSerializer(policy_queries.waiver(id)).data)


def _standing(review_id: int, *, status: int = 200) -> Response:
    found = review_queries.standing(review_queries.review(review_id))
    return Response(StandingSerializer(found).data, status=status)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refuse("expires_on", text, "this is no day", "Write 2026-12-31.") from None


WAIVER_STEPS: dict[str, Callable[..., Waiver]] = {
    "approve": waivers.approve_waiver,
    "refuse": waivers.refuse_waiver,
    "withdraw": waivers.withdraw_waiver,
}
