"""What opens a flag has to ask; what only closes it never has to."""

import pytest

from flags.opening import (
    coverage_change,
    first_reach_ppm,
    only_closes,
    reach_ppm,
    reach_through,
    reach_when_met_ppm,
)
from tests.core.flags.texts import DE, definition, fixed, in_layer, split

LIVE = definition(rules=[fixed("r1", when=DE), split("r2", 300_000)])


@pytest.mark.parametrize(
    "after",
    [
        LIVE,
        definition(on=False),
        {**LIVE, "on": False},
        definition(rules=[fixed("r1", when=DE), split("r2", 299_999)]),
        definition(rules=[fixed("r1", when=DE), split("r2", 0)]),
        definition(rules=[fixed("r1", when=DE)]),
        definition(rules=[]),
        {**LIVE, "prerequisites": [{"flag": "other", "variants": ["on"]}]},
    ],
)
def test_only_closes__fewer_units_or_the_same__yes(after):
    assert only_closes(LIVE, after)


@pytest.mark.parametrize(
    "after",
    [
        definition(rules=[fixed("r1", when=DE), split("r2", 300_001)]),
        definition(rules=[split("r2", 300_000)]),
        definition(rules=[split("r2", 300_000), fixed("r1", when=DE)]),
        definition(rules=[fixed("r1"), split("r2", 300_000)]),
        definition(rules=[*LIVE["rules"], fixed("r3", "off")]),
        definition(rules=[fixed("r1", when=DE), split("r2", 300_000, 900_000)]),
        {**LIVE, "default": "on"},
        {**LIVE, "off": "on"},
        {**LIVE, "off": "on", "on": False},
        {**LIVE, "forced": {"qa": "on"}},
        {**LIVE, "variants": {"on": True, "off": True}},
        {**LIVE, "variants": {"on": True, "off": True}, "on": False},
    ],
)
def test_only_closes__somebody_may_get_something_new__no(after):
    assert not only_closes(LIVE, after)


def test_only_closes__switched_on__no():
    assert not only_closes({**LIVE, "on": False}, LIVE)


def test_only_closes__default_back_to_what_the_kill_switch_serves__yes():
    shipped = definition(default="on")

    assert only_closes(shipped, definition(default="off"))
    assert not only_closes(definition(default="off"), shipped)


def test_only_closes__forced_unit_released_to_the_rules__no():
    assert not only_closes({**LIVE, "forced": {"u1": "off"}}, LIVE)


def test_only_closes__experiment_ended_beside_another_of_the_layer__yes():
    a = split("a", layer=in_layer(0, 500_000))
    b = split("b", layer=in_layer(500_000, 1_000_000))

    assert only_closes(definition(rules=[a, b]), definition(rules=[b]))
    assert not only_closes(definition(rules=[a, split("c")]), definition(rules=[split("c")]))


def test_only_closes__other_layer_unit_behind__no():
    a = split("a", layer=in_layer(0, 500_000))
    b = split("b", layer=in_layer(500_000, 1_000_000), unit_from="device")

    assert not only_closes(definition(rules=[a, b]), definition(rules=[b]))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (None, definition(), (0, 0)),
        (None, definition(default="on"), (0, 1_000_000)),
        (None, definition(rules=[split("r1", 100_000)]), (0, 100_000)),
        (definition(), definition(default="on"), (0, 1_000_000)),
        (definition(default="on"), definition(), (0, 0)),
        (
            definition(rules=[split("r1", 100_000)]),
            definition(rules=[split("r1", 250_000)]),
            (100_000, 250_000),
        ),
        (
            definition(rules=[split("r1", 250_000)]),
            definition(rules=[split("r1", 100_000)]),
            (250_000, 100_000),
        ),
        (
            definition(rules=[split("r1", 1_000_000, 500_000)]),
            definition(default="on"),
            (0, 1_000_000),
        ),
        (LIVE, {**LIVE, "on": False}, (1_000_000, 0)),
        ({**LIVE, "on": False}, LIVE, (0, 1_000_000)),
        (LIVE, {**LIVE, "rules": [fixed("r1", when=DE), split("r2", 400_000)]}, (300_000, 400_000)),
        (LIVE, {**LIVE, "rules": [fixed("r1"), split("r2", 300_000)]}, (0, 1_000_000)),
        (LIVE, {**LIVE, "variants": {"on": True, "off": True}}, (0, 1_000_000)),
        (LIVE, {**LIVE, "forced": {"qa": "on"}}, (0, 1)),
        (LIVE, LIVE, (1_000_000, 1_000_000)),
        (
            definition(),
            definition(rules=[split("a", 500_000, 500_000, layer=in_layer(0, 200_000))]),
            (0, 50_000),
        ),
    ],
)
def test_coverage_change__cases__as_gates_are_told(before, after, change):
    assert coverage_change(before, after) == change


