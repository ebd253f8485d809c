"""Reviewed files: several of them together, every slip of every file said at once."""

import json

import pytest

from headway.cli import declared
from headway.cli.failures import Failed

GOOD = """
schema: 1
environment: production
segments:
  staff:
    when: {attribute: email, op: ends_with, value: "@shop.example"}
flags:
  checkout:
    type: bool
    variants: {on: true, off: false}
"""


def folder(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return [tmp_path]


def slips(paths):
    with pytest.raises(Failed) as failed:
        declared.read(paths)
    return "\n".join(failed.value.lines)


def test_read__folder_of_yaml_and_json__one_whole(tmp_path):
    more = {"schema": 1, "flags": {"search": {"variants": {"a": 1}}}}

    found = declared.read(folder(tmp_path, a__yaml=GOOD, b__json=json.dumps(more), readme__md="no"))

    assert found.environment == "production"
    assert set(found.flags) == {"checkout", "search"}
    assert len(found.files) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flags: {}", "schema = None: this is no format we know. Write schema: 1."),
        ("schema: 2", "schema = 2"),
        ("schema: 1\nflagz: {}", "flagz = '…': there is no such section. Did you mean flags?"),
        ("schema: 1\nflags: []", "flags = []: this has to be a mapping by key"),
        ("schema: 1\nflags: {a: 1}", "flags.a = 1: this has to be a mapping"),
        (
            "schema: 1\nflags: {a: {variants: {x: 1}, tilte: b}}",
            "tilte = …: there is no such field. Did you mean title?",
        ),
        ("schema: 1\nflags: {a: {type: bool}}", "flags.a.variants = None"),
        ("schema: 1\nsegments: {a: {}}", "segments.a.when = None"),
        ("schema: 1\nenvironment: [x]", "environment = ['x']"),
        ("- a", "the file has to be a mapping"),
        ("", "the file has to be a mapping"),
    ],
)
def test_read__slip__named_with_file_field_and_fix(tmp_path, text, said):
    assert said in slips(folder(tmp_path, f__yaml=text))


def test_read__several_slips__all_at_once(tmp_path):
    said = slips(folder(tmp_path, a__yaml="schema: 1\nflags: {a: 1}", b__yaml="schema: 3"))

    assert "a.yaml: flags.a" in said
    assert "b.yaml: schema" in said


def test_read__flag_in_two_files__both_named(tmp_path):
    said = slips(folder(tmp_path, a__yaml=GOOD, b__yaml=GOOD))

    assert "b.yaml: flags.checkout stands in" in said
    assert "a.yaml already" in said


def test_read__files_of_two_environments__refused(tmp_path):
    said = slips(folder(tmp_path, a__yaml=GOOD, b__yaml="schema: 1\nenvironment: staging"))

    assert "environment = 'staging': other files are about production" in said


def test_read__empty_folder__fails_rather_than_passes(tmp_path):
    assert "there is no file that ends with" in slips([tmp_path])


def test_read__file_missing__named(tmp_path):
    assert "gone.yaml cannot be read" in slips([tmp_path / "gone.yaml"])


def test_read__latin_1__line_and_byte_named(tmp_path):
    (tmp_path / "f.yaml").write_bytes(b"schema: 1\na: \xe4")

    assert "line 2, byte 4 is not UTF-8" in slips([tmp_path])


def test_read__byte_order_mark_and_windows_line_ends__read(tmp_path):
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    assert set(declared.read([tmp_path]).flags) == {"checkout"}


def test_read__json_with_a_key_twice__refused(tmp_path):
    assert "stands twice" in slips(folder(tmp_path, f__json='{"schema": 1, "schema": 1}'))
