"""Reading documents flag by flag: taken, refused and decided as with the whole document."""

import json
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway import reading
from headway.evaluation import ConfigRefused, compile_config
from headway.evaluation.entries import Entries
from headway.reading import parsed, read_config
from tests.core.sdk import strategies
from tests.core.sdk.build import document, experiment, flag, split, targeting, when
from tests.core.sdk.test_checking import REFUSED

MANY = settings(deadline=None, suppress_health_check=list(HealthCheck))


def _packed(whole):
    return json.dumps(whole, separators=(",", ":")).encode()


def _is_by_flag(config):
    return isinstance(config.document["flags"], Entries)


def _layered(low, high, **fields):
    return flag([split(experiment="e", layer={"key": "shop", "slots": [[low, high]]}, **fields)])


SHOP = {"shop": {"unit_type": "user", "salt": 7}}


@MANY
@given(strategies.documents(), st.lists(st.tuples(strategies.UNITS, strategies.ATTRIBUTES), min_size=1))
def test_read__any_document__decides_as_the_whole_one(whole, cases):
    body = _packed(whole)

    config, expected = read_config(body), compile_config(parsed(body))

    assert dict(config.document["flags"]) == expected.document["flags"]
    for key in whole["flags"]:
        for unit, attributes in cases:
            assert config.evaluate(key, unit, attributes) == expected.evaluate(key, unit, attributes)


def test_read__as_servers_write_it__flag_by_flag():
    assert _is_by_flag(read_config(_packed(document({"home": experiment()}))))


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(document({"home": experiment()})).encode(),
        _packed({name: document({"home": experiment()})[name] for name in sorted(document(), reverse=True)}),
        _packed({"flags": {"home": experiment()}, **document({"home": experiment()})}),
    ],
)
def test_read__spaces_or_another_order__read_all_the_same(body):
    assert dict(read_config(body).document["flags"]) == {"home": experiment()}


def test_read__a_segment_called_flags__is_no_beginning_of_flags():
    segments = {"flags": {"version": 1, "when": when("country", "equals", "de")}}
    whole = document({"home": flag([targeting({"segment": "flags"})])}, segments=segments)

    config = read_config(_packed(whole))

    assert config.evaluate("home", "user-1", {"country": "de"}).variant == "treatment"


@pytest.mark.parametrize("name", sorted({field for _, field, _ in REFUSED}))
def test_read__breaks_a_rule__refused_as_the_whole_one(name):
    for whole, field, _ in REFUSED:
        if field != name:
            continue
        try:
            body = _packed(whole)
        except (TypeError, ValueError):
            continue
        with pytest.raises((ConfigRefused, ValueError)) as expected:
            compile_config(parsed(body))
        with pytest.raises((ConfigRefused, ValueError)) as found:
            read_config(body)
        assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"on":true', b'"on":true,"on":false'),
        (b'"on":true', b'"\\u006fn":false,"on":true'),
        (b'"control":"c"', b'"control":"c","control":"d"'),
        (b'"arm_salt":12', b'"arm_salt":12,"gate_salt":13'),
        (b'"id":"split"', b'"id":"split","id":"other"'),
        (b'"value":"de"', b'"value":"de","op":"not_equals"'),
        (b'"flags":{', b'"flags":{"other":1},"flags":{'),
        (b'"version":1,"built_at"', b'"version":2,"version":1,"built_at"'),
    ],
)
def test_read__key_that_stands_twice__refused_wherever_it_is(old, new):
    german = targeting(when("country", "equals", "de"), id="german")
    body = _packed(document({"home": flag([german, split()])}))
    assert old in body
    read_config(body)

    with pytest.raises(ValueError, match="stands twice"):
        read_config(body.replace(old, new, 1))


def test_read__flag_that_stands_twice__refused():
    body = _packed(document({"home": experiment(), "away": experiment()}))

    with pytest.raises(ValueError, match="stands twice"):
        read_config(body.replace(b'"away":', b'"home":'))


@pytest.mark.parametrize("tail", [b"", b"}", b"}}}", b"},", b'},"x":1', b"} {}"])
def test_read__end_missing_or_something_after_it__refused(tail):
    body = _packed(document({"home": experiment()}))
    assert body.endswith(b"}}")

    with pytest.raises(ValueError, match=r"."):
        read_config(body[:-2] + tail)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"a": _layered(0, 10), "b": _layered(5, 20)}, None),
        (
            {"a": _layered(0, 10), "b": flag([{**_layered(5, 20)["rules"][0], "experiment": "f"}])},
            "same slots",
        ),
        ({"a": flag(prerequisites=[{"flag": "b", "variants": ["control"]}]), "b": flag()}, None),
        ({"a": flag(prerequisites=[{"flag": "b", "variants": ["gone"]}]), "b": flag()}, "no such variant"),
        ({"a": flag(prerequisites=[{"flag": "a", "variants": ["control"]}])}, "leads back to itself"),
    ],
)
def test_read__flags_that_have_to_do_with_others__looked_at_together(flags, words):
    body = _packed(document(flags, layers=SHOP))

    if words is None:
        assert _is_by_flag(read_config(body))
        return
    with pytest.raises(ConfigRefused, match=words):
        read_config(body)


