"""What people write into metric definitions and should not: rows 61 to 78 of bad input, one test for each.

A definition is plain data: no row of it is an expression, so what other tools have to refuse as SQL is here
either a text that is compared as it stands, or no field at all. What shows in the data only is held below
tests/core/analysis: 64 a column of text (test_own_files, test_adhoc), 65 a denominator of nothing
(test_adhoc_tables), 72 a read that grows without end (test_jail); 76 an alpha metric as a blocking guardrail
in tests/apps/experiments/test_drafting.
"""

import pytest

from ledger.refusals import Refused
from metrics.parsing import MAX_CHARACTERS, parse, parse_all
from tests.core.metrics.test_parsing import GOOD


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def metric(kind, *more):
    head = [line for line in GOOD.partition("[source]")[0].splitlines() if line.partition(" ")[0] in NEEDED]
    return "\n".join([*head, f'kind = "{kind}"', *more, "[source]", 'event = "click"'])


NEEDED = ("key", "title", "question", "unit", "direction", "owner", "hypothesis")
ROWS = [
    pytest.param("", "this holds no definition", id="61 empty"),
    pytest.param("#" * (MAX_CHARACTERS + 1), "10,001 characters, at most 10,000", id="61 too long"),
    pytest.param(changed('unit = "ms"', "unit = [(1, 2"), "this is not TOML", id="62 unbalanced"),
    pytest.param("a = " + "[" * 4000, "nested too deeply", id="62 brackets without end"),
    pytest.param(".".join("a" * 900) + " = 1", "nested too deeply", id="62 dots without end"),
    pytest.param(changed('unit = "ms"', 'unit = "ms"\nunit = "s"'), "written twice", id="100 twice"),
    pytest.param(
        changed('unit = "ms"', 'unit = "ms"\ncolumn = "x"'), "there is no such field", id="63 unknown"
    ),
    pytest.param(changed("owner =", "ownr ="), 'Did you mean "owner"', id="63 nearest"),
    pytest.param(
        metric("mean", 'cap = { absolute = "ten" }'), "this is not a number", id="64 text as number"
    ),
    pytest.param(metric("ratio"), "denominator = .missing", id="65 ratio of nothing"),
    *(
        pytest.param(
            metric("quantile", f"quantile = {share}"), "share from 0.5 to 0.99|not a number", id=f"66 {share}"
        )
        for share in ("0", "1.0", "95", "100", "150", '"p95"', "nan", "-0.5", "true")
    ),
    pytest.param(
        metric("mean", "cap = { absolute = 1, floor = 2 }"), "not below the limit 1", id="67 swapped"
    ),
    pytest.param(metric("count", "cap = { absolute = 0 }"), "no number of events is left", id="67 cap of 0"),
    pytest.param(
        metric("ratio", "denominator = { event = 'click' }"), "ratio is always 1", id="68 over itself"
    ),
    pytest.param(
        metric("mean", 'source_metric = "m"'), "there is no such field", id="68 derived from itself"
    ),
    pytest.param(metric("mean", 'sql = "1; DROP TABLE x"'), "there is no such field", id="70 SQL"),
    pytest.param(
        metric("mean", "[settings]", "memory_limit = 1"), "there is no such field", id="71 settings"
    ),
    pytest.param(metric("mean", "where = { page = ['a', 'b'] }"), "there is no such field", id="72 join"),
    pytest.param(metric("mean", 'regex = "(a+)+$"'), "there is no such field", id="73 regular expression"),
    pytest.param(changed('unit = "ms"\n', ""), "unit = .missing", id="74 no unit"),
    pytest.param(changed('unit = "ms"', 'unit = ""'), "this is empty", id="74 empty unit"),
    pytest.param(changed('direction = "down"\n', ""), "direction = .missing", id="75 no direction"),
    pytest.param(
        changed('direction = "down"', 'direction = "lower"'), 'one of "up", "down"', id="75 other word"
    ),
    pytest.param(metric("mean", "margin = 5"), "relative or absolute", id="77 per cent or unit"),
    pytest.param(metric("mean", "margin = { value = 5 }"), "margin.relative = .missing", id="77 not said"),
    pytest.param(
        metric("mean", "margin = { value = 5, relative = true }"), "more than 100 %", id="77 5 for 5 %"
    ),
    pytest.param(
        metric("proportion", "margin = { value = 5, relative = false }"),
        "a share lies from 0 to 1, so it cannot move by 5",
        id="77 points as shares",
    ),
    pytest.param(
        changed('owner = "rosa"', 'owner = "rosa"\ntier = "final"'), "backup owner", id="78 final for nobody"
    ),
    pytest.param(
        changed('"Checkout time, p95"', '"a\\nBcc: b"'), "more than one line", id="40 lines in a title"
    ),
    pytest.param(
        changed('"Checkout time, p95"', '"a\\u202eb"'), "invisible character U", id="40 RTL in a title"
    ),
    pytest.param(changed("page =", '"" ='), "the name '': this is empty", id="45 dim without a name"),
    pytest.param(changed("page =", f"{'k' * 101} ="), "has 101 characters", id="45 dim of 101 letters"),
    pytest.param(changed('owner = "rosa"\n', ""), "owner = .missing", id="78 no owner"),
]


@pytest.mark.parametrize(("text", "said"), ROWS)
def test_parse__bad_definition__place_reason_and_fix(text, said):
    with pytest.raises(Refused, match=said) as refused:
        parse(text, file="m.toml")

    assert all(problem.line and problem.file == "m.toml" for problem in refused.value.problems)


@pytest.mark.parametrize(
    "title",
    [
        pytest.param("CHECKOUT  time, P95", id="case and spaces"),
        pytest.param("Сheckout time, p95", id="Cyrillic letters"),
        pytest.param("Checkοut time, p95", id="Greek letters"),
        pytest.param("Checkout time, p95".replace("C", "\uff23"), id="wide letters"),
        pytest.param("Che\u0301ckout time, p95".replace("\u0301", ""), id="the same"),
    ],
)
def test_parse_all__row_69_titles_that_look_alike__refused(title):
    first = changed(f'title = "{TITLE}"', 'title = "Checkout time, p95"')
    other = first.replace("Checkout time, p95", title).replace(KEY, "another")

    with pytest.raises(Refused, match="another file have this title"):
        parse_all({"a.toml": first, "b.toml": other})


def test_parse__row_79_byte_order_mark_before_pasted_text__left_out():
    assert parse("\ufeff" + GOOD) == parse(GOOD)


def test_parse__row_70_sql_as_a_value__is_a_text_to_compare_with():
    text = "1'; DROP TABLE events; --"

    found = parse(metric("mean") + f'\nwhere = {{ page = "{text}" }}')

    assert found.source.where == (("page", text),)


TITLE = next(line for line in GOOD.splitlines() if line.startswith("title")).partition('"')[2].rstrip('"')
KEY = next(line for line in GOOD.splitlines() if line.startswith("key")).partition('"')[2].rstrip('"')
