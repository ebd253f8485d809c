"""Sources as people describe them: what is refused, with its line, and which odd names are only names."""

import pytest

from analysis.engines.contract import EngineFailure
from analysis.engines.own_files import files_of
from analysis.sources.parsing import parse
from ledger.refusals import Refused

GOOD = """\
key = "shop"
title = "Shop"
kind = "parquet"
folder = "/data"

[exposures]
table = "exposures"
unit = "u"
arm = "a"
time = "t"

[[events]]
table = "orders"
unit = "u"
time = "t"
event = "purchase"
"""
POSTGRES = GOOD.replace('"parquet"', '"postgres"').replace(
    'folder = "/data"', 'connection = "HEADWAY_SOURCE_X"'
)


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (('"exposures"', '"../secret"'), 7, "no path below the source's folder"),
        (('"exposures"', '"/etc/passwd"'), 7, "no path below the source's folder"),
        (('"exposures"', '"a/../../b"'), 7, "no path below the source's folder"),
        (('"exposures"', '"*.parquet"'), 7, "no path below the source's folder"),
        (('"exposures"', '"a\\u0000b"'), 7, "invisible character U.0000"),
        (('"/data"', '"/data/../etc"'), 4, "not the full path of a folder"),
        (('"/data"', '"s3://bucket"'), 4, "not the full path of a folder"),
        (('unit = "u"', 'unit = ""'), 8, "this is empty"),
        (('unit = "u"', 'unit = "\\u202e"'), 8, "invisible character U.202E"),
        (('unit = "u"', 'unit = "u\\nv"'), 8, "more than one line"),
        (('arm = "a"', 'arm = "u"'), 9, "this column is the unit already"),
        (("[[events]]", "[[event]]"), 1, "events = .missing"),
        (("[[events]]", "[events]"), 12, "not a list of 1 to 20 tables"),
        (
            ('event = "purchase"', 'event = "purchase"\nevent_column = "e"'),
            12,
            "either one name or one column",
        ),
        (('event = "purchase"', 'evnt = "purchase"'), 16, "Did you mean .event"),
    ],
)
def test_parse__hostile_description__refused_with_its_line(change, line, said):
    assert change[0] in GOOD

    with pytest.raises(Refused, match=said) as refused:
        parse(GOOD.replace(*change, 1))

    assert line in {problem.line for problem in refused.value.problems}


@pytest.mark.parametrize(
    "table",
    ["a.b.c", "a;b", "a b", 'a\\"b', "pg_authid", "pg_catalog.pg_shadow", "information_schema.tables"],
)
def test_parse__table_of_postgres_that_is_none_of_theirs__refused(table):
    with pytest.raises(Refused, match=r"no name of a table|belongs to the database itself"):
        parse(POSTGRES.replace('"exposures"', f'"{table}"'))


@pytest.mark.parametrize("name", ["u'--", "count(*)", "a.b", "*", "$1", "%s", "select"])
def test_parse__odd_name_of_a_column__is_a_name(name):
    assert parse(GOOD.replace('"u"', f'"{name}"')).exposures.unit == name


@pytest.mark.parametrize("name", ["a*.parquet", "a?.parquet", "a[1].parquet"])
def test_files__name_that_is_a_pattern__refused_and_not_read_twice(tmp_path, name):
    for each in (name, "a1.parquet"):
        (tmp_path / each).touch()

    with pytest.raises(EngineFailure, match="would be read as a pattern of names"):
        files_of(tmp_path, ".")

    assert files_of(tmp_path, "a1.parquet") == [str(tmp_path / "a1.parquet")]
