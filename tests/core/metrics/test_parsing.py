"""Metric files: what a good one means, and what each bad one is told."""

import tomllib

import pytest

from ledger.refusals import Refused
from metrics.definitions import Amount, Cap, Direction, Kind, Margin, Measure, MetricDefinition, Source, Tier
from metrics.parsing import decode, parse, parse_all

GOOD = """\
key = "checkout-time-p95"
title = "Checkout time, p95"
question = "How long do the slowest checkouts take?"
kind = "quantile"
quantile = 0.95
unit = "ms"
direction = "down"
owner = "rosa"
hypothesis = "Fewer requests before the first paint lower it; no change then refutes it."

[source]
event = "checkout-finished"
where = { page = "checkout" }

[margin]
value = 0.02
relative = true
"""


def changed(old, new, text=GOOD):
    assert old in text
    return text.replace(old, new)


def problems_of(text, file="checkout.toml"):
    with pytest.raises(Refused) as caught:
        parse(text, file=file)
    return caught.value.problems


def only_problem_of(text):
    (found,) = problems_of(text)
    return found


def test_parse__complete_file__every_field_arrives():
    text = GOOD.replace('kind = "quantile"\nquantile = 0.95', 'kind = "mean"') + (
        "\n[cap]\npercentile = 99\nfloor = 0\n\n[window]\ndays = 7\n\n[covariate]\ndays = 14\n"
        "\n[gain]\nvalue = 5\nrelative = false\n"
    )
    head = 'tier = "beta"\nbackup_owner = "amir"\nrunbook = "https://wiki/p95"\ndimensions = ["country"]\n'

    definition = parse(head + text)

    assert definition == MetricDefinition(
        key="checkout-time-p95",
        title="Checkout time, p95",
        question="How long do the slowest checkouts take?",
        kind=Kind.MEAN,
        unit="ms",
        direction=Direction.DOWN,
        owner="rosa",
        hypothesis="Fewer requests before the first paint lower it; no change then refutes it.",
        source=Source("checkout-finished", Measure.VALUE, (("page", "checkout"),)),
        cap=Cap(percentile=99.0, floor=0.0),
        window_hours=168,
        covariate_days=14,
        margin=Margin(0.02, relative=True),
        gain=Amount(5.0, relative=False),
        tier=Tier.BETA,
        backup_owner="amir",
        runbook="https://wiki/p95",
        dimensions=("country",),
    )


@pytest.mark.parametrize(
    ("kind", "measure"),
    [("mean", "value"), ("count", "count"), ("proportion", "count"), ("quantile", "value")],
)
def test_parse__value_left_out__kind_says_what_is_taken(kind, measure):
    quantile = "quantile = 0.95\n" if kind == "quantile" else ""

    definition = parse(changed('kind = "quantile"\nquantile = 0.95\n', f'kind = "{kind}"\n{quantile}'))

    assert definition.source.value == measure


def test_parse__ratio__has_two_sources():
    text = changed('kind = "quantile"\nquantile = 0.95', 'kind = "ratio"')

    definition = parse(text + '[denominator]\nevent = "session-started"\nvalue = "count"\n')

    assert definition.denominator == Source("session-started", Measure.COUNT)


@pytest.mark.parametrize(
    "name", ["key", "title", "question", "kind", "unit", "direction", "owner", "hypothesis"]
)
def test_parse__required_field_missing__named_with_a_fix(name):
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"{name} =")]

    found = only_problem_of("\n".join(lines))

    assert (found.field, found.value, found.line) == (name, "(missing)", 1)
    assert found.fix


def test_parse__source_missing__named():
    found = only_problem_of(
        changed('[source]\nevent = "checkout-finished"\nwhere = { page = "checkout" }\n', "")
    )

    assert found.field == "source"


