"""Generated wording: the exact patterns, and no word that claims more than the data."""

from pathlib import Path

import pytest

import analysis.report
from analysis.report import bar, sentences, wording
from analysis.report.states import judge
from analysis.report.verdict import conclude
from analysis.stats.results import Inference, Why
from experiments.plan import Role
from tests.core.report.build import (
    CHECKOUT,
    CRASHES,
    binding,
    checkout,
    checks,
    crashes,
    definition,
    facts,
    harmed,
    metric,
    missing,
    orders,
)
from tests.golden.report.cases import CASES

REPORT = Path(analysis.report.__file__).parent
TEMPLATES = sorted((REPORT.parent / "templates").rglob("*.html"))
CODE = sorted(path for path in REPORT.glob("*.py") if path.name != "wording.py")


def said(found):
    judged = judge(found, found.arms[0], inference=Inference.ALWAYS_VALID, alpha=0.05)
    return sentences.effect(judged).replace("\u202f", " ")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            checkout(42.0, 8.5, monitor=harmed()),
            "p95 checkout time rose 42 ms (18 to 66 ms slower; limit 30 ms). "
            "We cannot rule out a slowdown of 66 ms.",
        ),
        (orders(), "Orders per user rose 0.90 % (0.29 to 1.51 %)."),
        (
            crashes(0.0002, 0.00025),
            "Crash-free sessions: no change found; a fall of 0.050 points or more is ruled out "
            "(limit 0.10 points).",
        ),
        (
            checkout(18.0, 9.0),
            "p95 checkout time: not proven safe; −7 to +43 ms remain possible (limit 30 ms). "
            "We cannot rule out a slowdown of 43 ms.",
        ),
        (checkout(-42.0, 8.5), "p95 checkout time fell 42 ms (18 to 66 ms faster; limit 30 ms)."),
        (orders(0.0, 0.003), "Orders per user: no change detected; −2.0 to +2.0 % remain possible."),
        (
            orders(0.0002, 0.0009),
            "Orders per user: a change bigger than 1.0 % is ruled out (−0.56 to +0.66 %).",
        ),
        (
            missing(CHECKOUT, Why.QUANTILE_OUT_OF_REACH),
            "p95 checkout time: no number, there are too few events for this quantile in treatment.",
        ),
        (
            checkout(12.0, 6.0, monitor=harmed(look=2)),
            "p95 checkout time rose 12 ms (−5 to +29 ms; limit 30 ms). "
            "We cannot rule out a slowdown of 29 ms.",
        ),
        (
            checkout(20.0, 8.0, monitor=harmed(look=2)),
            "p95 checkout time rose 20 ms (−2 to +42 ms; limit 30 ms); "
            "it crossed the harm boundary at look 2. We cannot rule out a slowdown of 42 ms.",
        ),
    ],
)
def test_effect__each_state__exact_pattern(found, expected):
    assert said(found) == expected


def test_effect__money__unit_before_the_number():
    found = metric(binding(definition("revenue", "Revenue per user", "$")), 0.31, 0.09, control=24.18)

    assert said(found) == "Revenue per user rose $0.31 ($0.06 to $0.56)."


def test_effect__not_certain_after_correction__says_so():
    text = said(orders(adjusted_p=0.08))

    assert text == "Orders per user rose 0.90 % (0.29 to 1.51 %), which is not certain among all comparisons."


@pytest.mark.parametrize("why", list(Why))
def test_effect__no_number__one_sentence_for_every_reason(why):
    text = said(missing(binding(definition(), Role.DIAGNOSTIC), why))

    assert text.startswith("Orders per user: no number, ")
    assert text.endswith(" in treatment.")


def bar_of(found):
    return " ".join(bar.say(found, conclude(found))).replace("\u202f", " ")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("srm", "These numbers cannot be trusted because the split check failed: "),
        ("missing_check", "These numbers cannot be trusted because the split check was not made: "),
        ("roll_back", "Harm found: p95 checkout time rose 42 ms (18 to 66 ms slower; limit 30 ms)."),
        ("three_arms", "Harm found in eager: "),
        ("keep_running_early", "Not enough data yet: 3.4 of at least 7 days. Readable from 2026-02-23"),
        ("keep_running_unproven", "Not enough data yet: p95 checkout time is not proven safe (a slowdown"),
        ("ship", "Ship: Orders per user rose 0.90 % (0.29 to 1.51 %). All 3 blocking guardrails passed."),
        ("decide", "Your call: Orders per user rose 0.90 % (0.29 to 1.51 %) against p95 checkout time"),
        ("no_effect", "We can rule out a change bigger than 1.0 % in Orders per user"),
        ("inconclusive", "We could not tell: effects on Orders per user from −1.5 to +2.5 % remain"),
        ("aa_agrees", "Nothing was changed and no difference found on 2 metrics: the machinery agrees"),
        ("aa_differs", "Nothing was changed, and yet Orders per user rose 0.90 % (0.29 to 1.51 %)."),
        ("ablation", "The price: Orders per user fell 1.26 % (0.58 to 1.94 %). The dose: p50 home time"),
    ],
)
def test_bar__each_verdict__begins_as_specified(name, begins):
    assert bar_of(CASES[name]()).startswith(begins)


def test_bar__unproven__date_is_a_range_inside_the_run():
    text = bar_of(facts([orders(), checkout(11.0, 12.0)], days=10))

    assert "Expected 2026-03-09 to 2026-03-16, if harmless." in text


@pytest.mark.parametrize("name", CASES)
def test_sentences__every_edge_case__no_banned_word(name):
    found = CASES[name]()
    conclusion = conclude(found)

    texts = [*bar.say(found, conclusion), *(sentences.effect(each) for each in conclusion.judged)]

    assert [wording.banned(text) for text in texts] == [[]] * len(texts)


@pytest.mark.parametrize("path", [*TEMPLATES, *CODE], ids=lambda path: path.name)
def test_templates_and_code__no_banned_word(path):
    assert wording.banned(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The winner is B.", ["winner"]),
        ("A statistically significant change.", ["statistically significant"]),
        ("A statistically significant rise of 2 ms.", []),
        ("Flat, with no impact: trending up.", ["Flat", "no impact", "trending"]),
        ("Inflation is unflattering.", []),
    ],
)
def test_banned__words_and_claims__found(text, expected):
    assert wording.banned(text) == expected


def test_fit__sentences_over_the_limit__leading_ones_kept_and_the_first_clipped():
    assert wording.fit(["one two three", "four five", "six"], 5) == ["one two three", "four five"]
    assert wording.fit(["one two three four", "five"], 3) == ["one two three…"]


def test_crash_free__limit_and_unit__in_points():
    judged = judge(
        crashes(-0.0004, 0.0003),
        crashes(-0.0004, 0.0003).arms[0],
        inference=Inference.ALWAYS_VALID,
        alpha=0.05,
    )

    assert judged.binding is CRASHES
    assert sentences.note(judged).replace("\u202f", " ") == "a fall of 0.124 points still possible"


def test_do_not_use__several_checks__named_together():
    found = facts([orders()], checks=checks(split="fail", data="not_run"))

    assert bar_of(found).endswith("Also failed or not run: data.")
