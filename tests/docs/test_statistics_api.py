"""The reference of the statistics names every public function, and nothing that is not there."""

import re
from pathlib import Path

import analysis.stats

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "statistics-api.md"


def test_page__public_names__each_in_one_row():
    rows = re.findall(r"^\| `(\w+)[(`]", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(rows) == sorted(analysis.stats._HOME_OF)
