"""Files as people have them: what is broken is named with its line, nothing is read as something else."""

import pytest

from events.imports.files import open_table
from ledger.refusals import Problem, Refused


def table(tmp_path, content, **options):
    path = tmp_path / "data.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_table(path, **options)


def refusal(action):
    with pytest.raises(Refused) as refused:
        action()
    return refused.value.problems[0]


def test_csv__quotes_and_line_breaks__rows_with_the_line_they_begin_in(tmp_path):
    found = table(tmp_path, 'a,b\r\n1,"x, ""y"""\r\n2,"two\r\nlines"\r\n3,z\r\n')

    assert found.columns() == ["a", "b"]
    assert list(found.rows()) == [
        (2, {"a": "1", "b": 'x, "y"'}),
        (3, {"a": "2", "b": "two\r\nlines"}),
        (5, {"a": "3", "b": "z"}),
    ]


def test_csv__byte_order_mark__not_part_of_the_first_name(tmp_path):
    assert table(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n").columns() == ["a", "b"]


def test_csv__everything__is_text(tmp_path):
    [(_, row)] = table(tmp_path, "a,b,c,d\n007,1E5,NULL,03/04/2026\n").rows()

    assert row == {"a": "007", "b": "1E5", "c": "NULL", "d": "03/04/2026"}


def test_csv__ragged_rows__named_with_their_lines_and_the_others_read(tmp_path):
    rows = list(table(tmp_path, "a,b\n1\n2,3\n4,5,6\n\n7,8\n").rows())

    assert [line for line, row in rows if isinstance(row, Problem)] == [2, 4]
    assert [row for _, row in rows if not isinstance(row, Problem)] == [
        {"a": "2", "b": "3"},
        {"a": "7", "b": "8"},
    ]


@pytest.mark.parametrize("content", ["", "\n", "\n\n1,2\n"])
def test_csv__no_header__refused(tmp_path, content):
    assert "empty" in refusal(table(tmp_path, content).columns).reason


def test_csv__header_only__no_rows(tmp_path):
    assert list(table(tmp_path, "a,b\n").rows()) == []


def test_csv__semicolons__told_which_delimiter_to_try(tmp_path):
    assert "';'" in refusal(table(tmp_path, "a;b\n1;2\n").columns).fix
    assert table(tmp_path, "a;b\n1;2\n", delimiter=";").columns() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a,b\n1,2\n\xff\xfe,3\n", 3),
        ("a,b\n1,ü\n".encode("latin-1"), 2),
        ("a,b\n1,2\n".encode("utf-16"), 1),
    ],
)
def test_csv__not_utf8__refused_with_the_line(tmp_path, content, line):
    problem = refusal(lambda: list(table(tmp_path, content).rows()))

    assert (problem.line, "UTF-8" in problem.reason) == (line, True)


@pytest.mark.parametrize(
    "content", ['a,b\n1,2\n3,"open\n5,6\n', 'a,b\n1,2\n3,"x"y\n', "a,b\n1,2\n3," + "x" * 140_000]
)
def test_csv__record_that_cannot_be_read__refused_with_the_line_it_begins_in(tmp_path, content):
    problem = refusal(lambda: list(table(tmp_path, content).rows()))

    assert problem.line == 3


def test_file__missing__refused(tmp_path):
    assert "no file" in refusal(lambda: open_table(tmp_path / "nothing.csv")).reason
    assert "no file" in refusal(lambda: open_table(tmp_path)).reason


def test_file__odd_delimiter__refused(tmp_path):
    assert refusal(lambda: table(tmp_path, "a", delimiter="::")).field == "--delimiter"


def test_parquet__half_of_a_file__refused(tmp_path):
    problem = refusal(table(tmp_path, b"PAR1" + b"x" * 100).columns)

    assert "Parquet" in problem.reason
