"""Any JSON as configuration, any JSON as context: the client never raises."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway import Client
from headway.evaluation import Evaluation
from tests.core.sdk import strategies
from tests.core.sdk.build import document
from tests.core.sdk.faults import packed

FEW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=5000, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def odd_documents(draw):
    """Documents of which one part is something else, and whatever else is JSON."""
    whole = json.loads(json.dumps(draw(strategies.documents())))
    part = draw(st.sampled_from(["none", "whole", "section", "flag", "rule"]))
    odd = draw(strategies.JSON)
    if part == "whole":
        return odd
    if part == "section":
        whole[draw(st.sampled_from(list(whole)))] = odd
    elif part == "flag":
        entry = whole["flags"]["main"]
        entry[draw(st.sampled_from([*entry, "odd"]))] = odd
    elif part == "rule" and whole["flags"]["main"]["rules"]:
        rule = whole["flags"]["main"]["rules"][0]
        rule[draw(st.sampled_from([*rule, "odd"]))] = odd
    return whole


def _use(whole, flag, unit, attributes):
    with Client("memory:", "k", bootstrap=packed(whole), offline=True) as client:
        for key in ("main", flag):
            answer = client.evaluate(key, unit, attributes, default="own")
            assert isinstance(answer, Evaluation)
            assert answer.variant is not None or answer.value == "own"
            client.bool(key, unit, attributes)
            client.json(key, unit, attributes)
            client.track(key, unit, attributes, dims=attributes)
        client.evaluate_all(unit, attributes)
        assert client.counters["errors"] <= 100


ANY = st.one_of(strategies.JSON, strategies.UNITS)
CONTEXT = st.one_of(strategies.JSON, strategies.ATTRIBUTES)


@FEW
@given(odd_documents(), ANY, ANY, CONTEXT)
def test_client__any_json__never_raises(whole, flag, unit, attributes):
    _use(whole, flag, unit, attributes)


@pytest.mark.slow
@MANY
@given(odd_documents(), ANY, ANY, CONTEXT)
def test_client__any_json_many_times__never_raises(whole, flag, unit, attributes):
    _use(whole, flag, unit, attributes)


@FEW
@given(strategies.documents(), st.lists(st.tuples(ANY, CONTEXT), min_size=1, max_size=20))
def test_client__one_configuration_any_contexts__only_plain_troubles(whole, calls):
    with Client("memory:", "k", bootstrap=document(whole["flags"], **_parts(whole)), offline=True) as client:
        for unit, attributes in calls * 6:
            answer = client.evaluate("main", unit, attributes, default=1)
            assert answer.reason != "ERROR"


def _parts(whole):
    return {name: whole[name] for name in ("layers", "holdouts", "segments")}
