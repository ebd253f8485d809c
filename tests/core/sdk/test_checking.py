"""What a document may not hold: every refusal names the field, the value, the reason and the way out."""

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.evaluation import ConfigRefused, check_document, check_flag, compile_config
from tests.core.sdk import strategies
from tests.core.sdk.build import document, experiment, flag, split, targeting, when

LAYERS = {"l": {"unit_type": "user", "salt": 1}, "d": {"unit_type": "device", "salt": 2}}


def _split(**changes):
    rule = split()
    return flag([{**rule, "split": {**rule["split"], **changes}}])


def _flag(**changes):
    return document({"f": flag(**changes)}, layers=LAYERS)


def _condition(condition):
    return document({"f": flag([targeting(condition)])})


def _in_layer(slots, key="l"):
    return document({"f": flag([split(layer={"key": key, "slots": slots})])}, layers=LAYERS)


def _nested(depth):
    condition = when("a", "exists")
    for _ in range(depth):
        condition = {"not": condition}
    return condition


def _wants(*links):
    flags = {one: flag(prerequisites=[{"flag": other, "variants": ["control"]}]) for one, other in links}
    return document({**{other: flag() for _, other in links}, **flags})


REFUSED = [
    ([], "", "an object"),
    ({}, "schema", "no schema number"),
    (document(schema=2), "schema", "does not know that format"),
    (document(schema="1"), "schema", "no schema number"),
    (document(version=-1), "version", "whole number"),
    (document(version=True), "version", "whole number"),
    ({**document(), "flags": []}, "flags", "an object"),
    ({**document(), "segments": None}, "segments", "an object"),
    (document({"a b": flag()}), "flags", "a key has letters"),
    (document({"": flag()}), "flags", "a key has letters"),
    (document({"f": None}), "flags.f", "a flag is an object"),
    (document({"f": {**flag(), "newer": 1}}), "flags.f.newer", "newer format"),
    (document({"f": {"version": 1}}), "flags.f.on", "missing"),
    (_flag(version=1.5), "flags.f.version", "whole number"),
    (_flag(on=1), "flags.f.on", "true or false"),
    (_flag(unit_type=""), "flags.f.unit_type", "a name"),
    (_flag(type="date"), "flags.f.type", "no such type"),
    (_flag(variants={}), "flags.f.variants", "1 to 64"),
    (
        _flag(variants={"control": "c", "treatment": 5}),
        "flags.f.variants.treatment",
        "no value of type string",
    ),
    (_flag(type="number", variants={"control": True}), "flags.f.variants.control", "no value of type number"),
    (_flag(type="number", variants={"control": float("nan")}), "flags.f.variants.control", "no value"),
    (_flag(type="number", variants={"control": 2**60}), "flags.f.variants.control", "no value"),
    (_flag(off="nope"), "flags.f.off", "no such variant"),
    (_flag(default="nope"), "flags.f.default", "no such variant"),
    (_flag(forced={"qa": "nope"}), "flags.f.forced.qa", "no such variant"),
    (_flag(forced=["qa"]), "flags.f.forced", "an object"),
    (document({"f": {**flag(), "rules": {"a": 1}}}), "flags.f.rules", "a list"),
    (_flag(rules=["r"]), "flags.f.rules[0]", "a rule is an object"),
    (_flag(rules=[{"variant": "control"}]), "flags.f.rules[0].id", "has an id"),
    (_flag(rules=[{"id": "r"}]), "flags.f.rules[0]", "either a variant or a split"),
    (_flag(rules=[{**split(), "variant": "control"}]), "flags.f.rules[0].variant", "either"),
    (_flag(rules=[{"id": "r", "variant": "nope"}]), "flags.f.rules[0].variant", "no such variant"),
    (_flag(rules=[{"id": "r", "variant": "control", "salt": 1}]), "flags.f.rules[0].salt", "no such field"),
    (_flag(rules=[{"id": "r", "variant": "control"}] * 2), "flags.f.rules", "two rules have this id"),
    (
        _flag(rules=[{"id": "r", "variant": "control", "experiment": ""}]),
        "flags.f.rules[0].experiment",
        "1 to",
    ),
    (
        _flag(rules=[{"id": "r", "variant": "control", "unit_from": 5}]),
        "flags.f.rules[0].unit_from",
        "attribute",
    ),
    (document({"f": _split(coverage_ppm=-1)}), "flags.f.rules[0].split.coverage_ppm", "parts per million"),
    (document({"f": _split(coverage_ppm=0.5)}), "flags.f.rules[0].split.coverage_ppm", "parts per million"),
    (document({"f": _split(gate_salt=2**32)}), "flags.f.rules[0].split.gate_salt", "4294967295"),
    (document({"f": _split(gate_salt=12)}), "flags.f.rules[0].split.arm_salt", "same salt"),
    (document({"f": _split(extra=1)}), "flags.f.rules[0].split", "exactly"),
    (document({"f": _split(arms=[])}), "flags.f.rules[0].split.arms", "1 to 64"),
    (
        document({"f": _split(arms=[["control", 499_900], ["treatment", 500_000]])}),
        "flags.f.rules[0].split.arms",
        "99.99 %",
    ),
    (
        document({"f": _split(arms=[["control", 500_100], ["treatment", 500_000]])}),
        "flags.f.rules[0].split.arms",
        "100.01 %",
    ),
    (document({"f": _split(arms=[["control", -1]])}), "flags.f.rules[0].split.arms[0]", "an arm is"),
    (document({"f": _split(arms=[["nope", 10**6]])}), "flags.f.rules[0].split.arms[0]", "no such variant"),
    (
        document({"f": _split(arms=[["control", 500_000], ["control", 500_000]])}),
        "flags.f.rules[0].split.arms",
        "in two arms",
    ),
    (_in_layer([[0, 1000]], key="nope"), "flags.f.rules[0].layer.key", "no such layer"),
    (_in_layer([[0, 1000]], key="d"), "flags.f.rules[0].layer.key", "draws device units"),
    (_in_layer([]), "flags.f.rules[0].layer.slots", "list of ranges"),
    (_in_layer([[5, 5]]), "flags.f.rules[0].layer.slots[0]", "empty"),
    (_in_layer([[0, 10], [9, 20]]), "flags.f.rules[0].layer.slots[1]", "overlaps"),
    (_in_layer([[0, 1_000_001]]), "flags.f.rules[0].layer.slots[0]", "a range is"),
    (_condition("de"), "flags.f.rules[0].when", "a condition is an object"),
    (_condition({}), "flags.f.rules[0].when", "has one of"),
    (_condition({"all": [], "any": []}), "flags.f.rules[0].when", "has one of"),
    (_condition({"all": []}), "flags.f.rules[0].when.all", "at least one"),
    (_condition({"none": []}), "flags.f.rules[0].when", "no such condition"),
    (_condition({"segment": "s"}), "flags.f.rules[0].when.segment", "no such segment"),
    (_condition({"any": [{"segment": "s"}]}), "flags.f.rules[0].when.any[0].segment", "no such segment"),
    (_condition(when("a", "near", 1)), "flags.f.rules[0].when.op", "no such operator"),
    (_condition({"attribute": "a", "op": "equals"}), "flags.f.rules[0].when.value", "needs a value"),
    (_condition({**when("a", "gt", 1), "unit": "s"}), "flags.f.rules[0].when.unit", "no such field"),
    (_condition(when("", "gt", 1)), "flags.f.rules[0].when.attribute", "1 to 256"),
    (_condition(when("a", "gt", "1")), "flags.f.rules[0].when.value", "a number"),
    (_condition(when("a", "gt", True)), "flags.f.rules[0].when.value", "a number"),
    (_condition(when("a", "gt", float("inf"))), "flags.f.rules[0].when.value", "2^53"),
    (_condition(when("a", "equals", None)), "flags.f.rules[0].when.value", "a text, a number"),
    (_condition(when("a", "in", "de")), "flags.f.rules[0].when.value", "a list"),
    (_condition(when("a", "in", ["de", None])), "flags.f.rules[0].when.value", "a text, a number"),
    (_condition(when("a", "starts_with", "")), "flags.f.rules[0].when.value", "not empty"),
    (_condition(when("a", "matches", "(a")), "flags.f.rules[0].when.value", "without its )"),
    (_condition(when("a", "semver_gt", "1.x")), "flags.f.rules[0].when.value", "semantic version"),
    (_condition(when("a", "before", "2026-01-01")), "flags.f.rules[0].when.value", "time with a zone"),
    (_condition(when("a", "in_network", "10.0.0.1/8")), "flags.f.rules[0].when.value", "no network"),
    (_condition(when("a", "exists", 1)), "flags.f.rules[0].when.value", "true or false"),
    (_condition(_nested(11)), "flags.f.rules[0].when" + ".not" * 10, "nested deeper"),
    (_wants(("a", "a")), "flags.a", "leads back to itself"),
    (_wants(("a", "b"), ("b", "a")), "flags.a", "leads back to itself"),
    (_wants(("a", "b"), ("b", "c"), ("c", "a")), "flags.a", "leads back to itself"),
    (_wants(*((f"f{n}", f"f{n + 1}") for n in range(12))), "flags.f0", "longer than 10"),
    (
        _flag(prerequisites=[{"flag": "nope", "variants": ["a"]}]),
        "flags.f.prerequisites[0].flag",
        "no such flag",
    ),
    (_flag(prerequisites=[{"flag": "f"}]), "flags.f.prerequisites[0]", "has flag and variants"),
    (_flag(prerequisites="f"), "flags.f.prerequisites", "a list"),
    (document(layers={"l": {"unit_type": "user"}}), "layers.l.salt", "missing"),
    (document(layers={"l": {"unit_type": "user", "salt": -1}}), "layers.l.salt", "4294967295"),
    (document(holdouts={"h": {"unit_type": "user", "salt": 1}}), "holdouts.h.share_ppm", "missing"),
    (
        document(holdouts={"h": {"unit_type": "user", "salt": 1, "share_ppm": 1, "layers": ["l"]}}),
        "holdouts.h.layers",
        "no such layer",
    ),
    (
        document({"f": flag([{"id": "r", "variant": "treatment", "holdouts": "h"}])}),
        "flags.f.rules[0].holdouts",
        "a list",
    ),
    (document(segments={"s": {"version": 1}}), "segments.s.when", "missing"),
    (
        document(segments={"s": {"version": 1, "when": {"segment": "s"}}}),
        "segments.s",
        "leads back to itself",
    ),
    (
        document(
            segments={
                "s": {"version": 1, "when": {"not": {"segment": "t"}}},
                "t": {"version": 1, "when": {"any": [{"segment": "s"}]}},
            }
        ),
        "segments.s",
        "leads back to itself",
    ),
]