BAD_VALUES = [
    ('unit = "ms"', 'unit = ""', "unit", 6, "empty"),
    ('unit = "ms"', "unit = 5", "unit", 6, "not text"),
    ('direction = "down"', 'direction = "dwon"', "direction", 7, "not one of"),
    ('direction = "down"', 'direction = "lower"', "direction", 7, "not one of"),
    ("quantile = 0.95", "quantile = 95", "quantile", 5, "not a share"),
    ("quantile = 0.95", "quantile = 0", "quantile", 5, "not a share"),
    ("quantile = 0.95", "quantile = 1", "quantile", 5, "not a share"),
    ("quantile = 0.95", 'quantile = "p95"', "quantile", 5, "not a number"),
    ("quantile = 0.95", "quantile = true", "quantile", 5, "not a number"),
    ("quantile = 0.95", "quantile = nan", "quantile", 5, "finite"),
    ('key = "checkout-time-p95"', 'key = "Checkout Time"', "key", 1, "not a key"),
    ('key = "checkout-time-p95"', 'key = "сheckout"', "key", 1, "not a key"),
    ('title = "Checkout time, p95"', 'title = "Checkout\\u0000"', "title", 2, "U+0000"),
    ('title = "Checkout time, p95"', 'title = "Check\\u200Bout"', "title", 2, "U+200B"),
    ('title = "Checkout time, p95"', 'title = "\\u202Ekcehc"', "title", 2, "U+202E"),
    ("value = 0.02", "value = 2", "margin.value", 16, "more than 100 %"),
    ("value = 0.02", "value = 0", "margin.value", 16, "above zero"),
    ("value = 0.02", "value = -0.02", "margin.value", 16, "above zero"),
    ("value = 0.02", 'value = "2%"', "margin.value", 16, "not a number"),
    ("value = 0.02", "value = 1e999", "margin.value", 16, "finite"),
    ('where = { page = "checkout" }', "where = { page = 1 }", "source.where.page", 13, "not text"),
    ('where = { page = "checkout" }', 'where = "page"', "source.where", 13, "not a table"),
    ('owner = "rosa"', 'owner = "rosa"\nbackup_owner = "rosa"', "backup_owner", 9, "is the owner"),
    ('owner = "rosa"', 'owner = "rosa"\nrunbook = "javascript:alert(1)"', "runbook", 9, "web address"),
    ('owner = "rosa"', 'owner = "rosa"\ndimensions = "country"', "dimensions", 9, "list of names"),
    ('owner = "rosa"', 'owner = "rosa"\ndimensions = ["a", "a"]', "dimensions", 9, "twice"),
]


@pytest.mark.parametrize(("old", "new", "field", "line", "reason"), BAD_VALUES)
def test_parse__bad_value__says_file_line_field_value_and_fix(old, new, field, line, reason):
    found = only_problem_of(changed(old, new))

    assert (found.file, found.line, found.field) == ("checkout.toml", line, field)
    assert reason in found.reason
    assert found.value
    assert found.fix
    assert str(found).startswith(f"checkout.toml:{line}: {field} = ")


@pytest.mark.parametrize(
    ("written", "field", "reason"),
    [
        ("cap = { percentile = 0 }", "cap.percentile", "50 to below 100"),
        ("cap = { percentile = 100 }", "cap.percentile", "50 to below 100"),
        ("cap = { percentile = 150 }", "cap.percentile", "50 to below 100"),
        ("cap = { percentile = 0.99 }", "cap.percentile", "50 to below 100"),
        ('cap = { percentile = "p95" }', "cap.percentile", "not a number"),
        ("cap = { absolute = 10, floor = 20 }", "cap.floor", "not below the limit"),
        ("cap = { absolute = 10, floor = 10 }", "cap.floor", "not below the limit"),
        ("cap = { percentile = 99, absolute = 10 }", "cap", "either"),
        ("cap = {}", "cap", "either"),
        ("cap = 99", "cap", "not a table"),
        ("window = { days = 0 }", "window.days", "not between"),
        ("window = { days = 1.5 }", "window.days", "whole number"),
        ("window = { days = 1, hours = 2 }", "window", "either"),
        ("window = { hours = 99999 }", "window.hours", "not between"),
        ("covariate = {}", "covariate.days", "required"),
        ("gain = 0.01", "gain", "relative or absolute"),
        ('gain = "1%"', "gain", "relative or absolute"),
        ("gain = { value = 1 }", "gain.relative", "required"),
        ('gain = { value = 1, relative = "yes" }', "gain.relative", "true nor false"),
        ('denominator = { event = "x" }', "denominator", "has none"),
        ("quantile = 0.5", "quantile", "has none"),
    ],
)
def test_parse__mean_with_bad_part__refused_on_its_line(written, field, reason):
    text = changed('kind = "quantile"\nquantile = 0.95', f'kind = "mean"\n{written}')

    found = only_problem_of(text)

    assert (found.field, found.line) == (field, 5)
    assert reason in found.reason
    assert found.fix


