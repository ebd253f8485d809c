"""The document as it is built, and what is refused before anything is stored."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from flags import document, preview
from flags.parts import Numbered, Parts
from headway.evaluation import compile_config
from ledger.refusals import Refused
from tests.core.flags.texts import DE, definition, fixed, split

AT = datetime(2026, 3, 2, 9, 30, 0, 123_456, tzinfo=UTC)


def parts(**flags):
    return Parts("production", flags={key: Numbered(3, content) for key, content in flags.items()})


def fields(refused):
    return [problem.field for problem in refused.value.problems]


def test_build__everything__as_the_format_says():
    served = Parts(
        "production",
        flags={"a": Numbered(3, definition())},
        segments={"beta": Numbered(2, DE)},
        layers={"page": {"unit_type": "user", "salt": 7}},
    )

    built = document.build(served, version=42, built_at=AT.astimezone(timezone(timedelta(hours=2))))

    assert built == {
        "schema": 1,
        "environment": "production",
        "version": 42,
        "built_at": "2026-03-02T09:30:00.123Z",
        "layers": {"page": {"unit_type": "user", "salt": 7}},
        "holdouts": {},
        "segments": {"beta": {"version": 2, "when": DE}},
        "flags": {"a": {"version": 3, **definition()}},
    }
    assert compile_config(built).version == 42


def test_check__circle_of_prerequisites__refused():
    needs = {"prerequisites": [{"flag": "b", "variants": ["on"]}]}
    back = {"prerequisites": [{"flag": "a", "variants": ["on"]}]}

    with pytest.raises(Refused, match="leads back to itself"):
        document.check(parts(a=definition(), b=definition(**back)), "a", definition(**needs))


def test_check__variant_that_another_flag_needs_removed__refused():
    needs = {"prerequisites": [{"flag": "a", "variants": ["on"]}]}
    changed = definition(variants={"off": False, "new": True})

    with pytest.raises(Refused, match="a has no such variant"):
        document.check(parts(a=definition(), b=definition(**needs)), "a", changed)


def test_check__new_flag__fields_are_its_own():
    with pytest.raises(Refused) as refused:
        document.check(parts(), "a", definition(rules=[fixed(variant="maybe"), split(coverage_ppm=-1)]))

    assert fields(refused) == ["rules[0].variant", "rules[1].split.coverage_ppm"]


def test_check_segment__flag_that_looks_at_it__still_served():
    served = parts(a=definition(rules=[fixed(when={"segment": "beta"})]))

    document.check_segment(served, "beta", DE)
    with pytest.raises(Refused, match="no such segment"):
        document.check_segment(served, "staff", DE)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"variants": {}, "rules": [1]}, "rules[0]"),
        ({"variants": {}, "rules": [{"id": 5}]}, "rules[0].id"),
        ({"variants": {}, "rules": [{"split": 5}]}, "rules[0].split"),
        ({"rules": []}, "variants"),
        ({"variants": {}, "forced": []}, "forced"),
        ({"variants": {}, "prerequisites": {}}, "prerequisites"),
        ({"variants": {}, "on": 1}, "on"),
        ({"variants": {"a": "\ud800"}}, "definition"),
        ({"variants": {"a": "x" * 500_001}}, "definition"),
        ({"variants": {"a": float("inf")}}, "definition"),
        ({"variants": {}, "version": 3}, "version"),
    ],
)
def test_shape__what_cannot_be_kept__refused_with_the_field(content, field):
    with pytest.raises(Refused) as refused:
        document.check_shape(content, "bool", "user")

    assert field in fields(refused)


def test_preview__draft_that_breaks_another_flag__refused():
    changed = definition(variants={"new": True}, off="new", default="new")
    needs = {"prerequisites": [{"flag": "a", "variants": ["on"]}]}
    draft = SimpleNamespace(number=4, definition=changed)

    with pytest.raises(Refused):
        preview.document_of(parts(a=definition(), b=definition(**needs)), "a", draft, now=AT)


STORIES = [
    ({"on": False}, "The flag is switched off."),
    ({"forced": {"u1": "on"}}, "Unit u1 is forced to a variant."),
    ({"prerequisites": [{"flag": "b", "variants": ["on"]}]}, "Flag b serves off to this unit."),
    ({"rules": [fixed(when=DE)]}, "Rule r1 does not match."),
    ({"rules": [split(coverage_ppm=0)]}, "Rule r1: nobody takes part."),
    ({"rules": [split(coverage_ppm=1_000_000, treatment_ppm=500_000)]}, "of the arms, which is"),
    ({"rules": [split(unit_from="device", coverage_ppm=5)]}, "Rule r1 is skipped: attribute device"),
    ({}, "Nothing else applies: the default."),
]


@pytest.mark.parametrize(("changes", "words"), STORIES)
def test_story__every_kind_of_step__said_in_words(changes, words):
    served = document.build(parts(a=definition(**changes), b=definition()), version=1, built_at=AT)

    told = preview.story(served, "a", "u1", {"country": "fr"})

    assert any(words in line.words for line in told.lines)
    assert told.reason


def test_story__layer_and_holdout__said_in_words():
    rule = split(layer={"key": "page", "slots": [[0, 1]]})
    served = Parts(
        "production",
        flags={"a": Numbered(1, definition(rules=[rule]))},
        layers={"page": {"unit_type": "user", "salt": 7}},
        holdouts={"all-2026": {"unit_type": "user", "salt": 9, "share_ppm": 1, "layers": None}},
    )

    told = preview.story(document.build(served, version=1, built_at=AT), "a", "u1", {})

    lines = [line.words for line in told.lines]
    assert any("layer page puts the unit at" in line for line in lines)


def test_story__nested_condition__every_part_with_what_was_found():
    when = {"all": [DE, {"not": {"any": [{"attribute": "age", "op": "gt", "value": 17}]}}]}
    served = document.build(parts(a=definition(rules=[fixed(when=when)])), version=1, built_at=AT)

    (line, *_) = preview.story(served, "a", "u1", {"country": "de", "age": 20}).lines

    assert [(part.depth, part.words, part.is_so) for part in line.parts] == [
        (0, "all of these", False),
        (1, 'country is one of de, at (found "de")', True),
        (1, "not this", False),
        (2, "any of these", True),
        (3, "age is above 17 (found 20)", True),
    ]
