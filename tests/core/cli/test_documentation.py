"""The reference names every command and every exit code."""

import argparse
import re
from pathlib import Path

import pytest

from headway.cli.failures import CODES
from headway.cli.program import _parser

DOCS = Path(__file__).resolve().parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
PAGES = ["how-to/use-the-cli.md", "how-to/gitops.md", "how-to/migrate-to-headway.md"]
LINE = re.compile(r"^headway (.+?)(?:\s+#.*)?$", re.MULTILINE)


def commands(parser, before=()):
    """Every command with its parser: (words, parser)."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for name, inner in groups[0].choices.items() if groups else ():
        deeper = list(commands(inner, (*before, name)))
        yield from deeper or [((*before, name), inner)]


KNOWN = dict(commands(_parser(["login"])))


@pytest.mark.parametrize("words", KNOWN)
def test_reference__every_command__is_named(words):
    assert f"`{' '.join(words)}" in REFERENCE


@pytest.mark.parametrize("words", KNOWN)
def test_help__every_command__is_shown(words):
    assert KNOWN[words].format_help().startswith(f"usage: headway {words[0]}")


def test_reference__exit_codes__all_with_their_meaning():
    rows = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", REFERENCE, re.MULTILINE))

    assert rows == {str(code): meaning for code, meaning in CODES.items()}


def test_reference__options_named_of_a_command__exist():
    for row in re.findall(r"^\| `(.+?)` .*\|$", REFERENCE, re.MULTILINE):
        words = tuple(word for word in row.split() if word.islower() and not word.startswith("-"))
        if words in KNOWN and words != ("analyse",):
            line = next(line for line in REFERENCE.splitlines() if line.startswith(f"| `{row}`"))
            known = {option for action in KNOWN[words]._actions for option in action.option_strings}
            assert set(re.findall(r"`(--[a-z-]+)", line)) <= known, words


@pytest.mark.parametrize("page", PAGES)
def test_how_to__every_command_line__is_one(page):
    import shlex

    text = (DOCS / page).read_text(encoding="utf-8")
    lines = LINE.findall(text)

    assert lines
    for line in lines:
        _parser(["login"]).parse_args(shlex.split(line))
