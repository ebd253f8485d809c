"""The difference between two versions, as people read it."""

import pytest

from flags.changes import between
from tests.core.flags.texts import DE, definition, fixed, split

BEFORE = definition(rules=[fixed("r1", when=DE), split("r2", 100_000)])


def lines(before, after):
    return [change.words for change in between(before, after)]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (BEFORE, []),
        ({**BEFORE, "on": False}, ["Switched off: everybody gets off"]),
        ({**BEFORE, "default": "on"}, ["Default: off → on"]),
        ({**BEFORE, "off": None}, ["Variant while switched off: off → the one in the code"]),
        (
            {**BEFORE, "rules": [fixed("r1", when=DE), split("r2", 250_000)]},
            ["Rule r2: coverage 10 % → 25 %"],
        ),
        (
            {**BEFORE, "rules": [fixed("r1", when=DE), split("r2", 100_000, 900_000)]},
            ["Rule r2: shares 0 % off, 100 % on → 10 % off, 90 % on"],
        ),
        (
            {**BEFORE, "rules": [fixed("r1", when=DE)]},
            ["Rule r2 removed: Everybody: 10 % take part"],
        ),
        (
            {**BEFORE, "rules": [split("r2", 100_000), fixed("r1", when=DE)]},
            ["Order of the rules: r1, r2 → r2, r1"],
        ),
        (
            {**BEFORE, "rules": [fixed("r1"), split("r2", 100_000)]},
            ["Rule r1: country is one of de, at → everybody"],
        ),
        (
            {**BEFORE, "rules": [fixed("r1", "off", when=DE), split("r2", 100_000)]},
            ["Rule r1: If country is one of de, at: on."],
        ),
        (
            {**BEFORE, "rules": [*BEFORE["rules"], fixed("r3", when={"segment": "beta"})]},
            ["Rule r3 added: If in segment beta: on."],
        ),
        (
            {**BEFORE, "variants": {"on": 1, "new": {"a": 1}}},
            ['Variant new added: {"a": 1}', "Variant off removed (was false)", "Variant on: true → 1"],
        ),
        ({**BEFORE, "forced": {"qa-1": "on"}}, ['Forced unit qa-1 added: "on"']),
        (
            {**BEFORE, "prerequisites": [{"flag": "search", "variants": ["on"]}]},
            ["Depends on another flag now: search has to serve on"],
        ),
    ],
)
def test_between__one_difference__one_line(after, words):
    found = lines(BEFORE, after)

    assert len(found) == len(words)
    assert all(line.startswith(start) for line, start in zip(found, words, strict=True))


def test_between__nothing_before__first_version():
    assert lines(None, BEFORE) == ["First version"]


def test_between__new_salt__says_what_it_does_to_people():
    drawn = {**split("r2", 100_000)["split"], "arm_salt": 99}
    after = {**BEFORE, "rules": [fixed("r1", when=DE), {"id": "r2", "split": drawn}]}

    assert lines(BEFORE, after) == ["Rule r2: drawn anew who is in which arm"]


def test_between__two_differences_in_a_rule__both_with_their_fields():
    after = {**BEFORE, "rules": [fixed("r1", when=DE), split("r2", 5, when=DE, unit_from="device")]}

    assert [change.field for change in between(BEFORE, after)] == [
        "rules.r2.split.coverage_ppm",
        "rules.r2.when",
        "rules.r2",
    ]
