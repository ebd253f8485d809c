"""The bad files people bring, each with the sentence that tells what to do: rows 79 to 95 of bad input."""

import pytest

from analysis import aggregate_files, imported
from ledger.refusals import Refused
from metrics.definitions import Direction, Kind
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.world import definition

HEADER = b"metric,arm,n,mean,variance,events\n"
GOOD = b"orders,control,100,3.0,2.0,\norders,treatment,100,3.1,2.0,\n"
PLAN = locked_plan()
BUYERS = locked_plan(
    bindings=(binding(definition("buyers", Kind.PROPORTION, "purchase", direction=Direction.UP)),)
)


def brought(raw, plan=PLAN):
    return imported.read(plan, aggregate_files.rows_of(raw), first_line=aggregate_files.FIRST_LINE)


def row(text):
    """A good file whose second line is this text instead."""
    return HEADER + text + b"\n" + GOOD.partition(b"\n")[2]


def test_rows__good_file__both_arms():
    assert [(each.arm, each.n, each.mean) for each in brought(HEADER + GOOD)] == [
        ("control", 100, 3.0),
        ("treatment", 100, 3.1),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\xef\xbb\xbf" + HEADER + GOOD, id="79 byte order mark"),
        pytest.param(b" Metric , ARM,n ,mean,variance,events\n" + GOOD, id="91 header with spaces"),
        pytest.param((HEADER + GOOD).replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(
            b'metric,arm,n,mean,variance\n"orders","control",100,3e0,2.\norders, treatment ,100,.31e1,2\n',
            id="94 spaces around a cell",
        ),
    ],
)
def test_rows__harmless_habits_of_spreadsheets__read_as_meant(raw):
    assert [each.n for each in brought(raw)] == [100, 100]


@pytest.mark.parametrize(
    ("raw", "line", "said"),
    [
        pytest.param((HEADER + GOOD).decode().encode("utf-16"), 1, "is not UTF-8|NUL", id="80 UTF-16"),
        pytest.param(
            HEADER + "ordérs,control,1,2,3,\n".encode("latin-1"),
            2,
            "byte 4 of line 2 is not UTF-8",
            id="80 Latin-1",
        ),
        pytest.param(row(b"orders,control,100,3.0"), 2, "has 4 cells, the header has 6", id="81 ragged"),
        pytest.param(
            b"metric,arm,n,mean,mean,variance\n" + GOOD, 1, "stands here twice", id="82 duplicate header"
        ),
        pytest.param(
            b"metric;arm;n;mean;variance\norders;control;100;3,0;2,0\n",
            1,
            "separated by something else than commas",
            id="83 semicolons",
        ),
        pytest.param(row(b'orders,control,100,"3,0",2.0,'), 2, "this is not a number", id="83 decimal comma"),
        pytest.param(
            row(b'orders,control,"48,210",3.0,2.0,'), 2, "without thousands separators", id="84 thousands"
        ),
        pytest.param(row(b"orders,control,100,nan,2.0,"), 2, "not a finite number", id="85 nan"),
        pytest.param(row(b"orders,control,100,3.0,inf,"), 2, "not a finite number", id="85 inf"),
        pytest.param(row(b"orders,control,100,,2.0,"), 2, "this is missing", id="85 empty cell"),
        pytest.param(row(b"orders,control,1_000,3.0,2.0,"), 2, "this is not a number", id="86 underscore"),
        pytest.param(
            row(b"orders,control,99999999999999999999999,3.0,2.0,"),
            2,
            "not a whole number",
            id="86 23 digits",
        ),
        pytest.param(row(b"NULL,control,100,3.0,2.0,"), 2, "does not bind this metric", id="87 NULL"),
        pytest.param(row(b"orders,None,100,3.0,2.0,"), 2, "the plan has no such arm", id="87 None"),
        pytest.param(row(b'orders,"control,100,3.0,2.0,'), 2, "cannot be read", id="88 unterminated quote"),
        pytest.param(row(b"orders,con\x00trol,100,3.0,2.0,"), 2, "NUL byte", id="89 NUL"),
        pytest.param(row(b"orders,control,100,03/04/2026,2.0,"), 2, "this is not a number", id="90 date"),
        pytest.param(b"", 1, "it is empty", id="91 empty file"),
        pytest.param(HEADER, None, "it has no rows", id="91 header only"),
        pytest.param(
            row(b"orders," + b"c" * 140_000 + b",100,3.0,2.0,"), 2, "cannot be read", id="92 huge cell"
        ),
        pytest.param(row(b"orders,control,=SUM(A1:A9),3.0,2.0,"), 2, "this is not a number", id="93 formula"),
        pytest.param(row(b"orders,Control,100,3.0,2.0,"), 2, "the plan has no such arm", id="94 case"),
        pytest.param(
            b"metric,arm,n,mean,varianse\n" + GOOD, 1, 'Did you mean "variance"', id="50 misspelt column"
        ),
        pytest.param(row(b"orders,control,100,1e200,2.0,"), 2, "not a finite number", id="overflow"),
        pytest.param(row(b"orders,control,100,3.0,-1,"), 2, "of at least 0", id="negative variance"),
    ],
)
def test_rows__bad_file__line_and_reason(raw, line, said):
    with pytest.raises(Refused, match=said) as refused:
        brought(raw)

    assert refused.value.problems[0].line == line


def test_rows__too_many_rows__stopped_with_the_limit():
    with pytest.raises(Refused, match="more than 10,000 rows"):
        brought(HEADER + b"orders,control,1,2,3,\n" * 10_001)


def test_rows__larger_than_10_mb__not_read():
    with pytest.raises(Refused, match="larger than 10 MB"):
        brought(b"x" * 10_000_001)


@pytest.mark.parametrize("n", ["0", "1"])
def test_rows__proportion_of_few_units__read_without_a_made_up_variance(n):
    raw = f"metric,arm,n,events\nbuyers,control,{n},0\nbuyers,treatment,100,3\n".encode()

    assert brought(raw, BUYERS)[0].variance == 0.0


@pytest.mark.parametrize("metric", [[], {}, None, 5, True, "\x00", "\ud800"])
def test_read__metric_of_any_json_type__refused_not_broken(metric):
    with pytest.raises(Refused):
        imported.read(PLAN, [{"metric": metric, "arm": metric, "n": metric}])
