"""Receivers and deliveries over HTTP. Receivers are made by people; secrets are never read back."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import queries, services
from governance.models import Delivery, DeliveryAttempt, Receiver
from governance.models.outbound import DeliveryState
from governance.services.receivers import masked
from ledger.bodies import chosen, read
from ledger.refusals import refuse


class ReceiverSerializer(serializers.ModelSerializer[Receiver]):
    address = serializers.SerializerMethodField()
    surface = serializers.CharField(source="surface.key", default="", read_only=True)

    class Meta:
        model = Receiver
        fields = [
            "id",
            "name",
            "kind",
            "address",
            "events",
            "surface",
            "paused_at",
            "created_by",
            "created_at",
        ]

    def get_address(self, row: Receiver) -> str:
        return masked(row)


class AttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    class Meta:
        model = DeliveryAttempt
        fields = ["at", "took", "status", "detail"]


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    class Meta:
        model = Delivery
        fields = ["id", "receiver", "event", "subject", "state", "attempts", "created_at", "delivered_at"]


class DeliveryDetailSerializer(DeliverySerializer):
    log = AttemptSerializer(many=True, read_only=True)

    class Meta(DeliverySerializer.Meta):
        fields = [*DeliverySerializer.Meta.fields, "notice", "log"]


class NewReceiverRequest(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Give a name, for example: on-call of checkout.")
    kind = serializers.CharField(help_text="Give webhook, slack, pagerduty, alertmanager or mail.")
    events = serializers.ListField(help_text="Give patterns, for example guardrail.*.")
    address = serializers.CharField(required=False)
    secret = serializers.CharField(required=False)
    surface = serializers.CharField(required=False)


class NewReceiverSerializer(ReceiverSerializer):
    """The one answer that holds the signing secret."""

    signing_secret = serializers.SerializerMethodField()

    class Meta(ReceiverSerializer.Meta):
        fields = [*ReceiverSerializer.Meta.fields, "signing_secret"]

    def get_signing_secret(self, row: Receiver) -> str:
        return services.signing_secret(row)


class Newest(CursorPagination):
    page_size = 100
    ordering = ("-created_at", "id")


def by(request: Request) -> dict[str, Any]:
    """Who acts and when. Raises PermissionDenied for keys."""
    if not isinstance(request.user, AbstractBaseUser):
        raise PermissionDenied("where news go concerns everybody, so a person has to change it")
    return {"actor": request.user.get_username(), "now": timezone.now()}


class Receivers(generics.ListAPIView[Receiver]):
    """Who is told of what."""

    serializer_class = ReceiverSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Receiver]:
        return queries.receivers()

    @extend_schema(request=NewReceiverRequest, responses={201: NewReceiverSerializer})
    def post(self, request: Request) -> Response:
        """Make a receiver; the answer holds the secret that signs its messages."""
        made = services.create_receiver(**read(request, NewReceiverRequest), **by(request))
        return Response(NewReceiverSerializer(made).data, status=201)


class OneReceiver(APIView):
    @extend_schema(responses=ReceiverSerializer)
    def get(self, request: Request, id: int) -> Response:
        return Response(ReceiverSerializer(queries.receiver(id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: int) -> Response:
        """Stop telling it of anything."""
        services.remove_receiver(id=id, **by(request))
        return Response(status=204)


class Test(APIView):
    @extend_schema(request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, id: int) -> Response:
        """Send one message that says it is a test."""
        made = services.test_receiver(id=id, **by(request))
        return Response(DeliverySerializer(made).data, status=202)


class Deliveries(generics.ListAPIView[Delivery]):
    """What was sent, newest first; `?receiver=3`, `?state=failed`."""

    serializer_class = DeliverySerializer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Delivery]:
        text = self.request.query_params.get("receiver", "")
        if text and not (text.isascii() and text.isdigit() and len(text) < 19):
            raise refuse("receiver", text, "this is no number of a receiver", "Receivers have an id.")
        state = chosen(self.request, "state", DeliveryState.values)
        return queries.deliveries(receiver_id=int(text) if text else None, state=state)


class OneDelivery(APIView):
    @extend_schema(responses=DeliveryDetailSerializer)
    def get(self, request: Request, id: UUID) -> Response:
        return Response(DeliveryDetailSerializer(queries.delivery(id)).data)


class Replay(APIView):
    @extend_schema(request=None, responses={202: DeliverySerializer})
    def post(self, request: Request, id: UUID) -> Response:
        """Send it again, with the same id."""
        return Response(DeliverySerializer(services.replay(id=id, **by(request))).data, status=202)
