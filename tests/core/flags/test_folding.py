"""A rule that gives one variant to everybody becomes the default, and nobody notices."""

import pytest

from flags.folding import foldable, folded
from headway.evaluation import compile_config
from tests.core.flags.texts import DE, definition, fixed, split


def shipped(**more):
    return fixed("shipped-prefetch", variant="on", holdouts=["all"], **more)


def test_folded__winner_behind_other_rules__default_says_it_and_they_stay():
    before = definition(rules=[fixed("r1", variant="off", when=DE), shipped(), fixed("r3", variant="off")])

    after = folded(before, [])

    assert (after["default"], [rule["id"] for rule in after["rules"]]) == ("on", ["r1"])
    assert (before["default"], len(before["rules"])) == ("off", 3)


@pytest.mark.parametrize("country", ["de", "fr", None])
@pytest.mark.parametrize("unit", ["u1", "", None])
def test_folded__any_unit__same_variant_as_before(unit, country):
    before = definition(rules=[fixed("r1", variant="off", when=DE), shipped()])

    answers = [_variant(each, unit, country) for each in (before, folded(before, []))]

    assert answers[0] == answers[1]


def _variant(found, unit, country):
    document = {"schema": 1, "environment": "test", "version": 1, "built_at": "2026-11-23T10:00:00Z"}
    document |= {"layers": {}, "holdouts": {}, "segments": {}, "flags": {"checkout": {**found, "version": 1}}}
    return compile_config(document).evaluate("checkout", unit, {"country": country}).variant


@pytest.mark.parametrize(
    ("rules", "holding"),
    [
        ([], []),
        ([shipped()], ["all"]),
        ([split("r1"), shipped()], []),
        ([shipped(), split("r2", experiment="next")], []),
        ([fixed("r1", when=DE)], []),
    ],
    ids=["none", "held", "behind a split", "in front of an experiment", "with a condition"],
)
def test_foldable__somebody_would_notice__none(rules, holding):
    assert foldable(definition(rules=rules), holding) is None
    assert folded(definition(rules=rules), holding) is None