@pytest.mark.parametrize(
    ("kind", "written", "reason"),
    [
        ("mean", 'value = "count"', "always takes the value"),
        ("count", 'value = "value"', "always takes the count"),
        ("proportion", 'value = "value"', "always takes the count"),
    ],
)
def test_parse__measure_that_contradicts_the_kind__refused(kind, written, reason):
    text = changed('kind = "quantile"\nquantile = 0.95', f'kind = "{kind}"')

    found = only_problem_of(changed("[source]\n", f"[source]\n{written}\n", text))

    assert found.field == "source.value"
    assert reason in found.reason


@pytest.mark.parametrize("part", ["cap = { percentile = 99 }", "covariate = { days = 7 }"])
def test_parse__quantile_with_part_it_cannot_have__refused(part):
    found = only_problem_of(changed("quantile = 0.95", f"quantile = 0.95\n{part}"))

    assert found.field == part.split()[0]


def test_parse__ratio_without_denominator__refused():
    found = only_problem_of(changed('kind = "quantile"\nquantile = 0.95', 'kind = "ratio"'))

    assert (found.field, found.value) == ("denominator", "(missing)")


def test_parse__quantile_without_quantile__refused():
    found = only_problem_of(changed("quantile = 0.95\n", ""))

    assert (found.field, found.value) == ("quantile", "(missing)")


def test_parse__unknown_kind__only_the_kind_is_blamed():
    found = only_problem_of(changed('kind = "quantile"', 'kind = "percentile"'))

    assert (found.field, found.line) == ("kind", 4)
    assert "quantile" in found.reason


def test_parse__margin_on_metric_without_direction__refused():
    found = only_problem_of(changed('direction = "down"', 'direction = "none"'))

    assert (found.field, found.line) == ("margin", 15)


def test_parse__final_without_second_owner_and_runbook__both_named():
    found = problems_of(changed('owner = "rosa"', 'owner = "rosa"\ntier = "final"'))

    assert [each.field for each in found] == ["backup_owner", "runbook"]


@pytest.mark.parametrize(
    ("old", "new", "field", "meant"),
    [
        ('owner = "rosa"', 'ownr = "rosa"\nowner = "rosa"', "ownr", '"owner"'),
        ("[margin]\n", "[margn]\nvalue = 1\n\n[margin]\n", "margn", '"margin"'),
        ('event = "checkout-finished"', 'event = "a"\nevnt = "b"', "source.evnt", '"event"'),
        ("relative = true", "relative = true\nrelativ = true", "margin.relativ", '"relative"'),
    ],
)
def test_parse__unknown_field__says_which_one_was_meant(old, new, field, meant):
    found = only_problem_of(changed(old, new))

    assert found.field == field
    assert f"Did you mean {meant}" in found.fix


def test_parse__field_like_no_other__lists_what_is_possible():
    found = only_problem_of(changed("relative = true", "relative = true\nzzzzzz = 1"))

    assert found.fix == "Possible here: relative, value."


def test_parse__many_mistakes__all_reported_at_once():
    text = changed('unit = "ms"\n', "").replace('owner = "rosa"', 'owner = ""').replace("0.95", "95")

    assert [each.field for each in problems_of(text)] == ["unit", "owner", "quantile"]


