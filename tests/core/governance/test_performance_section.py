"""A design document's section on performance says budget, effect, evidence and roll-out, or what it lacks."""

from time import process_time

import pytest

from governance import performance_section as section

GOOD = """# Prefetch

## Performance
Budget: p75 LCP stays below 2,500 ms.

Expected effect: +40 ms at p75, by the price tag EUR 80,000 a year.

Evidence: an experiment with a guardrail on p95.

Roll-out: 1 %, 10 %, 50 %, 100 %; the guardrail on p95 holds it.

## Risks
None.
"""


def missing(text):
    return [each.key for each in section.check(text) if not each.is_there]


def test_check__complete__nothing_missing():
    assert missing(GOOD) == []
    assert section.passes(GOOD)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("Budget:", "budget"),
        ("Expected effect:", "effect"),
        ("Evidence:", "evidence"),
        ("Roll-out:", "rollout"),
    ],
)
def test_check__one_line_left_out__that_one_is_missing(line, key):
    text = "\n".join(each for each in GOOD.splitlines() if not each.startswith(line))

    assert missing(text) == [key]


def test_check__no_section__everything_is_missing_with_a_fix():
    found = section.check("# Title\n\nBudget: 100 ms")

    assert [each.key for each in found] == ["section", "budget", "effect", "evidence", "rollout"]
    assert all(each.fix for each in found)


def test_check__template_as_it_is__does_not_pass():
    assert "budget" in missing(section.TEMPLATE)
    assert not section.passes(section.TEMPLATE)


def test_check__said_elsewhere__does_not_count():
    moved = GOOD.replace("## Performance", "## Money").replace("## Risks", "## Performance")

    assert missing(moved) == ["budget", "effect", "evidence", "rollout"]


def test_check__no_price_tag_said__counts():
    text = GOOD.replace("by the price tag EUR 80,000 a year", "this surface has no price tag")

    assert missing(text) == []


def test_check__comment_line_in_a_block_of_code__does_not_end_the_section():
    first, rest = GOOD.split("Evidence", 1)
    text = f"{first}\n```sh\n# in the build\nheading\n---\nheadway perf check\n```\n\nEvidence{rest}"

    assert section.passes(text)


def test_check__what_stands_in_a_comment_only__is_missing():
    assert [each.key for each in section.check(f"## Performance\n<!-- {GOOD} -->\n") if each.is_there] == [
        "section"
    ]
    assert [each.is_there for each in section.check(f"<!--\n{GOOD}")] == [False] * 5


@pytest.mark.parametrize("line", ["-", "====", "-----  "])
def test_section__underlined_headings__as_those_with_signs(line):
    text = f"Cart\n====\n\nPerformance\r\n{line}\r\nBudget: 10 kB\n\nRisks\n{line}\nNone\n"

    found = section.section_of(text)

    assert "Budget: 10 kB" in found
    assert "None" not in found


@pytest.mark.parametrize(
    "text", ["<" * 100_000, "```\n" * 20_000, "a\n-" * 50_000, "# " * 100_000, "<!--" * 50_000]
)
def test_check__hostile_text__judged_at_once(text):
    began = process_time()

    section.check(f"## Performance\n{text}")

    assert process_time() - began < 5
