"""The client on a good day: values, exposures, events, hooks, typed accessors, life."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from headway import Client
from headway.testing import MemoryClient
from tests.core.sdk.build import document, experiment, flag, split, targeting, when
from tests.core.sdk.faults import FaultServer, eventually

DAY = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture
def server():
    made = FaultServer(document({"home": experiment()}))
    yield made
    made.stop()


@pytest.fixture
def client(server):
    with Client(server.url, "hw_server_key", poll_s=60, flush_s=0.05) as made:
        assert made.wait_until_ready(60)
        yield made


def _memory(flags, **options):
    parts = {name: options.pop(name) for name in ("layers", "segments", "holdouts") if name in options}
    return MemoryClient(document=document(flags, **parts), **options)


def test_client__started__fetches_with_its_key_and_says_where_from(client, server):
    path, headers = server.requests[0]

    assert path == "/sdk/v1/config"
    assert headers["Authorization"] == "Bearer hw_server_key"
    assert headers["User-Agent"].startswith("headway-python/")
    assert (client.source.name, client.source.version, client.source.environment) == (
        "server",
        1,
        "production",
    )
    assert client.source.age_s < 60


def test_client__flag_changed_on_the_server__next_poll_brings_it(client, server):
    server.document = document({"home": {**experiment(), "on": False}}, version=2)

    assert client.refresh(60)

    assert client.evaluate("home", "user-1").reason == "DISABLED"


def test_client__nothing_new__304_and_the_same_objects(client, server):
    before = client.config

    assert client.refresh(60)

    assert client.config is before
    assert "If-None-Match" in server.requests[-1][1] or "If-none-match" in server.requests[-1][1]


def test_client__exposures_and_events__delivered_once_with_all_fields(server):
    dims = ("country", "visits", "absent", "list")
    options = {"exposure_dims": dims, "clock": lambda: DAY, "flush_s": 0.05, "poll_s": 60}
    with Client(server.url, "k", **options) as client:
        client.wait_until_ready(60)
        answer = client.evaluate("home", "user-1", {"country": "de", "visits": 3, "list": []})
        client.evaluate("home", "user-1", {"country": "fr"})
        client.track("purchase", unit="user-1", value=49.9, session="s-1", dims={"new": True})
        client.track("view", unit=7, unit_type="device")
        assert client.flush(60)

    exposure, purchase, view = server.events
    assert {name: value for name, value in exposure.items() if name != "id"} == {
        "kind": "exposure",
        "ts": "2026-11-23T10:00:00+00:00",
        "unit": "user-1",
        "unit_type": "user",
        "flag": "home",
        "variant": answer.variant,
        "version": 1,
        "experiment": "an-experiment",
        "dims": {"country": "de", "visits": "3"},
    }
    assert {**purchase, "id": ""} == {
        "id": "",
        "kind": "event",
        "ts": "2026-11-23T10:00:00+00:00",
        "unit": "user-1",
        "unit_type": "user",
        "name": "purchase",
        "value": 49.9,
        "session": "s-1",
        "dims": {"new": "true"},
    }
    assert (view["unit"], view["unit_type"]) == ("7", "device")
    assert "value" not in view
    assert len({event["id"] for event in server.events}) == 3


def test_exposures__only_where_chance_decides_or_an_experiment_runs():
    rules = [
        targeting(when("who", "equals", "pilot"), id="plain"),
        targeting(when("who", "equals", "lab"), id="lab") | {"experiment": "an-experiment"},
        split(500_000, experiment="an-experiment"),
    ]
    client = _memory({"f": flag(rules, forced={"qa": "treatment"})})

    for who in ("pilot", "lab", "other"):
        for number in range(20):
            client.evaluate("f", f"{who}-{number}", {"who": who})
    client.evaluate("f", "qa")
    client.evaluate("f", "")
    client.evaluate("f", None)

    noted = [(each["unit"], each.get("forced")) for each in client.exposures]
    assert [unit for unit, _ in noted if unit.startswith("pilot")] == []
    assert len([unit for unit, _ in noted if unit.startswith("lab")]) == 20
    assert 2 < len([unit for unit, _ in noted if unit.startswith("other")]) < 18
    assert [forced for unit, forced in noted if unit == "qa"] == [True]
    assert {"", None}.isdisjoint(unit for unit, _ in noted)


def test_exposures__unit_in_an_attribute__that_one_is_exposed():
    client = _memory({"f": flag([split(unit_from="device")])})

    for _ in range(3):
        client.evaluate("f", "user-1", {"device": "d-1"})
        client.evaluate("f", "user-1", {"device": 2})

    assert [(each["unit"], each["unit_type"]) for each in client.exposures] == [
        ("d-1", "device"),
        ("2", "device"),
    ]


def test_exposures__a_new_day_and_a_new_version__noted_again():
    now = [DAY]
    client = _memory({"f": experiment()}, clock=lambda: now[0])

    client.evaluate("f", "user-1")
    now[0] = DAY + timedelta(hours=1)
    client.evaluate("f", "user-1")
    assert len(client.exposures) == 1
    now[0] = DAY + timedelta(days=1)
    client.evaluate("f", "user-2")
    client.evaluate("f", "user-1")
    assert len(client.exposures) == 3
    client.config.updated({}, 2)
    client.use_config(client.config.updated({"f": {**experiment(), "version": 2}}, 2))
    client.evaluate("f", "user-1")
    assert client.exposures[-1]["version"] == 2


def test_exposures__more_units_than_room__memory_bounded_and_the_frequent_stay_known():
    client = MemoryClient(document=document({"f": experiment()}), max_units=1000)

    for number in range(10_000):
        client.evaluate("f", f"user-{number}")
        client.evaluate("f", "a regular")

    arms = client.config.plan("f").rules[0].split.arms
    assert sum(len(arm.noted) for arm in arms) <= 500
    assert sum(each["unit"] == "a regular" for each in client.exposures) == 1


def test_queue__full__oldest_dropped_counted_and_reported(server):
    server.fail("500")
    client = Client(server.url, "k", poll_s=60, flush_s=60, max_queue=100)
    for number in range(250):
        client.track("e", unit=f"user-{number}")
    assert client.counters["dropped"] >= 100
    server.recover()
    client._loops[1].wake()

    assert eventually(lambda: client.flush(0.2) and len(server.events) >= 100)

    client.close()
    delivered = [event["unit"] for event in server.events]
    assert delivered[-1] == "user-249"
    reported = sum(batch["dropped"] for batch in {b["batch_id"]: b for b in server.batches}.values())
    assert reported + len(delivered) == 250


@pytest.mark.parametrize(
    "event",
    [
        {"name": "", "unit": "u"},
        {"name": 5, "unit": "u"},
        {"name": "n" * 129, "unit": "u"},
        {"name": "e", "unit": ""},
        {"name": "e", "unit": None},
        {"name": "e", "unit": 1.5},
        {"name": "e", "unit": "u", "value": "5"},
        {"name": "e", "unit": "u", "value": True},
        {"name": "e", "unit": "u", "value": float("nan")},
        {"name": "e", "unit": "u", "value": float("inf")},
        {"name": "e", "unit": "u", "value": 2**60},
        {"name": "e", "unit": "u", "session": ""},
        {"name": "e", "unit": "u", "dims": [1]},
        {"name": "e", "unit": "u", "dims": {"a": None}},
        {"name": "e", "unit": "u", "dims": {"": "a"}},
        {"name": "e", "unit": "u", "dims": {"a": "b" * 257}},
        {"name": "e", "unit": "u", "dims": {f"d{n}": "x" for n in range(33)}},
    ],
)
def test_track__not_an_event__counted_and_logged_never_raised(event, caplog):
    client = MemoryClient()

    client.track(**event)

    assert client.events == []
    assert client.counters["invalid_events"] == 1
    assert "an event was not taken" in caplog.text


def test_accessors__value_of_another_type__default_and_one_line_a_minute(caplog):
    client = MemoryClient({"yes": True, "text": "t", "five": 5, "map": {"a": [1]}})

    assert client.bool("yes", unit="u") is True
    assert client.string("text", unit="u") == "t"
    assert client.number("five", unit="u") == 5
    assert client.bool("text", unit="u", default=True) is True
    assert client.bool("text", unit="u", default=True) is True
    assert client.number("yes", unit="u", default=2) == 2
    assert client.string("five", unit="u", default="d") == "d"
    assert client.variant("yes", unit="u") == "test"
    assert client.variant("nope", unit="u", default="control") == "control"
    assert [record.message for record in caplog.records if "TYPE_MISMATCH: text" in record.message] != []
    assert len([record for record in caplog.records if "TYPE_MISMATCH: text" in record.message]) == 1


def test_json__value_changed_by_the_caller__flag_stays():
    client = MemoryClient({"map": {"a": [1]}})

    client.json("map", unit="u")["a"].append(2)

    assert client.json("map", unit="u") == {"a": [1]}
    assert client.json("nope", unit="u", default=7) == 7


def test_unknown_flag__asked_often__default_and_one_line(caplog):
    client = MemoryClient({"known": True})

    answers = [client.evaluate("nope", unit="u", default=3) for _ in range(50)]

    assert {(answer.value, answer.reason) for answer in answers} == {(3, "FLAG_NOT_FOUND")}
    assert len([record for record in caplog.records if "no flag 'nope'" in record.message]) == 1


class Recording:
    def __init__(self):
        self.calls = []

    def before(self, flag, unit, attributes, default):
        self.calls.append(("before", flag, unit, attributes, default))

    def after(self, evaluation, unit, attributes):
        self.calls.append(("after", evaluation.variant, unit, attributes))


class Raising(Recording):
    def before(self, *args):
        raise RuntimeError("before")

    def after(self, *args):
        raise RuntimeError("after")


def test_hooks__every_evaluation__seen_and_their_errors_swallowed():
    hook = Recording()
    client = MemoryClient({"f": "v"}, hooks=[Raising(), hook])

    for _ in range(3):
        assert client.string("f", unit="u") == "v"

    assert hook.calls == [("before", "f", "u", None, ""), ("after", "test", "u", None)] * 3
    assert client.counters["hook_errors"] == 6


def test_hooks__exposures__noted_as_without():
    client = _memory({"f": experiment()}, hooks=[Recording()])

    for _ in range(3):
        client.evaluate("f", "user-1")

    assert len(client.exposures) == 1


def test_close__twice_and_evaluate_after__last_values_no_threads(server):
    client = Client(server.url, "k", poll_s=60, flush_s=60)
    client.wait_until_ready(60)
    client.evaluate("home", "user-1")

    client.close(60)
    client.close()

    assert len(server.events) == 1
    assert client.evaluate("home", "user-1").reason == "SPLIT"
    assert eventually(lambda: not any(loop._thread.is_alive() for loop in client._loops))


def test_memory_client__value_set__given_from_then_on():
    client = MemoryClient({"f": False})

    client.set("f", True)

    assert client.bool("f", unit="u") is True


@pytest.mark.parametrize("url", ["", "not a url", "file:///etc/passwd", "http://127.0.0.1:1", None])
def test_client__address_of_no_server__made_and_serves_defaults(url, caplog):
    with Client(url, "k", poll_s=60) as client:
        assert eventually(lambda: client.counters["poll_failures"] > 0)
        answer = client.evaluate("f", "u", default="own")

    assert (answer.value, answer.reason, answer.detail) == (
        "own",
        "ERROR",
        "no configuration was received yet",
    )


@pytest.mark.parametrize("key", ["", None, "line\nbreak", 5])
def test_client__key_that_is_none__nothing_is_sent(server, key):
    with Client(server.url, key, poll_s=60) as client:
        assert client.refresh(60)

    assert server.requests == []


def test_client__key_function__asked_each_time(server):
    keys = ["first", "second"]
    with Client(server.url, lambda: keys[0], poll_s=60) as client:
        client.wait_until_ready(60)
        keys.pop(0)
        client.refresh(60)

    assert [headers["Authorization"] for _, headers in server.requests[:2]] == [
        "Bearer first",
        "Bearer second",
    ]


def test_log__of_the_sdk__through_logging_only(capsys):
    MemoryClient().evaluate("nope", "u")

    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("headway").handlers == []


def test_event_id__raises_for_one_event__the_others_arrive(server):
    def event_id(event):
        if event["name"] == "bad":
            raise ValueError("no id")
        return f"00000000-0000-4000-8000-0000000000{event['unit']}"

    with Client(server.url, "k", poll_s=60, flush_s=60, event_id=event_id) as client:
        for number, name in enumerate(["one", "bad", "two"], start=10):
            client.track(name, unit=number)
        assert client.flush(60)

    assert [event["name"] for event in server.events] == ["one", "two"]
    assert client.counters["invalid_events"] == 1


def test_clock__raises__answers_go_on_and_it_is_counted(caplog):
    def broken():
        raise RuntimeError("no time")

    client = _memory({"f": experiment()}, clock=broken)

    assert client.evaluate("f", "user-1").reason == "SPLIT"
    client.track("view", "user-1")

    assert client.counters["errors"] == 2
    assert client.exposures == client.events == []
