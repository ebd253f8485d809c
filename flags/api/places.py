"""Environments, layers, segments and keys over HTTP."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import queries, services
from flags.api import requests
from flags.api.access import by, own_environment, people_only
from flags.api.authentication import KeyPrincipal
from flags.api.flags import ByKey
from flags.api.serializers import (
    EnvironmentSerializer,
    KeySerializer,
    LayerSerializer,
    NewKeySerializer,
    SegmentSerializer,
    SegmentVersionSerializer,
    SigningKeySerializer,
)
from flags.api.versions import ByNumber
from flags.models import Environment, Layer, SdkKey, Segment, SegmentVersion
from ledger.bodies import read


class EnvironmentList(generics.ListAPIView[Environment]):
    """All environments with the version of the document each of them serves."""

    serializer_class = EnvironmentSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Environment]:
        return queries.environments_with_documents()

    @extend_schema(request=requests.NewEnvironmentRequest, responses={201: EnvironmentSerializer})
    def post(self, request: Request) -> Response:
        """Make an environment with an empty document."""
        people_only(request, "a new environment")
        content = read(request, requests.NewEnvironmentRequest)
        made = services.create_environment(**content, **by(request))
        return Response(EnvironmentSerializer(made).data, status=201)


class LayerList(generics.ListAPIView[Layer]):
    """All layers with the slots that experiments own in them."""

    serializer_class = LayerSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Layer]:
        return queries.layers()

    @extend_schema(request=requests.NewLayerRequest, responses={201: LayerSerializer})
    def post(self, request: Request) -> Response:
        """Make a layer; its salt never changes."""
        people_only(request, "a layer")
        made = services.create_layer(**read(request, requests.NewLayerRequest), **by(request))
        return Response(LayerSerializer(made).data, status=201)


class LayerDetail(APIView):
    @extend_schema(responses=LayerSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(LayerSerializer(queries.layer(key)).data)


class SegmentList(generics.ListAPIView[Segment]):
    """All segments."""

    serializer_class = SegmentSerializer
    pagination_class = ByKey

    def get_queryset(self) -> QuerySet[Segment]:
        return queries.segments()

    @extend_schema(request=requests.NewSegmentRequest, responses={201: SegmentSerializer})
    def post(self, request: Request) -> Response:
        """Make a segment without members."""
        made = services.create_segment(**read(request, requests.NewSegmentRequest), **by(request))
        return Response(SegmentSerializer(made).data, status=201)


class SegmentVersions(generics.ListAPIView[SegmentVersion]):
    """The versions of a segment in one environment, newest first; the first one is in force."""

    serializer_class = SegmentVersionSerializer
    pagination_class = ByNumber

    def get_queryset(self) -> QuerySet[SegmentVersion]:
        if getattr(self, "swagger_fake_view", False):
            return SegmentVersion.objects.none()
        place = queries.environment(self.kwargs["environment"])
        found = queries.segment_versions(queries.segment(self.kwargs["key"]), place)
        return found.select_related("segment", "environment")

    @extend_schema(request=requests.SegmentRequest, responses={201: SegmentVersionSerializer})
    def post(self, request: Request, key: str, environment: str) -> Response:
        """Say anew who belongs to the segment; flags that look at it follow at once."""
        own_environment(request, environment)
        content = read(request, requests.SegmentRequest)
        made = services.publish_segment(segment=key, environment=environment, **content, **by(request))
        return Response(SegmentVersionSerializer(made).data, status=201)


class KeyList(generics.ListAPIView[SdkKey]):
    """All keys; with a key, those of its environment. Never the keys themselves."""

    serializer_class = KeySerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[SdkKey]:
        principal = self.request.user
        found = queries.sdk_keys()
        if isinstance(principal, KeyPrincipal):
            return found.filter(environment__key=principal.environment)
        return found

    @extend_schema(request=requests.NewKeyRequest, responses={201: NewKeySerializer})
    def post(self, request: Request) -> Response:
        """Make a key; the answer is the only place where it can be read."""
        content = read(request, requests.NewKeyRequest)
        own_environment(request, content["environment"])
        return _new_key(services.create_key(**content, **by(request)))


class KeyRotate(APIView):
    @extend_schema(request=requests.RotateRequest, responses={201: NewKeySerializer})
    def post(self, request: Request, prefix: str) -> Response:
        """Make a successor; the old key works for another 24 hours, or as long as the body says."""
        own_environment(request, queries.sdk_key(prefix).environment.key)
        hours = read(request, requests.RotateRequest).get("overlap_hours", 24)
        return _new_key(services.rotate_key(prefix=prefix, overlap_hours=hours, **by(request)))


class SigningKey(APIView):
    """What SDKs of one environment check the signature of its configuration with; only people may read it."""

    @extend_schema(responses=SigningKeySerializer)
    def get(self, request: Request, key: str) -> Response:
        people_only(request, "the key of signatures")
        return Response({"environment": key, "signing_key": services.signing_key(environment=key)})


class KeyRevoke(APIView):
    @extend_schema(request=requests.ReasonRequest, responses=KeySerializer)
    def post(self, request: Request, prefix: str) -> Response:
        """The key works no more: at once here, within five seconds for SDKs."""
        own_environment(request, queries.sdk_key(prefix).environment.key)
        content = read(request, requests.ReasonRequest)
        return Response(KeySerializer(services.revoke_key(prefix=prefix, **content, **by(request))).data)


def _new_key(made: tuple[SdkKey, str]) -> Response:
    key, secret = made
    return Response({"secret": secret, "key": KeySerializer(key).data}, status=201)
