"""Lines of keys in TOML texts."""

from metrics.lines import line_numbers, line_of

TEXT = '''\
# key = "not this one"
key = "a"
long = """
key = "inside text"
"""
"quoted" = 1
a.b = 2
list = [
  "x = y",
  "z",
]

[cap]  # a table
percentile = 99
inline = { deep = 1 }

[[rows]]
name = "first"
'''


def test_line_numbers__keys_tables_comments_and_long_texts__first_real_place():
    numbers = line_numbers(TEXT)

    assert numbers == {
        "key": 2,
        "long": 3,
        "quoted": 6,
        "a.b": 7,
        "list": 8,
        "cap": 13,
        "cap.percentile": 14,
        "cap.inline": 15,
        "rows": 17,
        "rows[0]": 17,
        "rows[0].name": 18,
    }


def test_line_of__key_inside_inline_table__line_of_the_table():
    assert line_of("cap.inline.deep", line_numbers(TEXT)) == 15


def test_line_of__missing_field__its_table_or_the_first_line():
    numbers = line_numbers(TEXT)

    assert line_of("cap.absolute", numbers) == 13
    assert line_of("owner", numbers) == 1
