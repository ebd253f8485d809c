# A missing row fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr, index"
"""Who is asked before more people are reached, and what the served document says afterwards."""

import gzip
import json

import pytest
from django.db import DatabaseError, transaction

from flags import gates, queries, services
from flags.gates import Blocked, Finding
from flags.models import ConfigDocument
from headway.evaluation import compile_config
from ledger import audit
from ledger.refusals import Conflict, Refused
from tests.apps.flags.build import (
    BY,
    definition,
    document,
    draft,
    environment,
    flag,
    live,
    published,
    split,
)

pytestmark = pytest.mark.django_db
AT: dict = {"flag": "checkout", "environment": "production"}
DE = {"attribute": "country", "op": "in", "value": ["de"]}


@pytest.fixture
def told(monkeypatch):
    """Gates that object while `blocking` holds something; what they were told, by action."""
    calls: list = []

    def gate_for(action):
        def gate(subject):
            calls.append((action, subject.coverage_before_ppm, subject.coverage_after_ppm))
            return [Finding("trip", "a guardrail is tripped", "Clear it.")]

        return gate

    flag()
    published([split(100_000)])
    monkeypatch.setattr(gates, "_gates", {action: [gate_for(action)] for action in gates.ACTIONS})
    return calls


def test_gates__opening__publish_and_ramp_advance_are_asked_and_nothing_changes(told):
    before = document()

    with pytest.raises(Blocked, match="guardrail is tripped"):
        services.set_coverage(**AT, coverage_ppm=200_000, **BY)

    assert told == [("publish", 50_000, 100_000), ("ramp.advance", 50_000, 100_000)]
    assert document() == before


@pytest.mark.parametrize(
    "close",
    [
        lambda: services.set_coverage(**AT, coverage_ppm=99_999, **BY),
        lambda: services.set_coverage(**AT, coverage_ppm=0, **BY),
        lambda: services.switch_off(**AT, reason="slow", **BY),
        lambda: services.revert(**AT, version=1, **BY),
        lambda: published([]),
    ],
)
def test_gates__closing__never_asked(told, close):
    close()

    assert told == []


@pytest.mark.parametrize(
    "open_further",
    [
        lambda: published([split(100_001)]),
        lambda: published([{"variant": "on", "when": DE}]),
        lambda: published([split()], default="on"),
        lambda: published([split()], forced={"u1": "on"}),
        lambda: published([split()], variants={"on": True, "off": True}),
        lambda: services.ship_variant(**AT, variant="on", experiment="x", reason="won", **BY),
        lambda: services.publish_experiment_rule(
            **AT, experiment="x", arms=[("off", 1), ("on", 999_999)], coverage_ppm=1_000_000, **BY
        ),
    ],
)
def test_gates__every_path_that_opens__asked(told, open_further):
    with pytest.raises((Blocked, Conflict)) as caught:
        open_further()

    assert isinstance(caught.value, Blocked) or "takes everybody" in str(caught.value)
    assert live().number == 2


def test_gates__switched_on_again__asked_for_the_whole_reach(told):
    services.switch_off(**AT, reason="slow", **BY)

    with pytest.raises(Blocked):
        services.switch_on(**AT, reason="repaired", **BY)

    assert told[-1] == ("ramp.advance", 0, 50_000)


def test_switch_off__live__everybody_gets_off_and_nothing_else_changes():
    flag()
    published([{"variant": "on"}])
    rules = definition()["rules"]

    made = services.switch_off(**AT, reason="slow", **BY)

    config = compile_config(document())
    assert (made.definition["on"], made.definition["rules"]) == (False, rules)
    assert (config.evaluate("checkout", "u1").value, config.evaluate("checkout", "u1").reason) == (
        False,
        "DISABLED",
    )


@pytest.mark.parametrize("action", [services.switch_off, services.switch_on])
def test_switch__no_reason__refused(action):
    flag()

    with pytest.raises(Refused, match="needs a reason"):
        action(**AT, reason="", **BY)


def test_switch__already__conflict():
    flag()

    with pytest.raises(Conflict, match="switched on already"):
        services.switch_on(**AT, reason="x", **BY)


def test_hold__open__opening_is_blocked_until_released_and_closing_is_not():
    flag()
    published([split(100_000)])
    held = services.hold(**AT, reason="errors rise", **BY)

    with pytest.raises(Blocked, match="errors rise"):
        services.set_coverage(**AT, coverage_ppm=200_000, **BY)
    services.set_coverage(**AT, coverage_ppm=50_000, **BY)
    services.release_hold(hold_id=held.id, reason="repaired", **BY)

    assert services.set_coverage(**AT, coverage_ppm=200_000, **BY).number == 4


def test_hold__other_environment__does_not_count():
    environment("staging", is_production=False)
    flag()
    services.hold(flag="checkout", environment="staging", reason="errors rise", **BY)

    assert published([split()]).number == 2


def test_document__any_change__etag_changes_and_gzip_says_the_same():
    flag()
    first = queries.config_document(environment())

    published([split()])

    second = queries.config_document(environment())
    assert first.etag != second.etag
    assert gzip.decompress(bytes(second.body_gzip)) == bytes(second.body)
    assert json.loads(bytes(second.body))["environment"] == "production"


def test_document__other_environment__untouched():
    environment("staging", is_production=False)
    flag()
    before = queries.config_document(queries.environment("staging")).etag

    published([split()])

    assert queries.config_document(queries.environment("staging")).etag == before


def test_document__taken_back_past_the_services__database_refuses():
    flag()

    with pytest.raises(DatabaseError, match="does not follow"), transaction.atomic():
        ConfigDocument.objects.update(version=1)


def test_publish__failure_after_the_rebuild__nothing_is_served(monkeypatch):
    flag()
    saved = draft([split()])
    before = document()

    def full(**row):
        raise RuntimeError("disk full")

    monkeypatch.setattr(audit, "record", full)
    with pytest.raises(RuntimeError):
        services.publish(**AT, version=saved.number, **BY)

    assert document() == before
    assert live().number == 1
