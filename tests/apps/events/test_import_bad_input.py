"""The files of events that people bring: rows 79 to 95 of bad input, each with what it is told. Nothing is
guessed: what is no number or no time is refused with its line, and ids stay the texts they are."""

import pytest
from django.core.management import CommandError

from tests.apps.events.test_imports import HEADER, line, run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sdk_key")]
GOOD = HEADER + line(1) + line(2)


def brought(tmp_path, content):
    path = tmp_path / "clicks.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return run(path, "--dry-run")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(GOOD.encode("utf-16"), "byte 1 of line 1 is not UTF-8", id="80 UTF-16"),
        pytest.param(GOOD.replace("u2", "\xe9").encode("latin-1"), "of line 3 is not UTF-8", id="80 Latin-1"),
        pytest.param(HEADER.replace("unit_type", "unit") + line(1), "two columns", id="82 header twice"),
        pytest.param(GOOD.replace(",", ";"), "Try --delimiter ';'", id="83 semicolons"),
        pytest.param(
            HEADER + line(1, name='"click') + line(2), "line 2: row = .*cannot be read", id="88 quote"
        ),
        pytest.param("", "the file is empty", id="91 empty"),
        pytest.param(
            GOOD.replace("ts,", "ts ,", 1), "'ts ': this column is no field", id="91 header with spaces"
        ),
        pytest.param(HEADER + line(1, name="x" * 140_000), "at most 131,072 characters", id="92 huge cell"),
        pytest.param(b"PAR1 and no more", "Parquet file cannot be read", id="a name is not the content"),
    ],
)
def test_file__cannot_be_understood__refused_whole(tmp_path, content, said):
    with pytest.raises(CommandError, match=said):
        brought(tmp_path, content)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param("a,b\n", "this row has 2 cells, the header has 6", id="81 ragged"),
        pytest.param(line(1, value='"1,5"'), "a value is a number", id="83 decimal comma"),
        pytest.param(line(1, value='"1,234"'), "a value is a number", id="84 thousands"),
        pytest.param(line(1, value="nan"), "a value is a number", id="85 nan"),
        pytest.param(line(1, value="1e999"), "outside ±9,007,199,254,740,991", id="85 1e999"),
        pytest.param(line(1, unit=""), "unit is missing", id="85 empty unit"),
        pytest.param(line(1, unit="a\0b"), "it holds a NUL at position 1", id="89 NUL"),
        pytest.param(line(1, ts="03/04/2026"), "this is not a time of RFC 3339", id="90 which month"),
        pytest.param(line(1, ts="2019-11-24T10:00:00"), "the zone is missing", id="90 no zone"),
        pytest.param(line(1, ts="2099-11-24T10:00:00Z"), "in the future", id="90 future"),
        pytest.param(line(1, value="=1+1"), "a value is a number", id="93 formula"),
        pytest.param(line(1, unit="x" * 600), "it has 600 characters; 1 to 512", id="94 id without end"),
    ],
)
def test_row__cannot_be_understood__refused_with_its_line_and_counted(tmp_path, row, said):
    out, err = brought(tmp_path, GOOD + row)

    assert out == "2 rows are good, 1 are not; none imported\n"
    assert "clicks.csv:4: " in err
    assert said in err


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param("\ufeff" + GOOD, 2, id="79 byte order mark"),
        pytest.param(HEADER + "".join(line(1, unit=u) for u in ("1E5", "007", "9" * 23)), 3, id="86 ids"),
        pytest.param(HEADER + "".join(line(1, unit=u) for u in ("NULL", "None", "NA")), 3, id="87 words"),
        pytest.param(HEADER, 0, id="91 header only"),
        pytest.param(HEADER + "".join(line(1, unit=u) for u in ("Ab", "ab", "ab ")), 3, id="94 case, space"),
    ],
)
def test_file__odd_but_plain__taken_as_it_stands(tmp_path, content, rows):
    out, err = brought(tmp_path, content)

    assert (out, err) == (f"{rows} rows are good, 0 are not; none imported\n", "")
