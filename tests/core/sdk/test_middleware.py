"""The delay before a request, in each kind of application; whatever goes wrong, the request is served."""

import asyncio

import pytest

from headway.ablation import Applied
from headway.middleware import asgi, before, django, wsgi


class Recording:
    """Stands where a Delay stands and remembers who would have waited."""

    def __init__(self):
        self.asked = []

    def apply(self, unit, attributes=None):
        self.asked.append((unit, attributes))
        return Applied(0, 0)

    async def apply_async(self, unit, attributes=None):
        return self.apply(unit, attributes)


@pytest.fixture
def delay():
    return Recording()


def test_wsgi__request__held_then_served(delay):
    application = wsgi(
        lambda environ, start: [b"served"],
        delay,
        unit=lambda environ: environ.get("REMOTE_USER"),
        attributes=lambda environ: {"path": environ["PATH_INFO"]},
    )

    assert application({"REMOTE_USER": "ada", "PATH_INFO": "/"}, None) == [b"served"]
    assert application({"PATH_INFO": "/"}, None) == [b"served"]
    assert delay.asked == [("ada", {"path": "/"})]


def test_asgi__http_is_held__lifespan_and_unknown_users_are_not(delay):
    served = []

    async def inner(scope, receive, send):
        served.append(scope["type"])

    application = asgi(inner, delay, unit=lambda scope: scope.get("user"))

    for scope in ({"type": "lifespan"}, {"type": "http", "user": "ada"}, {"type": "http"}):
        asyncio.run(application(scope, None, None))

    assert served == ["lifespan", "http", "http"]
    assert delay.asked == [("ada", None)]


def test_django__sync_and_async_views__both_held(delay):
    middleware = django(delay, unit=lambda request: request)

    async def view(request):
        return f"async {request}"

    assert middleware(lambda request: f"sync {request}")("ada") == "sync ada"
    assert asyncio.run(middleware(view)("bea")) == "async bea"
    assert [unit for unit, _ in delay.asked] == ["ada", "bea"]
    assert middleware.sync_capable
    assert middleware.async_capable


def test_before__function_and_coroutine__held_with_their_names_kept(delay):
    @before(delay, unit=lambda user: user)
    def plain(user):
        return user

    @before(delay, unit=lambda user: user)
    async def waiting(user):
        return user

    assert plain("ada") == "ada"
    assert asyncio.run(waiting("bea")) == "bea"
    assert (plain.__name__, waiting.__name__) == ("plain", "waiting")
    assert [unit for unit, _ in delay.asked] == ["ada", "bea"]


def test_unit__cannot_be_found__request_is_served_without_a_delay(delay):
    application = wsgi(lambda environ, start: [b"served"], delay, unit=lambda environ: environ["nobody"])

    assert application({}, None) == [b"served"]
    assert delay.asked == []