def test_coverage_change__one_part_opens_while_another_closes__the_opening_is_told():
    before = definition(rules=[split("r1", 900_000, when=DE), split("r2", 100_000)])
    after = definition(rules=[split("r1", 0, when=DE), split("r2", 110_000)])

    assert coverage_change(before, after) == (100_000, 110_000)


def test_reach__several_rules__never_more_than_everybody():
    assert reach_ppm(LIVE) == 1_000_000
    assert reach_ppm(definition(rules=[split("r1", 1)])) == 1
    assert reach_ppm(definition(rules=[split("r1", 1_000_000, 1)])) == 1


def test_reach_through__rule_that_looks_at_the_segment__its_share():
    looking = split("r1", 200_000, when={"all": [{"not": {"segment": "beta"}}, DE]})

    assert reach_through(definition(rules=[looking]), frozenset({"beta"})) == 200_000
    assert reach_through(definition(rules=[looking]), frozenset({"staff"})) == 0
    assert reach_through(definition(rules=[looking], on=False), frozenset({"beta"})) == 0


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({**LIVE, "off": "on"}, (0, 1_000_000)),
        ({**LIVE, "off": None}, (1_000_000, 1_000_000)),
        ({**definition(default="on"), "off": "on"}, (0, 1_000_000)),
    ],
)
def test_coverage_change__kill_switch_would_serve_something_new__counts_as_everybody(after, expected):
    assert coverage_change(LIVE, after) == expected


def test_coverage_change__kill_switch_serves_what_everybody_has__nothing_opens():
    shipped = definition(default="on")

    assert coverage_change(shipped, {**shipped, "off": "on"}) == (0, 0)


def test_coverage_change__prerequisite_dropped__default_reaches_those_who_did_not_meet_it():
    needing = definition(default="on", prerequisites=[{"flag": "other", "variants": ["on"]}])

    assert coverage_change(needing, {**needing, "prerequisites": []}) == (0, 1_000_000)
    resting = {**needing, "default": "off"}
    assert coverage_change(resting, {**resting, "prerequisites": []}) == (0, 0)


def test_coverage_change__slots_of_a_layer__count_together_and_with_what_stands_behind():
    half = [
        split(key, 1_000_000, layer=in_layer(low, low + 500_000)) for key, low in (("a", 0), ("b", 500_000))
    ]
    one, both = definition(rules=half[:1]), definition(rules=half)

    assert coverage_change(definition(), one) == (0, 500_000)
    assert coverage_change(one, both) == (0, 1_000_000)
    behind = definition(rules=[half[0], split("rest", 400_000)])
    assert coverage_change(one, behind) == (0, 700_000)


def test_reach_when_met__default_that_others_do_not_get__everybody_who_meets_them():
    assert reach_when_met_ppm(definition(default="on")) == 1_000_000
    assert reach_when_met_ppm(definition(rules=[split("r1", 300_000)])) == 300_000
    assert reach_when_met_ppm(definition(default="on", on=False)) == 0


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (definition(), 0),
        (definition(default="on", off="on"), 1_000_000),
        (definition(off="on"), 1_000_000),
        (definition(off=None), 0),
        (definition(rules=[split("r1", 300_000)]), 300_000),
    ],
)
def test_first_reach__served_elsewhere__measured_by_what_everybody_gets_there(first, expected):
    assert first_reach_ppm(first, [definition()]) == expected
    assert first_reach_ppm(definition(default="on", off="on"), []) == 0
