"""The provider under the real OpenFeature SDK."""

import time
from datetime import UTC, datetime

import pytest

pytest.importorskip("openfeature")

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent
from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.flag_evaluation import Reason
from openfeature.hook import Hook
from openfeature.provider import ProviderStatus
from openfeature.track import TrackingEventDetails

from headway import Client, backoff
from headway.evaluation import results
from headway.openfeature import REASONS, HeadwayProvider
from headway.testing import MemoryClient, document_of
from tests.core.sdk.build import document, experiment, flag, split, targeting, when
from tests.core.sdk.faults import FaultServer, eventually

USER = EvaluationContext("user-1", {"country": "de"})


@pytest.fixture
def memory():
    whole = document_of({"yes": True, "text": "t", "five": 5, "half": 2.5, "map": {"a": 1}, "list": [1]})
    whole["flags"] |= {
        "home": experiment(),
        "german": flag([targeting(when("country", "equals", "de"))]),
        "off": flag([split()], on=False),
        "silent": flag(off=None, default=None),
    }
    return MemoryClient(document=whole)


@pytest.fixture
def client(memory):
    api.set_provider_and_wait(HeadwayProvider(memory))
    yield api.get_client()
    api.shutdown()
    api.clear_providers()


def test_provider__every_type__value_variant_and_metadata(client):
    assert client.get_boolean_value("yes", False, USER) is True
    assert client.get_string_value("text", "d", USER) == "t"
    assert client.get_integer_value("five", 0, USER) == 5
    assert client.get_float_value("half", 0.0, USER) == 2.5
    as_float = client.get_float_value("five", 0.0, USER)
    assert (as_float, type(as_float)) == (5.0, float)
    assert client.get_object_value("map", {}, USER) == {"a": 1}
    assert client.get_object_value("list", [], USER) == [1]

    details = client.get_string_details("home", "d", USER)
    assert details.variant in ("control", "treatment")
    assert details.reason == Reason.SPLIT
    assert details.flag_metadata == {
        "headway.reason": "SPLIT",
        "headway.rule": "split",
        "headway.experiment": "an-experiment",
        "version": 1,
    }


@pytest.mark.parametrize(
    ("flag_key", "context", "reason", "value"),
    [
        ("german", USER, Reason.TARGETING_MATCH, "t"),
        ("german", EvaluationContext("user-1", {"country": "fr"}), Reason.DEFAULT, "c"),
        ("off", USER, Reason.DISABLED, "c"),
        ("silent", USER, Reason.DEFAULT, "own"),
    ],
)
def test_provider__reasons__mapped_to_openfeature(client, flag_key, context, reason, value):
    details = client.get_string_details(flag_key, "own", context)

    assert (details.reason, details.value, details.error_code) == (reason, value, None)


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda client: client.get_string_details("nope", "own", USER), ErrorCode.FLAG_NOT_FOUND),
        (lambda client: client.get_string_details("yes", "own", USER), ErrorCode.TYPE_MISMATCH),
        (lambda client: client.get_integer_details("half", 7, USER), ErrorCode.TYPE_MISMATCH),
        (lambda client: client.get_integer_details("yes", 7, USER), ErrorCode.TYPE_MISMATCH),
        (lambda client: client.get_string_details("home", "own"), ErrorCode.TARGETING_KEY_MISSING),
    ],
)
def test_provider__trouble__default_and_error_code(client, ask, code):
    details = ask(client)

    assert details.error_code == code
    assert details.reason == Reason.ERROR
    assert details.value in ("own", 7)
    assert details.variant is None


def test_provider__every_reason__mapped_or_an_error():
    names = {name for name in dir(results) if name.isupper() and isinstance(getattr(results, name), str)}

    errors = {"UNIT_MISSING", "FLAG_NOT_FOUND", "TYPE_MISMATCH", "ERROR"}

    assert set(REASONS) == names - errors


def test_provider__exposures_and_tracking__reach_the_client(client, memory):
    client.get_string_value("home", "d", USER)
    client.track("purchase", USER, TrackingEventDetails(49.9, {"system": "ios", "nested": {}}))

    assert [each["flag"] for each in memory.exposures] == ["home"]
    assert [(each["name"], each["value"], each["dims"]) for each in memory.events] == [
        ("purchase", 49.9, {"system": "ios"})
    ]


