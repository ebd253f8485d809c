"""The middlewares in a real Django application, as WSGI and as ASGI, with the real client and its delays."""

import asyncio

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import path

from headway.ablation import Delay
from headway.middleware import asgi, django, wsgi
from headway.testing import MemoryClient
from tests.core.sdk.build import document, flag, split

# A request closes old connections, whichever tests had them.
pytestmark = pytest.mark.django_db
DOSE_MS = 120.0
SLOW = flag(
    [split(arms=[("none", 1), ("slow", 999_999)], experiment="slow")],
    type="number",
    variants={"none": 0, "slow": 120},
    off="none",
    default="none",
)
client = MemoryClient(document=document({"slow": SLOW}))
slept: list[float] = []
delay = Delay(client, "slow", sleep=slept.append)


def who(request):
    return request.GET.get("user")


def page(request):
    return HttpResponse(f"served after {len(slept)} delays")


slow = django(delay, unit=who)
urlpatterns = [path("page", page)]


@pytest.fixture(autouse=True)
def application(settings):
    slept.clear()
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []


def test_django__middleware_before_a_view__held_and_tracked_before_it_is_served(settings):
    settings.MIDDLEWARE = [f"{__name__}.slow"]

    answer = Browser().get("/page?user=ada")

    assert answer.content == b"served after 1 delays"
    assert slept == [DOSE_MS / 1000]
    assert client.events[-1]["name"] == "injected-delay"
    assert client.events[-1]["value"] == DOSE_MS


def test_django__nobody_is_known__served_at_once(settings):
    settings.MIDDLEWARE = [f"{__name__}.slow"]

    assert Browser().get("/page").status_code == 200
    assert slept == []


def test_wsgi__whole_application__held_by_the_query(settings):
    application = wsgi(WSGIHandler(), delay, unit=lambda environ: environ["QUERY_STRING"] or None)
    browser = Browser()
    browser.handler = application
    environ = browser._base_environ(PATH_INFO="/page", QUERY_STRING="ada")
    said = []

    body = b"".join(application(environ, lambda status, headers: said.append(status)))

    assert (said, body) == (["200 OK"], b"served after 1 delays")


def test_asgi__whole_application__loop_waits_and_the_answer_comes():
    application = asgi(ASGIHandler(), delay, unit=lambda scope: scope["query_string"].decode() or None)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/page",
        "query_string": b"bea",
        "headers": [],
        "http_version": "1.1",
        "server": ("testserver", 80),
    }

    async def visit():
        loop = asyncio.get_running_loop()
        began = loop.time()
        asked = ApplicationCommunicator(application, scope)
        await asked.send_input({"type": "http.request", "body": b""})
        start = await asked.receive_output(5)
        await asked.wait(5)
        return start["status"], loop.time() - began

    status, seconds = asyncio.run(visit())

    assert status == 200
    assert seconds >= DOSE_MS / 1000 - 0.01
    assert slept == []
