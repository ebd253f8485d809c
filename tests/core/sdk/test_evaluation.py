"""Decisions: both tiers against the reference read a second time, and what a ramp may never change."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.evaluation import compile_config, explain
from headway.evaluation.config import HOT_AFTER
from tests.core.sdk import strategies
from tests.core.sdk.brute_force import decide
from tests.core.sdk.build import document, experiment, flag, split, targeting, when

MANY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
USERS = [f"user-{number}" for number in range(1000)]
CASES = st.lists(st.tuples(strategies.UNITS, strategies.ATTRIBUTES), min_size=1, max_size=8)


def _heat(config, key):
    """Ask until the flag is a function."""
    for _ in range(HOT_AFTER + 5):
        config.evaluate(key, "user-0", {})


def _outcomes(config, key, cases):
    answers = [config.evaluate(key, unit, attributes, "own") for unit, attributes in cases]
    return [(answer.variant, answer.reason) for answer in answers], answers


@MANY
@given(strategies.documents(), CASES)
def test_config__any_document__both_tiers_decide_as_the_reference(whole, cases):
    expected = [decide(whole, "main", unit, attributes) for unit, attributes in cases]
    config = compile_config(copy.deepcopy(whole))

    cold, _ = _outcomes(config, "main", cases)
    _heat(config, "main")
    hot, answers = _outcomes(config, "main", cases)

    assert cold == expected
    assert hot == expected
    for answer in answers:
        values = whole["flags"]["main"]["variants"]
        assert answer.value == ("own" if answer.variant is None else values[answer.variant])


@MANY
@given(strategies.documents(), strategies.UNITS, strategies.ATTRIBUTES)
def test_explain__any_document__tells_of_the_same_decision(whole, unit, attributes):
    config = compile_config(whole)

    told = explain(config, "main", unit, attributes, "own")

    assert told["evaluation"] == config.evaluate("main", unit, attributes, "own").to_dict()
    assert told["steps"]
    for step in told["steps"]:
        if step["step"] == "rule" and "when" in step:
            assert step["when"]["matches"] is step["matches"]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(1, 100), st.integers(1, 100))
def test_ramp__raised__nobody_enrolled_leaves_or_changes_arm(gate, arm, lower, higher):
    lower, higher = sorted((lower, higher))
    arms = [["control", 300_000], ["treatment", 700_000]]
    rule = split(arms=arms, gate=gate, arm=arm if arm != gate else (gate + 1) % 2**32)

    def assigned(percent):
        drawn = {**rule["split"], "coverage_ppm": percent * 10_000}
        config = compile_config(document({"f": flag([{**rule, "split": drawn}])}))
        answers = {user: config.evaluate("f", user) for user in USERS[:100]}
        return {user: answer.variant for user, answer in answers.items() if answer.reason == "SPLIT"}

    before, after = assigned(lower), assigned(higher)

    assert before.items() <= after.items()


def test_ramp__every_percent_from_1_to_100__assignments_only_grow():
    grown = {}
    for percent in range(1, 101):
        config = compile_config(document({"f": flag([split(percent * 10_000)])}))
        answers = {user: config.evaluate("f", user) for user in USERS}
        now = {user: answer.variant for user, answer in answers.items() if answer.reason == "SPLIT"}
        assert grown.items() <= now.items()
        assert abs(len(now) - percent * 10) < 70
        grown = now
    assert len(grown) == len(USERS)


def test_split__gate_of_20_percent__both_arms_inside_it():
    config = compile_config(document({"f": flag([split(200_000)])}))

    answers = [config.evaluate("f", f"unit-{number}") for number in range(20_000)]

    inside = [answer.variant for answer in answers if answer.reason == "SPLIT"]
    assert abs(len(inside) - 4000) < 300
    assert abs(inside.count("treatment") / len(inside) - 0.5) < 0.04


def test_split__arm_without_a_share__gets_nobody():
    arms = [["control", 0], ["treatment", 1_000_000]]
    config = compile_config(document({"f": flag([split(arms=arms)])}))

    assert {config.evaluate("f", user).variant for user in USERS} == {"treatment"}


def test_layer__two_experiments__nobody_in_both():
    one = split(experiment="one", layer={"key": "l", "slots": [[0, 400_000]]})
    two = split(gate=21, arm=22, experiment="two", layer={"key": "l", "slots": [[400_000, 1_000_000]]})
    layers = {"l": {"unit_type": "user", "salt": 99}}
    config = compile_config(document({"a": flag([one]), "b": flag([two])}, layers=layers))

    reasons = [(config.evaluate("a", user).reason, config.evaluate("b", user).reason) for user in USERS]

    assert set(reasons) == {("SPLIT", "NOT_IN_LAYER"), ("NOT_IN_LAYER", "SPLIT")}


def test_experiment__unit_outside_the_coverage__never_gets_a_later_rule():
    later = {"id": "later", "variant": "treatment"}
    config = compile_config(document({"f": flag([split(0), later])}))

    answer = config.evaluate("f", "user-1")

    assert (answer.variant, answer.reason, answer.rule) == ("control", "OUT_OF_ROLLOUT", "split")


def test_holdout__spares_rules_that_do_not_name_it():
    layers = {"l": {"unit_type": "user", "salt": 99}}
    held = {"h": {"unit_type": "user", "salt": 5, "share_ppm": 1_000_000, "layers": ["l"]}}
    place = {"key": "l", "slots": [[0, 1_000_000]]}
    inside = flag([split(experiment="one", layer=place, holdouts=["h"])])
    flags = {"in": inside, "out": experiment(), "plain": flag([targeting(when("a", "exists"))])}
    config = compile_config(document(flags, layers=layers, holdouts=held))

    reasons = {key: config.evaluate(key, "user-1", {"a": 1}) for key in flags}

    assert {key: answer.reason for key, answer in reasons.items()} == {
        "in": "HOLDOUT",
        "out": "SPLIT",
        "plain": "TARGETING_MATCH",
    }
    assert reasons["in"].detail == "h"


def test_holdout__experiment_that_starts__changes_nothing_for_held_units():
    held = {"h": {"unit_type": "user", "salt": 5, "share_ppm": 200_000, "layers": None}}
    front = {"id": "front", "when": when("plan", "equals", "pro"), "variant": "treatment"}
    before = compile_config(document({"f": flag([front])}, holdouts=held))
    running = compile_config(
        document({"f": flag([front, *experiment(holdouts=["h"])["rules"]])}, holdouts=held)
    )
    contexts = [(user, {"plan": plan}) for user in USERS for plan in ("pro", "free")]

    answers = [(before.evaluate("f", *each), running.evaluate("f", *each)) for each in contexts]

    held_out = [(old, new) for old, new in answers if new.reason == "HOLDOUT"]
    assert 0.15 < len(held_out) / len(USERS) < 0.25
    assert all(old.variant == new.variant == "control" for old, new in held_out)
    assert all(new.reason == "TARGETING_MATCH" for old, new in answers if old.reason == "TARGETING_MATCH")


def test_holdout__named_by_a_shipped_rule__keeps_the_old_default_until_it_is_over():
    held = {"h": {"unit_type": "user", "salt": 5, "share_ppm": 500_000, "layers": None}}
    shipped = {"f": flag([{"id": "won", "variant": "treatment", "holdouts": ["h"]}])}
    during, after = (compile_config(document(shipped, holdouts=part)) for part in (held, {}))

    reasons = {during.evaluate("f", user).reason for user in USERS}

    assert reasons == {"HOLDOUT", "TARGETING_MATCH"}
    assert {after.evaluate("f", user).variant for user in USERS} == {"treatment"}
    assert during.evaluate("f", "").variant == "treatment"


def test_unit_from__attribute__is_what_is_drawn():
    config = compile_config(document({"f": flag([split(unit_from="device")]), "g": flag([split()])}))

    for number in range(50):
        by_device = config.evaluate("f", "one user", {"device": f"d{number}"})
        assert by_device.variant == config.evaluate("g", f"d{number}").variant
        assert (by_device.unit_type, by_device.unit_from) == ("device", "device")
    assert config.evaluate("f", "one user").reason == "UNIT_MISSING"
    assert "device" in config.evaluate("f", "one user").detail


def test_prerequisite__chain__a_switched_off_first_flag_stops_all():
    def wants(key):
        return flag(
            [{"id": "r", "variant": "treatment"}],
            prerequisites=[{"flag": key, "variants": ["treatment"]}],
        )

    first = flag([{"id": "r", "variant": "treatment"}])
    config = compile_config(document({"a": first, "b": wants("a"), "c": wants("b")}))
    stopped = config.updated({"a": {**first, "on": False}}, version=2)

    assert config.evaluate("c", "u").variant == "treatment"
    answer = stopped.evaluate("c", "u")
    assert (answer.variant, answer.reason, answer.detail) == ("control", "PREREQUISITE_FAILED", "b")


def test_evaluation__handed_out__never_changes():
    config = compile_config(document({"f": experiment()}))
    answer = config.evaluate("f", "user-1")

    with pytest.raises(AttributeError):
        answer.variant = "other"
    with pytest.raises(AttributeError):
        del answer.variant
    assert config.evaluate("f", "user-1") is answer
    assert copy.copy(answer) == answer


@pytest.mark.parametrize("attributes", [None, [], "text", 5, {"country": ["de"]}, {"country": {"a": {}}}])
def test_config__attributes_of_another_kind__count_as_none(attributes):
    config = compile_config(document({"f": flag([targeting(when("country", "in", ["de", "at"]))])}))
    _heat(config, "f")

    assert config.evaluate("f", "user-1", attributes).reason == "DEFAULT"


def test_config__attributes_that_raise__callers_default():
    class Broken(dict):
        def get(self, *_):
            raise RuntimeError("broken")

    config = compile_config(document({"f": flag([targeting(when("country", "exists"))])}))
    _heat(config, "f")

    answer = config.evaluate("f", "user-1", Broken(country="de"), "own")

    assert (answer.value, answer.reason, answer.detail) == ("own", "ERROR", "RuntimeError")


@pytest.mark.parametrize("key", [None, 5, [], {}, "nope", "x" * 100_000, "\ud800"])
def test_config__no_such_flag__callers_default(key):
    config = compile_config(document({"f": experiment()}))

    answer = config.evaluate(key, "user-1", {}, "own")

    assert answer.value == "own"
    assert answer.reason in ("FLAG_NOT_FOUND", "ERROR")
    assert len(answer.flag) <= 200


def test_config__one_flag_replaced__others_stay_ready_and_answers_the_same_objects():
    config = compile_config(document({"a": experiment(), "b": experiment()}))
    _heat(config, "a")
    kept = config.evaluate("a", "user-1")

    newer = config.updated({"b": {**experiment(), "on": False}}, version=2)

    assert newer.evaluate("a", "user-1") is kept
    assert newer.evaluate("b", "user-1").reason == "DISABLED"
    assert config.evaluate("b", "user-1").reason == "SPLIT"
    assert (config.version, newer.version) == (1, 2)


def test_config__flag_removed_that_another_wants__refused():
    wanting = flag(prerequisites=[{"flag": "a", "variants": ["control"]}])
    config = compile_config(document({"a": experiment(), "b": wanting}))

    with pytest.raises(ValueError, match="there is no such flag"):
        config.updated({"a": None}, version=2)


def test_config__compiled_after_another__changed_segment_reaches_every_flag():
    def whole(country):
        segments = {"s": {"version": 1, "when": when("country", "equals", country)}}
        return document({"f": flag([targeting({"segment": "s"})])}, segments=segments)

    first = compile_config(whole("de"))
    _heat(first, "f")

    second = compile_config(whole("fr"), first)

    assert first.evaluate("f", "u", {"country": "de"}).variant == "treatment"
    assert second.evaluate("f", "u", {"country": "de"}).variant == "control"


def test_config__prerequisite_changed__hot_dependent_flag_follows():
    wanting = flag([split()], prerequisites=[{"flag": "a", "variants": ["treatment"]}])
    on = flag([{"id": "r", "variant": "treatment"}])
    first = compile_config(document({"a": on, "b": wanting}))
    _heat(first, "b")

    second = compile_config(document({"a": {**on, "on": False}, "b": wanting}, version=2), first)
    _heat(second, "b")

    assert first.evaluate("b", "user-1").reason == "SPLIT"
    assert second.evaluate("b", "user-1").reason == "PREREQUISITE_FAILED"
