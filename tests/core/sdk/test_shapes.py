"""Shapes of flags: whatever text one matches is that of a right flag; whole documents are judged as ever."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.evaluation import ConfigRefused, compile_config, flag_checking, shapes
from headway.evaluation.entries import Entries, is_linked
from headway.reading import parsed, read_config
from tests.core.sdk import strategies
from tests.core.sdk.build import document, experiment, flag, split, targeting, when

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|true|false|null|[\[\]{}:,]')
NUMBERS = (
    "0 -0 -1 01 1 1.0 1e2 11 12 500000 1000000 1000001 2147483648 4294967295 4294967296 9007199254740993"
)
TEXTS = [
    "",
    "on",
    "id",
    "split",
    "control",
    "treatment",
    "gone",
    "x" * 129,
    "x" * 1001,
    "1.2.3",
    "1.2",
    "01.2.3",
]
RAW = ['"\x01"', '"\\u0041"', '"\\ud800"', '"é"', "null", "true", "false", "{}", "[]", "NaN", "", " ", ","]
TOKENS = st.sampled_from([*NUMBERS.split(), *map(json.dumps, TEXTS), *RAW])
MANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
MORE = settings(max_examples=4000, deadline=None, suppress_health_check=list(HealthCheck))


def _packed(content):
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


@st.composite
def edited(draw, text):
    """A flag's text with some tokens replaced, repeated or put in the place of others."""
    tokens = TOKEN.findall(text)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(tokens) - 1))
        other = draw(st.one_of(TOKENS, st.sampled_from(tokens)))
        tokens[at] = draw(st.sampled_from([other, tokens[at] + other]))
    return "".join(tokens)


@st.composite
def flags_and_edits(draw):
    entry = draw(strategies.flags(prerequisites=False))
    return entry, draw(st.lists(edited(_packed(entry)), min_size=1, max_size=5))


def _refusal(read, body):
    try:
        read(body)
    except (ConfigRefused, ValueError) as error:
        return str(error)
    return None


def _holds_what_it_says(entry, texts):
    shape = shapes.shape_of(entry)
    if shape is None:
        return
    frame = json.loads(json.dumps(document(segments={"seg-a": {}, "seg-b": {}})))
    for text in texts:
        if re.fullmatch(shape, text):
            found = parsed(text.encode())
            assert not flag_checking.check(found, frame)
            assert not is_linked(found)


@MANY
@given(flags_and_edits())
def test_shape__any_text_it_matches__is_a_right_flag_of_its_own(case):
    _holds_what_it_says(*case)


@pytest.mark.slow
@MORE
@given(flags_and_edits())
def test_shape__any_of_many_texts_it_matches__is_a_right_flag_of_its_own(case):
    _holds_what_it_says(*case)


@pytest.fixture
def quick(monkeypatch):
    """The second flag of a kind is taken by its shape already, in documents of any size."""
    monkeypatch.setattr(shapes, "CHARACTERS_A_LOOK", 1)
    monkeypatch.setattr(shapes, "SEEN_BEFORE", 1)


@MANY
@given(case=flags_and_edits())
def test_read__flags_like_others_with_edits__refused_as_the_whole_document(quick, case):
    entry, texts = case
    entry.pop("forced", None)
    segments = {key: {"version": 1, "when": when("country", "exists")} for key in ("seg-a", "seg-b")}
    layers = {key: {"unit_type": "user", "salt": 7} for key in ("layer-a", "layer-b")}
    frame = _packed(document(layers=layers, segments=segments))[:-2]
    members = [f'"f{number}":{text}' for number, text in enumerate([_packed(entry), *texts])]
    body = f"{frame}{','.join(members)}}}}}".encode("utf-8", "surrogatepass")

    expected = _refusal(lambda text: compile_config(parsed(text)), body)

    assert _refusal(read_config, body) == expected
    if expected is None:
        assert dict(read_config(body).document["flags"]) == parsed(body)["flags"]


def _many(**edits):
    """Three hundred experiments with salts of their own, in the order in which servers write them."""
    made = {
        f"f{number}": flag([split(gate=2 * number, arm=2 * number + 1, experiment=f"e{number}")])
        for number in range(300)
    }
    return json.dumps(document({**made, **edits}), separators=(",", ":"))


def test_read__many_flags_of_one_kind__nearly_all_taken_by_their_shape(monkeypatch):
    monkeypatch.setattr(shapes, "CHARACTERS_A_LOOK", 1000)
    looked = []
    monkeypatch.setattr("headway.reading.check_entry", lambda *args: looked.append(args) or ())

    config = read_config(_many().encode())

    assert len(looked) == shapes.SEEN_BEFORE
    assert isinstance(config.document["flags"], Entries)
    assert config.evaluate("f250", "user-1").variant in {"control", "treatment"}


@pytest.mark.parametrize(
    "wrong",
    [
        flag([split(gate=8, arm=8)]),
        flag([split(gate=2**32, arm=8)]),
        flag([split(coverage_ppm=1_000_001)]),
        flag([split(arms=[["control", 500_000], ["treatment", 400_000]])]),
        flag([split(arms=[["control", 500_000], ["gone", 500_000]])]),
        flag([split(experiment="x" * 129)]),
        flag([split(experiment="e", extra=1)]),
        flag([split(experiment="e")], version=2**31),
    ],
)
def test_read__one_wrong_flag_among_many_of_its_kind__refused(quick, wrong):
    body = _many(wrong=wrong).encode()

    expected = _refusal(lambda text: compile_config(parsed(text)), body)

    assert expected is not None
    assert _refusal(read_config, body) == expected


@pytest.mark.parametrize(
    "entry",
    [
        flag(forced={"qa": "control"}),
        flag(prerequisites=[{"flag": "other", "variants": ["control"]}]),
        flag([split(layer={"key": "shop", "slots": [[0, 10]]}, experiment="e")]),
        flag(meta={"note": "x" * shapes.MAX_LITERAL}),
    ],
)
def test_shape__has_to_do_with_others_or_is_too_long__has_none(entry):
    assert shapes.shape_of(entry) is None


def test_shape__lists_of_texts_and_versions__stand_open():
    listed = targeting(when("city", "in", ["a", "b"]), id="listed")
    newer = targeting(when("app", "semver_gte", "1.2.3"), id="newer")
    shape = re.compile(shapes.shape_of(flag([listed, newer])))

    other = _packed(flag([{**listed, "when": when("town", "in", ["c"] * 500)}, newer])).replace(
        "1.2.3", "10.0.1"
    )

    assert shape.fullmatch(other)
    assert not shape.fullmatch(other.replace("10.0.1", "10.0.1-"))
    assert not shape.fullmatch(_packed(experiment()))