# Life


@pytest.fixture
def server():
    made = FaultServer(document({"home": experiment()}))
    yield made
    api.clear_providers()
    made.stop()


class Told:
    """The events that OpenFeature passes on, by name."""

    def __init__(self, *events):
        self.names = []
        self._events = events
        for event in events:
            api.add_handler(event, self._note)

    def _note(self, details):
        self.names.append(details.provider_name)

    def __len__(self):
        return len(self.names)


def test_life__server_dead_at_the_start__error_and_defaults_until_it_is_back(server, monkeypatch):
    monkeypatch.setattr(backoff, "FIRST_S", 0.02)
    server.fail("500")
    provider = HeadwayProvider(Client(server.url, "k", poll_s=0.05), ready_within_s=0.1)

    with pytest.raises(ProviderNotReadyError):
        api.set_provider_and_wait(provider)
    client = api.get_client()
    details = client.get_string_details("home", "own", USER)
    assert client.get_provider_status() == ProviderStatus.ERROR
    assert (details.value, details.error_code) == ("own", ErrorCode.PROVIDER_NOT_READY)
    server.recover()

    assert eventually(lambda: client.get_provider_status() == ProviderStatus.READY)
    assert client.get_string_details("home", "own", USER).reason == Reason.SPLIT


def test_life__flag_changed__told_and_used(server):
    api.set_provider_and_wait(HeadwayProvider(Client(server.url, "k", poll_s=0.05)))
    client = api.get_client()
    told = Told(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED)

    server.document = document({"home": {**experiment(), "on": False}}, version=2)

    assert eventually(lambda: len(told) >= 1)
    assert client.get_string_details("home", "own", USER).reason == Reason.DISABLED


def test_life__shut_down__client_closed_and_nothing_more_is_told(server):
    headway_client = Client(server.url, "k", poll_s=0.05)
    api.set_provider_and_wait(HeadwayProvider(headway_client))

    api.clear_providers()

    assert headway_client._is_closed
    assert headway_client._listeners == []


def test_context__of_api_client_and_call__merged_before_it_is_asked(client, memory):
    api.set_evaluation_context(EvaluationContext("user-1", {"country": "fr", "plan": "pro"}))
    try:
        asked = api.get_client()
        asked.context = EvaluationContext(attributes={"country": "at"})
        assert asked.get_string_value("german", "own") == "c"
        assert asked.get_string_value("german", "own", EvaluationContext(attributes={"country": "de"})) == "t"
    finally:
        api.set_evaluation_context(EvaluationContext())


def test_hooks__of_openfeature__see_the_answer(client):
    seen = []

    class Watching(Hook):
        def after(self, hook_context, details, hints):
            seen.append((hook_context.flag_key, details.variant, details.reason))

    client.add_hooks([Watching()])
    client.get_string_value("off", "own", USER)

    assert seen == [("off", "control", Reason.DISABLED)]


def test_context__zoned_time__compared_as_a_time(client, memory):
    whole = flag([targeting(when("since", "before", "2026-01-01T00:00:00Z"))])
    memory.use_config(memory.config.updated({"since": whole}, 2))

    context = EvaluationContext("user-1", {"since": datetime(2025, 1, 1, tzinfo=UTC)})

    assert client.get_string_value("since", "own", context) == "t"


async def _resolve_async(client):
    return await client.get_boolean_value_async("yes", False, USER)


def test_provider__async_client__same_answers(client):
    import asyncio

    assert asyncio.run(_resolve_async(client)) is True


def test_provider__resolution__costs_little_beside_openfeature(memory):
    """The bar is 1.5 us on a quiet machine; here the cost is held to a share of OpenFeature's own."""
    provider = HeadwayProvider(memory)
    api.set_provider(provider)
    client = api.get_client()

    def best(action):
        times = []
        for _ in range(5):
            start = time.process_time()
            for _ in range(2000):
                action()
            times.append(time.process_time() - start)
        return min(times) / 2000

    own = best(lambda: provider.resolve_boolean_details("yes", False, USER))
    whole = best(lambda: client.get_boolean_value("yes", False, USER))
    api.clear_providers()

    assert own < whole / 2
