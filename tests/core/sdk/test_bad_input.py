"""What a host may get wrong, and what it is told: the catalogue of the SDK's bad input."""

import json
import unicodedata
from datetime import UTC, datetime
from uuid import UUID

import pytest

from headway import Client
from headway.evaluation import ConfigRefused, compile_config
from headway.evaluation.tracing import explain
from headway.testing import MemoryClient
from tests.core.sdk.build import document, experiment, flag, split, targeting, when


@pytest.fixture
def client():
    made = MemoryClient(
        document=document(
            {
                "home": experiment(),
                "german": flag([targeting(when("country", "equals", "de"))]),
                "since": flag([targeting(when("since", "before", "2026-01-01T00:00:00Z"))]),
                "number": flag([targeting(when("n", "equals", 1))]),
                "text": flag([targeting(when("n", "equals", "1"))]),
                "above": flag([targeting(when("n", "gt", -1))]),
            }
        )
    )
    yield made
    made.close()


def test_flag__unknown__default_and_one_line_a_minute(client, caplog):
    answers = [client.evaluate("nope", "user-1", default="own") for _ in range(100)]

    assert {(answer.value, answer.reason) for answer in answers} == {("own", "FLAG_NOT_FOUND")}
    assert len([record for record in caplog.records if "there is no flag 'nope'" in record.message]) == 1


def test_flag__of_another_type__default_and_a_line(client, caplog):
    assert client.number("home", "user-1", default=7) == 7
    assert "TYPE_MISMATCH: home is a str" in caplog.text


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("", "the unit is empty"),
        (None, "the unit is missing"),
        ("x" * 2**20, "the unit is longer than 512 characters"),
        (b"user-1", "the unit is a bytes; pass a text or a whole number"),
        (UUID(int=7), "the unit is a UUID; pass a text or a whole number"),
        (1.5, "the unit is a float; pass a text or a whole number"),
        (True, "the unit is a bool; pass a text or a whole number"),
        (["user-1"], "the unit is a list; pass a text or a whole number"),
    ],
)
def test_unit__that_is_none__default_and_the_reason(client, unit, words):
    answer = client.evaluate("home", unit, default="own")

    assert (answer.reason, answer.detail) == ("UNIT_MISSING", words)
    assert client.exposures == []


def test_unit__whole_number__the_unit_of_its_text(client):
    assert client.evaluate("home", 42) == client.evaluate("home", "42")


def test_unit__composed_and_decomposed__two_units(client):
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))

    client.evaluate("home", composed)
    client.evaluate("home", decomposed)

    assert [exposure["unit"] for exposure in client.exposures] == [composed, decomposed]


@pytest.mark.parametrize(
    ("value", "matches_number", "matches_text"),
    [
        (1, True, False),
        (1.0, True, False),
        ("1", False, True),
        (True, False, False),
        (float("nan"), False, False),
        (None, False, False),
        ([1], False, False),
    ],
)
def test_attribute__of_another_kind__is_another_value(client, value, matches_number, matches_text):
    found = [client.evaluate(key, "user-1", {"n": value}).variant for key in ("number", "text")]

    assert found == ["treatment" if fits else "control" for fits in (matches_number, matches_text)]


def test_attribute__not_a_number__never_above_anything(client):
    assert client.evaluate("above", "user-1", {"n": float("nan")}).variant == "control"
    assert client.evaluate("above", "user-1", {"n": 0}).variant == "treatment"


def _nested(depth):
    found = {}
    for _ in range(depth):
        found = {"inner": found}
    return found


def test_attribute__nested_a_thousand_deep__matches_nothing_and_the_trace_shows_it(client):
    attributes = {"country": _nested(1_000)}

    answer = client.evaluate("german", "user-1", attributes)
    steps = explain(client.config, "german", "user-1", attributes)["steps"]

    assert (answer.variant, answer.reason) == ("control", "DEFAULT")
    assert len(json.dumps(steps)) < 2_000


@pytest.mark.parametrize(
    ("since", "variant"),
    [
        (datetime(2025, 6, 1, tzinfo=UTC), "treatment"),
        (datetime(2025, 6, 1), "control"),
        ("2025-06-01T00:00:00", "control"),
        (1_750_000_000, "control"),
    ],
)
def test_attribute__time_without_a_zone__never_guessed(client, since, variant):
    assert client.evaluate("since", "user-1", {"since": since}).variant == variant


@pytest.mark.parametrize("attributes", [None, [], "country", 5, [("country", "de")]])
def test_attributes__no_mapping__none_at_all(client, attributes):
    assert client.evaluate("german", "user-1", attributes).reason == "DEFAULT"


SELF = flag(prerequisites=[{"flag": "a", "variants": ["control"]}])


def _wants(key):
    return flag(prerequisites=[{"flag": key, "variants": ["control"]}])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"a": flag([split(arms=[("control", 499_900), ("treatment", 500_000)])])}, "add up to 99.99 %"),
        ({"a": flag([split(arms=[("control", 500_100), ("treatment", 500_000)])])}, "add up to 100.01 %"),
        ({"a": flag([split(arms=[("control", -1), ("treatment", 1_000_001)])])}, "parts per million"),
        ({"a": flag([split(arms=[("gone", 1_000_000)])])}, "there is no such variant"),
        ({"a": flag(off="gone")}, "there is no such variant"),
        ({"a": SELF}, "leads back to itself"),
        ({"a": _wants("b"), "b": _wants("a")}, "leads back to itself"),
        ({"a": _wants("b"), "b": _wants("c"), "c": _wants("a")}, "leads back to itself"),
        ({"a": flag([targeting(when("n", "sounds_like", "x"))])}, "there is no such operator"),
    ],
)
def test_configuration__that_cannot_be_right__refused_whole_and_the_good_one_stays(flags, words, caplog):
    good = document({"a": flag()}, version=1)
    with pytest.raises(ConfigRefused, match=words):
        compile_config(document(flags, version=2))

    with Client("memory:", "k", bootstrap=good, offline=True) as client:
        client._configuration.bootstrap(document(flags, version=2))

        assert client.source.version == 1
        assert client.evaluate("a", "user-1").variant == "control"
    assert words in caplog.text


def test_configuration__segments_in_a_circle__refused():
    circle = {name: {"version": 1, "when": {"segment": other}} for name, other in (("x", "y"), ("y", "x"))}

    with pytest.raises(ConfigRefused, match="leads back to itself"):
        compile_config(document(segments=circle))


@pytest.mark.parametrize(
    ("version", "takes"), [("1.2", True), ("v1.2.3", True), ("1.2.3.4", False), ("", False)]
)
def test_version__short_or_with_a_v__taken_as_documented(version, takes):
    config = compile_config(document({"a": flag([targeting(when("app", "semver_gte", "1.0.0"))])}))

    assert (config.evaluate("a", "user-1", {"app": version}).variant == "treatment") is takes


def test_close__twice_and_more__last_values_and_nothing_noted(client):
    before = client.evaluate("home", "user-1")

    client.close()
    client.close()

    assert client.evaluate("home", "user-1") is before
    client.track("view", "user-1")
