"""What people and scripts get wrong when they save a flag: refused with field, reason and what to do."""

import pytest

from flags import queries, services
from flags.models import Flag, FlagVersion
from ledger.refusals import Refused
from tests.apps.flags.build import BY, definition, draft, environment, flag, published, split

pytestmark = pytest.mark.django_db
ON = {"variant": "on"}


def when(op, value, attribute="plan"):
    return [{"when": {"attribute": attribute, "op": op, "value": value}, **ON}]


def arms(*shares):
    return [{"split": {"coverage_ppm": 1_000_000, "arms": [[name, share] for name, share in shares]}}]


def nested(depth):
    condition = {"attribute": "plan", "op": "equals", "value": "pro"}
    for _ in range(depth):
        condition = {"not": condition}
    return [{"when": condition, **ON}]


@pytest.mark.parametrize(
    ("rules", "field", "words"),
    [
        (arms(("off", 499_900), ("on", 500_000)), "rules[0].split.arms", "add up to 99.99 %"),
        (arms(("off", 500_100), ("on", 500_000)), "rules[0].split.arms", "add up to 100.01 %"),
        (arms(("off", -1), ("on", 1_000_001)), "rules[0].split.arms[0]", "parts per million"),
        (arms(("off", 0.5), ("on", 0.5)), "rules[0].split.arms[0]", "parts per million"),
        (arms(("off", 500_000), ("off", 500_000)), "rules[0].split.arms", "in two arms"),
        (arms(("off", 500_000), ("blue", 500_000)), "rules[0].split.arms[1]", "no such variant"),
        ([split(1_000_001)], "rules[0].split.coverage_ppm", "parts per million"),
        ([split(-1)], "rules[0].split.coverage_ppm", "parts per million"),
        ([split(True)], "rules[0].split.coverage_ppm", "parts per million"),
        ([{"variant": "blue"}], "rules[0].variant", "no such variant"),
        ([{**split(), "variant": "on"}], "rules[0].variant", "either a variant or a split"),
        ([{}], "rules[0]", "either a variant or a split"),
        ([{**ON, "percent": 50}], "rules[0].percent", "no such field"),
        (when("is_like", "pro"), "rules[0].when.op", "no such operator"),
        (when("gt", "5"), "rules[0].when.value", "number"),
        (when("in", []), "rules[0].when.value", "list"),
        (when("semver_gte", "1.2.3.4"), "rules[0].when.value", "version"),
        (when("matches", "(a+)+\\1"), "rules[0].when.value", "not possible"),
        (when("in_network", "10.0.0.1/8"), "rules[0].when.value", "network"),
        (when("before", "2026-11-23T10:00:00"), "rules[0].when.value", "zone"),
        ([{"when": {"segment": "nobody"}, **ON}], "rules[0].when.segment", "no such segment"),
        (nested(1_000), "definition", "nested too deeply"),
        (when("equals", float("nan")), "definition", "no JSON"),
        (when("equals", "a\0b"), "definition", "U+0000"),
        (when("equals", "\ud800"), "definition", "no JSON"),
        ([{"id": "a", **ON}, {"id": "a", **ON}], "rules", "two rules have this id"),
        ([ON] * 101, "rules", "at most 100"),
    ],
)
def test_rules__with_a_slip__refused_at_the_field(rules, field, words):
    flag()

    with pytest.raises(Refused) as caught:
        draft(rules)

    found = caught.value.problems[0]
    assert found.field.startswith(field)
    assert words in f"{found.reason} {found.fix}".lower() or words in f"{found.reason} {found.fix}"
    assert not FlagVersion.objects.filter(state="draft").exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"variants": {}}, "1 to 64 variants"),
        ({"variants": {"on": "true", "off": False}}, "no value of type bool"),
        ({"variants": {"on": 1, "off": 0}}, "no value of type bool"),
        ({"default": "blue"}, "no such variant"),
        ({"off": "blue"}, "no such variant"),
        ({"on": "yes"}, "neither true nor false"),
        ({"forced": {"user-1": "blue"}}, "no such variant"),
        ({"prerequisites": [{"flag": "nothing", "variants": ["on"]}]}, "no such flag"),
        ({"prerequisites": [{"flag": "checkout", "variants": ["on"]}]}, "circle"),
        ({"type": "string"}, "the flag's type is bool"),
        ({"unit_type": "device"}, "the flag's unit_type is user"),
        ({"rulez": []}, "there is no such field"),
    ],
)
def test_definition__with_a_slip__refused_in_words(changed, words):
    flag()

    with pytest.raises(Refused, match=words):
        draft(**{"rules": [], **changed})


