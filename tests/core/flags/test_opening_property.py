"""Held against the SDK: what is said to close never gives anybody anything new, and every opening is told."""

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from flags import document
from flags.opening import coverage_change, only_closes
from flags.parts import Numbered, Parts
from headway.evaluation import compile_config
from tests.core.flags.texts import definition

UNITS = [
    (f"u{number}", {"country": "de" if number % 2 else "fr", "age": number % 50}) for number in range(60)
]
CONDITIONS = [
    None,
    {"attribute": "country", "op": "equals", "value": "de"},
    {"attribute": "age", "op": "gt", "value": 20},
    {"not": {"attribute": "country", "op": "equals", "value": "de"}},
]
SLOTS = {1: [[0, 300_000]], 2: [[300_000, 600_000]], 3: [[600_000, 1_000_000]]}
VARIANTS = ["off", "on", "more"]


@st.composite
def rules(draw, number):
    """A rule whose id and salts depend on its number, so that two drawings of it are versions of one rule."""
    rule = {"id": f"r{number}"}
    when = draw(st.sampled_from(CONDITIONS))
    if when is not None:
        rule["when"] = when
    if draw(st.booleans()):
        rule["layer"] = {"key": "page", "slots": SLOTS[number]}
    if draw(st.booleans()):
        return {**rule, "variant": draw(st.sampled_from(VARIANTS))}
    share = draw(st.sampled_from([0, 400_000, 1_000_000]))
    arms = [["off", 1_000_000 - share], ["on", share]]
    coverage = draw(st.sampled_from([0, 100_000, 500_000, 1_000_000]))
    split = {"coverage_ppm": coverage, "gate_salt": 10 * number, "arm_salt": 10 * number + 1, "arms": arms}
    return {**rule, "split": split}


@st.composite
def definitions(draw):
    numbers = draw(st.lists(st.sampled_from([1, 2, 3]), unique=True, max_size=3))
    return definition(
        on=draw(st.sampled_from([True, True, True, False])),
        variants={"off": False, "on": True, "more": True},
        off=draw(st.sampled_from(["off", "off", "on", None])),
        default=draw(st.sampled_from(["off", "off", "on", None])),
        forced=draw(st.sampled_from([{}, {"u1": "on"}, {"u1": "off"}])),
        prerequisites=draw(st.sampled_from([[], [{"flag": "other", "variants": ["on"]}]])),
        rules=[draw(rules(number)) for number in numbers],
    )


@st.composite
def changes(draw):
    """A definition and a later one: often a small change of it, sometimes anything."""
    before = draw(definitions())
    if draw(st.integers(0, 3)) == 0:
        return before, draw(definitions())
    after, other = deepcopy(before), draw(definitions())
    for name in draw(
        st.lists(st.sampled_from(["on", "default", "off", "forced", "prerequisites"]), max_size=1)
    ):
        after[name] = other[name]
    for index in reversed(range(len(after["rules"]))):
        what = draw(st.sampled_from(["keep", "keep", "drop", "less", "more"]))
        if what == "drop":
            del after["rules"][index]
        elif what != "keep" and "split" in after["rules"][index]:
            after["rules"][index]["split"]["coverage_ppm"] = 50_000 if what == "less" else 1_000_000
    return before, after


def served(content):
    other = definition(default="off", forced={unit: "on" for unit, _ in UNITS[::3]})
    parts = Parts(
        "production",
        flags={"a": Numbered(1, content), "other": Numbered(1, other)},
        layers={"page": {"unit_type": "user", "salt": 7}},
    )
    config = compile_config(document.build(parts, version=1, built_at=document.ANY_TIME))
    return {unit: config.evaluate("a", unit, attributes).variant for unit, attributes in UNITS}


@settings(max_examples=150, deadline=None)
@given(changes())
def test_only_closes__said__everybody_keeps_their_variant_or_gets_one_at_rest(change):
    before, after = change

    if only_closes(before, after):
        rest = {before["default"], before["off"]}
        old, new = served(before), served(after)
        assert all(new[unit] == old[unit] or new[unit] in rest for unit in old)


@settings(max_examples=150, deadline=None)
@given(changes())
def test_coverage_change__somebody_gets_what_is_not_at_rest__told_as_an_opening(change):
    before, after = change
    if not before["on"]:
        return
    rest = {before["default"], before["off"]}
    old, new = served(before), served(after)

    opened = [unit for unit in old if new[unit] != old[unit] and new[unit] not in rest]

    if opened:
        told_before, told_after = coverage_change(before, after)
        assert told_after > told_before
