"""Words that look for a culprit are pointed out; names among the causes stop a review."""

import pytest

from governance import blameless


def found(text, *, section="causes", names=("rosa", "diaz")):
    return [remark.words.lower() for remark in blameless.remarks({section: text}, names)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Rosa deployed it", ["rosa"]),
        ("@rosa deployed it", ["@rosa"]),
        ("They should have tested it", ["should have"]),
        ("It was the fault of the cache team", ["the fault of"]),
        ("A careless change", ["careless"]),
        ("Human error", ["human error"]),
        ("The release ignored the alarm", ["ignored"]),
    ],
)
def test_remarks__blame__named(text, words):
    assert found(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "The rosary page was slow",
        "A page fault in the kernel",
        "The default of the flag was on",
        "The check ran after the deploy",
        "The simple cache",
    ],
)
def test_remarks__plain_words__none(text):
    assert found(text) == []


def test_remarks__name__stops_among_the_causes_only():
    both = blameless.remarks({"causes": "Rosa", "detection": "Rosa noticed"}, ["rosa"])

    assert [(each.section, each.stops) for each in both] == [("causes", True), ("detection", False)]
    assert all(each.fix for each in both)


def test_remarks__second_line__says_which():
    [remark] = blameless.remarks({"lessons": "Fine.\nSomebody is to blame."}, [])

    assert (remark.line, remark.stops) == (2, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The root cause may be the page; the demo will show it.", []),
        ("Mark the cache as cold.", []),
        ("The deploy by Mark had no check.", ["Mark"]),
        ("Ask @root or @MAY.", ["@root", "@MAY"]),
        ("ada saw it, then Will did.", ["ada", "Will"]),
    ],
)
def test_names__that_are_words_as_well__only_where_they_name_somebody(text, said):
    names = {"root", "may", "page", "demo", "will", "mark", "ada"}

    found = [each.words for each in blameless.remarks({"causes": text}, names) if each.is_name]

    assert found == said