@pytest.mark.parametrize(("whole", "field", "words"), REFUSED)
def test_document__breaks_a_rule__refused_with_field_and_reason(whole, field, words):
    with pytest.raises(ConfigRefused) as caught:
        compile_config(whole)

    first = next(each for each in caught.value.problems if each.field == field)
    assert words in f"{first.reason} {first.fix}"
    assert first.value
    assert field in str(caught.value) or not field


def test_document__diamond_of_prerequisites__taken():
    whole = _wants(("b", "d"), ("c", "d"))
    whole["flags"]["a"] = flag(prerequisites=[{"flag": each, "variants": ["control"]} for each in ("b", "c")])

    assert compile_config(whole).evaluate("a", "u").reason == "DEFAULT"


def test_document__many_mistakes__all_named_at_once():
    whole = document({"a": flag(on=1), "b": flag(type="date"), "c": experiment()})

    assert {problem.field for problem in check_document(whole)} == {"flags.a.on", "flags.b.type"}


def test_document__two_experiments_on_the_same_slots__refused():
    one = split(experiment="one", layer={"key": "l", "slots": [[0, 500_000]]})
    two = split(gate=21, arm=22, experiment="two", layer={"key": "l", "slots": [[499_999, 700_000]]})

    problems = check_document(document({"a": flag([one]), "b": flag([two])}, layers=LAYERS))

    assert [problem.field for problem in problems] == ["flags.b.rules[0].layer.slots"]
    assert "two and one own the same slots" in problems[0].reason


