"""Every test that the list of invariants names is there."""

import re

import pytest

from tests.docs.test_links import ROOT

TEXT = (ROOT / "docs" / "reference" / "invariants.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", TEXT)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_invariant__named_test__exists(path, name):
    source = (ROOT / "tests" / path).read_text(encoding="utf-8")

    assert f"def {name}(" in source


def test_invariants__every_row__names_a_test():
    rows = [line for line in TEXT.splitlines() if re.match(r"\| \d+ \|", line)]

    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 25))
    assert all("::test_" in row for row in rows)
