"""From the SDK to the verdict: what was planted is what the report says."""

import json

import pytest
from django.utils import timezone

from analysis import queries, services
from experiments import queries as experiment_queries
from flags import queries as flag_queries
from tests.flows import planting
from tests.flows.hurrying import soon

HARM_MS = 60.0


@pytest.fixture(scope="module")
def known():
    return {}


@pytest.fixture
def planted(connected, known):
    """What was planted under a key and the report on it, made once."""

    def told(key, harm_ms):
        if key not in known:
            planted = planting.plant(connected.edge_url, key, harm_ms=harm_ms)
            known[key] = planted, looked_at(key)
        return known[key]

    return told


def looked_at(key):
    """The report of a look that was asked for now."""
    services.request_look(experiment=key, trigger="manual", actor="rosa", now=timezone.now())
    assert soon(lambda: queries.latest_snapshot(key)), f"no look at {key}"
    return json.loads(queries.latest_snapshot(key).document)


def row(report, metric):
    [found] = [row for row in report["results"] if row["metric"] == metric]
    return found, found["arms"][0]


@pytest.mark.parametrize(
    ("key", "harm_ms", "verdict", "state"),
    [("planted-gain", 0.0, "SHIP", "held"), ("planted-harm", HARM_MS, "ROLL BACK", "harm")],
)
def test_report__planted_effect__said_to_the_last_digit(planted, key, harm_ms, verdict, state):
    sent, report = planted(key, harm_ms)

    orders, load_time = row(report, "planted-orders"), row(report, "planted-load-time")
    assert orders[1]["fixed"]["difference"] == pytest.approx(sent.order_difference, abs=1e-9)
    assert load_time[1]["fixed"]["difference"] == pytest.approx(sent.load_difference_ms, abs=1e-9)
    assert {arm: len(of) for arm, of in sent.ordered.items()} == {
        "control": orders[0]["control"]["units"],
        "treatment": orders[1]["units"],
    }
    said = (report["verdict"]["code"], load_time[1]["state"])
    assert said == (verdict, state), (report["verdict"], report["trust"])


def test_guardrail__planted_harm__one_open_trip_the_run_ends_and_the_flag_is_held(planted):
    planted("planted-harm", HARM_MS)
    [trip] = queries.unsettled_trips("planted-harm")

    assert (trip.metric, trip.arm, trip.is_blocking) == ("planted-load-time", "treatment", True)
    assert trip.estimate == pytest.approx(HARM_MS, abs=10.0)
    assert trip.low < trip.estimate < trip.high
    assert soon(lambda: experiment_queries.experiment("planted-harm").state == "stopped")
    assert flag_queries.holds_of("planted-harm", "planted-harm").count() == 1


def test_guardrail__nothing_planted__no_trip(planted):
    planted("planted-gain", 0.0)

    assert not queries.unsettled_trips("planted-gain").exists()