def test_document__one_experiment_in_two_flags__may_share_its_slots():
    one = split(experiment="one", layer={"key": "l", "slots": [[0, 500_000]]})

    assert not check_document(document({"a": flag([one]), "b": flag([one])}, layers=LAYERS))


def test_check_flag__slots_taken_by_another_flag__refused_only_for_the_changed_one():
    one = split(experiment="one", layer={"key": "l", "slots": [[0, 500_000]]})
    two = split(gate=21, arm=22, experiment="two", layer={"key": "l", "slots": [[0, 700_000]]})
    whole = document({"a": flag([one]), "b": flag([two]), "c": experiment()}, layers=LAYERS)

    assert not check_flag(whole, "c")
    assert [problem.field for problem in check_flag(whole, "b")] == ["flags.b.rules[0].layer.slots"]


def test_check_flag__circle_through_other_flags__refused():
    whole = _wants(("a", "b"), ("b", "a"))

    assert [problem.field for problem in check_flag(whole, "b")] == ["flags.b"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.documents())
def test_document__of_the_strategies__taken(whole):
    assert check_document(whole) == ()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.documents(), strategies.JSON, st.data())
def test_document__anything_put_anywhere__refused_or_it_works(whole, odd, data):
    whole = json.loads(json.dumps(whole))
    _put_somewhere(whole, odd, data)
    if check_document(whole):
        with pytest.raises(ConfigRefused):
            compile_config(whole)
        return
    config = compile_config(whole)
    for key in [*whole["flags"], "main"]:
        assert config.evaluate(key, "user-1", {"country": "de"}).reason != "ERROR"


def _put_somewhere(place, odd, data):
    """Replace one value, at any depth, by something else."""
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or data.draw(st.integers(0, 3)) == 0:
            place[key] = odd
            return
        place = inner


def test_problem__huge_value__shown_shortened():
    (problem,) = check_document(document({"f": flag(type="x" * 1_000_000)}))

    assert len(problem.value) < 200
    assert problem.to_dict()["reason"] == "there is no such type"


def test_document__hostile_pattern_list__checked_in_bounded_time():
    rules = [targeting(when("a", "matches", f"({n}a?){{50}}b{{50}}"), id=f"r{n}") for n in range(100)]
    start = time.process_time()

    compile_config(document({"f": flag(rules)}))

    assert time.process_time() - start < 3.0


def test_check_flag__variant_gone_that_another_flag_wants__refused():
    wanting = flag(prerequisites=[{"flag": "a", "variants": ["treatment"]}])
    narrower = flag(variants={"control": "c"}, rules=[])

    problems = check_flag(document({"a": narrower, "b": wanting}), "a")

    assert [(each.field, each.reason) for each in problems] == [
        ("flags.b.prerequisites[0].variants", "a has no such variant")
    ]
