"""The reference keeps up with the format."""

import re
from pathlib import Path

import pytest

from metrics.definitions import Kind
from metrics.parsing import DEFINITION_FIELDS, parse

DOCS = Path(__file__).resolve().parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "metric-format.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "define-a-metric.md").read_text(encoding="utf-8")


def complete_examples(text):
    blocks = re.findall(r"^( *)```toml\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    texts = [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]
    return [text for text in texts if text.startswith("key = ")]


@pytest.mark.parametrize("name", DEFINITION_FIELDS)
def test_reference__every_field__has_a_row(name):
    assert re.search(rf"^\| `{name}` \|", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("kind", list(Kind))
def test_reference__every_kind__has_a_row(kind):
    assert re.search(rf"^\| `{kind}` \|", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("text", [*complete_examples(REFERENCE), *complete_examples(HOW_TO)])
def test_examples__in_the_documents__are_accepted(text):
    assert parse(text).title


def test_examples__both_documents__have_one():
    assert complete_examples(REFERENCE)
    assert complete_examples(HOW_TO)