@pytest.mark.parametrize(
    ("text", "field", "line", "reason"),
    [
        (GOOD + "value = 1\n", "value", 18, "written twice"),
        (GOOD + "\n[source]\n", "source", 19, "written twice"),
        (changed('unit = "ms"', "unit = ms"), "unit", 6, "not TOML"),
        (changed('unit = "ms"', "unit: ms"), "unit: ms", 6, "not TOML"),
        (changed('unit = "ms"', 'unit = "ms'), "unit", 6, "not TOML"),
        (changed('unit = "ms"', "unit = [1, 2"), "direction", 7, "not TOML"),
        (changed('unit = "ms"', "unit = " + "9" * 5000), "file", 1, "thousands of digits"),
        ("", "file", 1, "no definition"),
        ("\n \n", "file", 1, "no definition"),
        ("x" * 10_001, "file", 1, "10,001 characters"),
        ("a = " + "[" * 9000, "file", 1, "nested too deeply"),
    ],
)
def test_parse__text_that_is_not_a_definition__place_and_reason(text, field, line, reason):
    found = problems_of(text)[0]

    assert reason in found.reason
    assert (found.file, found.line, found.field) == ("checkout.toml", line, field)


def test_decode__latin_1__names_line_and_byte():
    with pytest.raises(Refused) as caught:
        decode('key = "a"\ntitle = "caf\xe9"'.encode("latin-1"), file="cafe.toml")

    (found,) = caught.value.problems
    assert (found.line, found.value) == (2, "0xe9")
    assert "byte 13 " in found.reason


def test_decode__byte_order_mark__read_over():
    assert parse(decode(b"\xef\xbb\xbf" + GOOD.encode(), file="a.toml")).key == "checkout-time-p95"


def test_parse__windows_line_ends__same_definition():
    assert parse(GOOD.replace("\n", "\r\n")) == parse(GOOD)


def test_parse_all__two_bad_files__both_reported_with_their_names():
    texts = {"a.toml": changed('unit = "ms"\n', ""), "b.toml": changed('owner = "rosa"\n', "")}

    with pytest.raises(Refused) as caught:
        parse_all(texts)

    assert [(each.file, each.field) for each in caught.value.problems] == [
        ("a.toml", "unit"),
        ("b.toml", "owner"),
    ]


def test_parse_all__same_key_twice__both_files_named():
    with pytest.raises(Refused) as caught:
        parse_all({"a.toml": GOOD, "b.toml": GOOD})

    assert {each.field for each in caught.value.problems} == {"key"}
    assert "a.toml" in str(caught.value)
    assert "b.toml" in str(caught.value)


def test_parse_all__titles_that_differ_in_case_only__refused():
    other = changed('"checkout-time-p95"', '"other"').replace("Checkout time", "CHECKOUT  time")

    with pytest.raises(Refused) as caught:
        parse_all({"a.toml": GOOD, "b.toml": other})

    assert {each.field for each in caught.value.problems} == {"title"}


def test_definition__read_back_from_canonical__equal_with_equal_hash():
    definition = parse(GOOD)

    back = MetricDefinition.from_canonical(definition.canonical())

    assert back == definition
    assert back.sha256 == definition.sha256


def test_definition__comments_and_order_changed__same_hash():
    source, margin = GOOD.index("[source]"), GOOD.index("[margin]")
    shuffled = f"# a comment\n{GOOD[:source]}{GOOD[margin:]}\n{GOOD[source:margin]}"
    assert tomllib.loads(shuffled) == tomllib.loads(GOOD)

    assert parse(shuffled).sha256 == parse(GOOD).sha256


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.95", "0.9"),
        ('"ms"', '"s"'),
        ("0.02", "0.03"),
        ('"rosa"', '"amir"'),
        ('page = "checkout"', 'page = "x"'),
    ],
)
def test_definition__anything_changed__other_hash(old, new):
    assert parse(changed(old, new)).sha256 != parse(GOOD).sha256


def test_amount__relative__share_of_the_control_whatever_its_sign():
    assert Amount(0.02, relative=True).in_unit(-500.0) == pytest.approx(10.0)
    assert Amount(30.0, relative=False).in_unit(500.0) == 30.0