def test_prerequisites__circles_of_two_and_three_refused__a_diamond_is_none():
    for key in ("checkout", "left", "right", "base"):
        flag(key)
    _needs("left", "base")
    _needs("right", "base")
    _needs("checkout", "left", "right")

    with pytest.raises(Refused, match="circle"):
        _needs("base", "left")
    with pytest.raises(Refused, match="circle"):
        _needs("base", "checkout")

    assert [each["flag"] for each in definition()["prerequisites"]] == ["left", "right"]


def _needs(key, *others):
    wanted = [{"flag": other, "variants": ["on"]} for other in others]
    published(flag=key, prerequisites=wanted)


def test_segments__in_a_circle__refused():
    environment()
    for key in ("one", "two"):
        services.create_segment(key=key, **BY)
    _is("one", {"attribute": "plan", "op": "equals", "value": "pro"})
    _is("two", {"segment": "one"})

    for circle in ({"segment": "two"}, {"not": {"segment": "one"}}):
        with pytest.raises(Refused, match="circle"):
            _is("one", circle)


def _is(key, condition):
    services.publish_segment(segment=key, environment="production", when=condition, **BY)


@pytest.mark.parametrize(
    "key", ["", "New", "new checkout", "é", "a" * 64, "-a", "a_b", "a/b", "new", "keys", 5, None]
)
def test_key__that_cannot_be__refused(key):
    environment()

    with pytest.raises(Refused):
        services.create_flag(key=key, value_type="bool", **BY)

    assert not Flag.objects.exists()


@pytest.mark.parametrize(
    "title",
    ["\u200b", "pay\u202egnp", "line\nbreak", "bell\a", "\ufeffcheckout", "\u2066x\u2069", 7, "x" * 201],
)
def test_title__that_cannot_be_seen_or_kept__refused(title):
    environment()

    with pytest.raises(Refused) as caught:
        services.create_flag(key="checkout", value_type="bool", title=title, **BY)

    assert caught.value.problems[0].field == "title"


@pytest.mark.parametrize("title", ["Kasse – schnell", "👩\u200d💻 view", "می\u200cخواهم", "用户"])
def test_title__of_any_language__kept(title):
    flag(title=title)

    assert queries.flag("checkout").title == title


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", "forever"), ("expires_on", "31.12.2026"), ("expires_on", "2026-02-30"), ("value_type", "int")],
)
def test_flag__with_an_odd_field__refused_by_its_name(field, value):
    environment()

    with pytest.raises(Refused) as caught:
        services.create_flag(**{"key": "checkout", "value_type": "bool", field: value}, **BY)

    assert caught.value.problems[0].field == field


def test_salt__of_another_flag__refused_so_that_nobody_picks_the_same_people():
    flag("other")
    flag()
    taken = published([split()], flag="other").definition["rules"][0]["split"]

    with pytest.raises(Refused, match="this salt belongs to flag:other"):
        draft([{"split": {**split()["split"], "gate_salt": taken["gate_salt"], "arm_salt": 5}}])


@pytest.mark.parametrize("salt", [-1, 2**32, 10**30, "7", True])
def test_salt__that_is_none__refused_at_its_field(salt):
    flag()

    with pytest.raises(Refused, match="a salt is a whole number from 0 to 4294967295") as caught:
        draft([{"split": {**split()["split"], "gate_salt": salt, "arm_salt": 5}}])

    assert caught.value.problems[0].field == "rules[0].split.gate_salt"