# Again


def test_read_again__one_flag_changed__the_others_texts_and_answers_are_taken_over():
    flags = {f"f{number}": experiment() for number in range(20)}
    first = read_config(_packed(document(flags)))
    answers = {key: first.evaluate(key, "user-1") for key in flags}

    second = read_config(_packed(document({**flags, "f3": flag(on=False)}, version=2)), first)

    known, held = first.document["flags"], second.document["flags"]
    assert all(held.text(key) is known.text(key) for key in flags if key != "f3")
    assert second.evaluate("f3", "user-1").reason == "DISABLED"
    assert all(second.evaluate(key, "user-1") is answers[key] for key in flags if key != "f3")


def test_read_again__segment_changed__every_flag_is_read_again():
    def whole(country):
        segments = {"s": {"version": 1, "when": when("country", "equals", country)}}
        return _packed(document({"home": flag([targeting({"segment": "s"})])}, segments=segments))

    first = read_config(whole("de"))
    first.evaluate("home", "user-1", {"country": "de"})

    second = read_config(whole("fr"), first)

    assert second.evaluate("home", "user-1", {"country": "de"}).variant == "control"


def test_read_again__wanted_flag_changed__unchanged_dependent_is_looked_at():
    wanting = flag(prerequisites=[{"flag": "b", "variants": ["control"]}])
    first = read_config(_packed(document({"a": wanting, "b": flag()})))
    gone = flag(variants={"only": "x"}, off=None, default=None)

    with pytest.raises(ConfigRefused, match="no such variant"):
        read_config(_packed(document({"a": wanting, "b": gone}, version=2)), first)


def test_read_again__flag_is_the_beginning_of_another__not_taken_for_it():
    first = read_config(_packed(document({"home": flag()})))
    longer = {**flag(), "meta": {"note": "x"}}

    second = read_config(_packed(document({"home": longer}, version=2)), first)

    assert second.document["flags"]["home"] == longer


# One flag replaced


def test_updated__flags_held_as_text__replaced_removed_and_checked():
    flags = {"a": _layered(0, 10), "b": flag(), "c": flag()}
    config = read_config(_packed(document(flags, layers=SHOP)))

    second = config.updated({"b": flag(on=False), "c": None}, 2)

    assert set(second.document["flags"]) == {"a", "b"}
    assert second.evaluate("b", "user-1").reason == "DISABLED"
    assert second.evaluate("c", "user-1").reason == "FLAG_NOT_FOUND"
    other = flag([{**_layered(5, 20)["rules"][0], "experiment": "f"}])
    with pytest.raises(ConfigRefused, match="same slots"):
        config.updated({"b": other}, 3)
    third = config.updated(
        {"b": {**other, "rules": [{**other["rules"][0], "layer": {"key": "shop", "slots": [[10, 20]]}}]}}, 3
    )
    with pytest.raises(ConfigRefused, match="same slots"):
        third.updated({"c": other}, 4)


def test_updated__dependent_held_as_text__looked_at():
    wanting = flag(prerequisites=[{"flag": "b", "variants": ["control"]}])
    config = read_config(_packed(document({"a": wanting, "b": flag()})))

    with pytest.raises(ConfigRefused, match="no such variant"):
        config.updated({"b": flag(variants={"only": "x"}, off=None, default=None)}, 2)


# Size


def test_read__larger_than_allowed__refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(reading, "MAX_DOCUMENT", 100)

    with pytest.raises(ValueError, match="larger than 100 bytes"):
        read_config(b"[" * 101)


def test_read_again__a_thousand_flags_of_which_one_changed__a_fraction_of_the_first_time():
    flags = {
        f"f{number}": flag([targeting(when("city", "in", [f"t{n}" for n in range(100)]))])
        for number in range(1000)
    }
    first_body = _packed(document(flags))
    second_body = _packed(document({**flags, "f7": flag(on=False)}, version=2))

    first = read_config(first_body)

    def taken(previous=None):
        start = time.process_time()
        read_config(second_body, previous)
        return time.process_time() - start

    again, anew = zip(*((taken(first), taken()) for _ in range(10)), strict=True)

    assert min(again) < min(anew) / 2, "a fifth on a quiet machine"


def test_memory__of_flags_never_asked_for__about_that_of_their_text():
    flags = {f"f{number}": flag([targeting(when("city", "in", ["t"] * 100))]) for number in range(100)}
    body = _packed(document(flags))

    held = read_config(body).document["flags"]._held

    assert sum(map(sys.getsizeof, held.values())) < len(body) * 1.1
