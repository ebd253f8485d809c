"""Every edge case as JSON, Markdown and HTML.

After a wanted change: python -m tests.golden.report --update.
"""

import json
import re
from html.parser import HTMLParser

import pytest

from analysis.report import wording
from analysis.report.document import serialise
from tests.golden.report.cases import CASES
from tests.golden.report.rendering import FOLDER, FORMS, document, html, render

NUMBER = re.compile(r"(?<![A-Za-z\d])[−+]?[$€]?\d[\d,.]*(?:[kMB]\b)?(?:\u202f×\u202f10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
VOID = {"br", "hr", "img", "input", "link", "meta"}


class Texts(HTMLParser):
    """Visible texts; what is below an element with one of the `left_out` attributes does not count."""

    def __init__(self, *, left_out=(), only=""):
        super().__init__()
        self.left_out, self.only = set(left_out), only
        self.open: list[tuple[bool, bool]] = [(False, not only)]
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        names = {name for name, _ in attrs}
        skipped, wanted = self.open[-1]
        if tag not in VOID:
            self.open.append((skipped or bool(names & self.left_out), wanted or self.only in names))

    def handle_startendtag(self, tag, attrs):
        """Drawn shapes hold no text."""

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data):
        skipped, wanted = self.open[-1]
        if wanted and not skipped and data.strip():
            self.texts.append(data.strip())


def texts_of(rendered, **asked):
    parser = Texts(**asked)
    parser.feed(rendered)
    return parser.texts


def numbers_in(texts):
    """Every number as it is written, with its sign, separators and power of ten."""
    return {number.rstrip(".,") for text in texts for number in NUMBER.findall(text)}


def strings_in(content):
    """All texts of a document, at any depth."""
    if isinstance(content, dict):
        return [text for value in content.values() for text in strings_in(value)]
    if isinstance(content, list):
        return [text for value in content for text in strings_in(value)]
    return [content] if isinstance(content, str) else []


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", FORMS)
def test_rendered__edge_case__as_in_the_golden_file(name, form):
    assert render(name)[form] == (FOLDER / f"{name}.{form}").read_text(encoding="utf-8")


def test_golden_files__are_those_of_the_cases():
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.{form}" for name in CASES for form in FORMS}


@pytest.mark.parametrize("name", CASES)
def test_page__every_number__found_verbatim_in_the_snapshot(name):
    found = document(name)
    text, sha256 = serialise(found)
    stored = numbers_in(strings_in(json.loads(text)))

    texts = texts_of(html(found, sha256, show_effects=True), left_out=("data-hash", "data-live"))

    shown = numbers_in(texts)
    assert shown
    assert shown - stored == set()


@pytest.mark.parametrize("name", CASES)
def test_page__above_the_fold__at_most_90_words(name):
    found = document(name)

    texts = texts_of(html(found, serialise(found)[1]), only="data-fold")

    assert wording.words(" ".join(texts)) <= wording.FOLD_WORDS
    assert found["verdict"]["word"] in texts


@pytest.mark.parametrize("name", CASES)
def test_page__every_word__allowed(name):
    found = document(name)
    rendered = render(name)

    assert wording.banned(" ".join(texts_of(html(found, "ab" * 32, show_effects=True)))) == []
    assert wording.banned(rendered["md"]) == []


@pytest.mark.parametrize("name", ["srm", "no_data", "missing_check"])
def test_page__data_not_trustworthy__no_effect_on_it(name):
    found = document(name)

    texts = " ".join(texts_of(html(found, "ab" * 32)))

    assert "What moved" not in texts
    assert "Effects are hidden" in texts


def test_page__names_with_markup__escaped():
    rendered = render("non_ascii")["html"]

    assert "<script>alert" not in rendered
    assert "Käufe je Besucher &lt;b&gt;・購入&lt;/b&gt;" in rendered


@pytest.mark.parametrize("name", CASES)
def test_page__nothing_inline__that_the_security_policy_forbids(name):
    rendered = html(document(name), "ab" * 32, show_effects=True)

    assert not re.search(r"\sstyle=|<script|\son\w+=", rendered)


@pytest.mark.parametrize("name", CASES)
def test_page__every_state__has_its_word_beside_the_sign(name):
    found = document(name)
    texts = texts_of(html(found, "ab" * 32, show_effects=True))

    assert {arm["word"] for row in found["results"] for arm in row["arms"]} <= set(texts)


@pytest.mark.parametrize("name", CASES)
def test_page__ids__are_unique(name):
    ids = re.findall(r'\sid="([^"]+)"', html(document(name), "ab" * 32, show_effects=True))

    assert len(ids) == len(set(ids))
