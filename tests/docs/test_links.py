"""Every relative link of README and docs leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("sdk/*/README.md")])
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page__relative_links__exist(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))

    missing = [link for link in links if not (page.parent / link).exists()]

    assert missing == []


def test_readme__pages_of_docs__all_reachable():
    links = LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    linked = {(ROOT / link).resolve() for link in links}
    pages = set((ROOT / "docs").rglob("*.md"))

    unreachable = {page for page in pages - linked if page.parent not in linked}

    assert {str(page.relative_to(ROOT)) for page in unreachable} == set()
