"""Reviews of versions over HTTP. Approving and rejecting take a person; a key may submit."""

from collections.abc import Callable

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flags import services
from flags.api import requests
from flags.api.access import a_person, by, own_environment, people_only
from flags.api.serializers import EnvironmentSerializer, FlagVersionSerializer
from flags.models import FlagVersion
from ledger.bodies import read


class ReviewStep(APIView):
    """Submit, approve, reject or withdraw a version, as the address says; rejecting needs a reason."""

    service: Callable[..., FlagVersion] = services.submit_version
    needs_person = False

    @extend_schema(request=requests.ReasonRequest, responses=FlagVersionSerializer)
    def post(self, request: Request, key: str, environment: str, number: int) -> Response:
        own_environment(request, environment)
        if self.needs_person:
            a_person(request, "a review")
        content = {"reason": "", **read(request, requests.ReasonRequest)}
        made = self.service(flag=key, environment=environment, version=number, **content, **by(request))
        return Response(FlagVersionSerializer(made).data)


class ReviewSetting(APIView):
    @extend_schema(request=requests.ReviewSettingRequest, responses=EnvironmentSerializer)
    def post(self, request: Request, environment: str) -> Response:
        """Require that somebody else approves what opens a flag here, or stop requiring it."""
        people_only(request, "who has to approve")
        content = read(request, requests.ReviewSettingRequest)
        made = services.require_review(environment=environment, **content, **by(request))
        return Response(EnvironmentSerializer(made).data)
