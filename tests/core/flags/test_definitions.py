"""Changing one thing of a definition and nothing else."""

from itertools import count

import pytest

from flags.definitions import (
    ExperimentRule,
    checksum,
    complete,
    first,
    rule_of_experiment,
    salts,
    takes_from_experiments,
    with_coverage,
    with_experiment,
    without_experiment,
)
from ledger.refusals import Conflict, NotFound, Refused
from tests.core.flags.texts import DE, definition, fixed, in_layer, split

HALF = (("off", 500_000), ("on", 500_000))


def asked(experiment="prefetch", **changes):
    return ExperimentRule(experiment=experiment, **({"arms": HALF, "coverage_ppm": 50_000} | changes))


@pytest.mark.parametrize("value_type", ["bool", "string", "number", "json"])
def test_first__any_type__everybody_gets_what_the_kill_switch_serves(value_type):
    made = first(value_type, "user")

    assert made["default"] == made["off"]
    assert made["default"] in made["variants"]
    assert made["rules"] == []


def test_complete__rules_without_ids_and_salts__get_free_ones():
    numbers = count(100)
    bare = {"split": {"coverage_ppm": 1, "arms": [["on", 1_000_000]]}}

    whole = complete({"variants": {}, "rules": [bare, {"id": "r1", "variant": "on"}]}, lambda: next(numbers))

    assert [rule["id"] for rule in whole["rules"]] == ["r2", "r1"]
    assert list(salts(whole)) == [("rules[0].split.gate_salt", 100), ("rules[0].split.arm_salt", 101)]
    assert "id" not in bare


def test_complete__salts_that_are_there__kept():
    whole = complete(definition(rules=[split()]), lambda: pytest.fail("nothing to draw"))

    assert whole == definition(rules=[split()])


def test_checksum__order_of_keys__does_not_matter():
    assert checksum({"a": 1, "b": [1, 2]}) == checksum({"b": [1, 2], "a": 1})
    assert checksum({"b": [1, 2]}) != checksum({"b": [2, 1]})


@pytest.mark.parametrize("coverage", [0, 1, 999_999, 1_000_000])
def test_with_coverage__only_split__that_number_and_nothing_else(coverage):
    before = definition(rules=[fixed("r0", when=DE), split()])

    after = with_coverage(before, None, coverage)

    assert after == definition(rules=[fixed("r0", when=DE), split(coverage_ppm=coverage)])
    assert before["rules"][1]["split"]["coverage_ppm"] == 500_000


@pytest.mark.parametrize(
    ("rules", "rule", "kind", "reason"),
    [
        ([split()], "r9", NotFound, "Known: r1"),
        ([fixed()], None, Conflict, "no rule of this flag has a coverage"),
        ([split("r1", when=DE), split("r2")], None, Refused, "Name one of: r1, r2"),
    ],
)
def test_with_coverage__no_single_split__refused_naming_them(rules, rule, kind, reason):
    with pytest.raises(kind, match=reason):
        with_coverage(definition(rules=rules), rule, 5)


@pytest.mark.parametrize("coverage", [-1, 1_000_001])
def test_with_coverage__no_share__refused(coverage):
    with pytest.raises(Refused, match="no coverage"):
        with_coverage(definition(rules=[split()]), None, coverage)


def test_with_experiment__other_rules__comes_last():
    after = with_experiment(definition(rules=[fixed("r1", when=DE)]), asked())

    assert [rule["id"] for rule in after["rules"]] == ["r1", "prefetch"]
    assert after["rules"][1] == {
        "id": "prefetch",
        "experiment": "prefetch",
        "split": {"coverage_ppm": 50_000, "arms": [["off", 500_000], ["on", 500_000]]},
    }


def test_with_experiment__again_with_more_coverage__same_place_id_and_salts():
    before = definition(
        rules=[split("prefetch", 50_000, 500_000, experiment="prefetch"), fixed("r2", when=DE)]
    )

    after = with_experiment(before, asked(coverage_ppm=900_000))

    assert after["rules"] == [
        split("prefetch", 900_000, 500_000, experiment="prefetch"),
        fixed("r2", when=DE),
    ]


def test_with_experiment__rule_that_takes_everybody__conflict():
    with pytest.raises(Conflict, match="rule r1 of the flag takes everybody"):
        with_experiment(definition(rules=[split()]), asked())


def test_with_experiment__other_experiment_of_the_layer__beside_it():
    before = definition(rules=[split("a", experiment="a", layer=in_layer(0, 500_000))])

    after = with_experiment(before, asked("b", layer="checkout", slots=((500_000, 1_000_000),)))

    assert after["rules"][1]["layer"] == in_layer(500_000, 1_000_000)


def test_with_experiment__key_taken_by_another_rule__gets_another_id():
    after = with_experiment(definition(rules=[fixed("prefetch", when=DE)]), asked())

    assert [rule["id"] for rule in after["rules"]] == ["prefetch", "r1"]
    assert rule_of_experiment(after, "prefetch")["id"] == "r1"


def test_without_experiment__nothing_behind__rule_gone():
    before = definition(rules=[fixed("r1", when=DE), split("prefetch", experiment="prefetch")])

    assert without_experiment(before, "prefetch") == definition(rules=[fixed("r1", when=DE)])


def test_without_experiment__rule_behind_would_catch_its_units__covers_nobody():
    before = definition(rules=[split("prefetch", experiment="prefetch"), fixed("r2", when=DE)])

    after = without_experiment(before, "prefetch")

    assert after["rules"] == [split("prefetch", coverage_ppm=0), fixed("r2", when=DE)]


def test_without_experiment__same_layer_behind__rule_gone():
    behind = split("b", experiment="b", layer=in_layer(500_000, 1_000_000))
    before = definition(rules=[split("a", experiment="a", layer=in_layer(0, 500_000)), behind])

    assert without_experiment(before, "a")["rules"] == [behind]


RUNNING = split("prefetch", experiment="prefetch")


@pytest.mark.parametrize(
    "after",
    [
        definition(rules=[fixed("r1", when=DE), split("prefetch", 600_000, experiment="prefetch")]),
        definition(rules=[fixed("r1", when=DE)]),
        definition(rules=[RUNNING, fixed("r1", when=DE)]),
        definition(rules=[fixed("r1"), RUNNING]),
        definition(rules=[fixed("r1", when=DE), fixed("r2", when=DE), RUNNING]),
        definition(
            rules=[fixed("r1", when=DE), RUNNING], prerequisites=[{"flag": "other", "variants": ["on"]}]
        ),
    ],
)
def test_takes_from_experiments__who_is_in_it_would_change__said(after):
    before = definition(rules=[fixed("r1", when=DE), RUNNING])

    assert "running experiment prefetch" in next(takes_from_experiments(before, after)).reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([split("r1", 5, when=DE), RUNNING], [split("r1", 9, when=DE), RUNNING]),
        ([RUNNING], [RUNNING, fixed("r2", when=DE)]),
        ([fixed("r1")], [fixed("r2")]),
    ],
)
def test_takes_from_experiments__same_units__nothing_to_say(before, after):
    changed = definition(rules=after, forced={"qa": "on"}, default="on")

    assert list(takes_from_experiments(definition(rules=before), changed)) == []


def test_takes_from_experiments__experiment_that_does_not_run__said():
    (found,) = takes_from_experiments(definition(), definition(rules=[RUNNING]))

    assert "no experiment prefetch runs" in found.reason
