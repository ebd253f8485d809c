"""Whatever a look finds, there is a report: no crash, no nan, inside the word budget."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.report import exports, page, wording
from analysis.report.document import bar_texts, build, serialise, trust_texts
from analysis.report.facts import CheckKind, Harm
from analysis.report.verdict import conclude
from analysis.stats.results import Inference, Why
from experiments import plan
from experiments.plan import Role
from metrics.definitions import Direction, Kind
from tests.core.report.build import (
    arm_result,
    binding,
    checks,
    definition,
    facts,
    harmed,
    metric,
    missing,
    unbounded,
)
from tests.golden.report.parts import CREATED
from tests.golden.report.test_golden import numbers_in, strings_in

SIZES = st.floats(-1e60, 1e60, allow_nan=False)
SMALL = st.floats(1e-60, 1e60)
UNITS = st.sampled_from(["ms", "share", "orders", "$", "s", "bytes", "µ", "long unit name"])
AMOUNTS = st.one_of(st.none(), st.sampled_from(["1%", "50%"]), SMALL)
NAMES = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=40)


@st.composite
def bindings(draw, number):
    of = definition(
        f"metric-{number}",
        draw(NAMES),
        draw(UNITS),
        draw(st.sampled_from(list(Kind))),
        direction=draw(st.sampled_from(list(Direction))),
    )
    role = draw(st.sampled_from(list(Role)))
    return binding(of, role, margin=draw(AMOUNTS), gain=draw(AMOUNTS), blocking=draw(st.booleans()))


@st.composite
def metrics(draw, number):
    of = draw(bindings(number))
    if draw(st.integers(0, 5)) == 0:
        return missing(of, draw(st.sampled_from(list(Why))))
    control = draw(st.one_of(st.just(0.0), SIZES))
    result = arm_result(of, draw(SIZES), draw(SMALL), control=control)
    result = replace(result, adjusted_p=draw(st.one_of(st.none(), st.floats(0, 1))))
    if draw(st.integers(0, 4)) == 0:
        result = replace(result, monitor=harmed(harm=draw(st.sampled_from([Harm.HARM, Harm.CONFIRMED]))))
    if draw(st.integers(0, 4)) == 0:
        endless = replace(result.always_valid, difference=unbounded(result.always_valid.difference))
        result = replace(result, always_valid=endless)
    return metric(of, 0, 0, control=control, arms=[result])


@st.composite
def reports(draw):
    found = [draw(metrics(number)) for number in range(draw(st.integers(0, 5)))]
    statuses = {
        kind.value: draw(st.sampled_from(["ok", "ok", "ok", "warn", "fail", "not_run"])) for kind in CheckKind
    }
    return facts(
        found,
        days=draw(st.floats(0, 60)),
        look=draw(st.integers(1, 400)),
        checks=checks(**statuses),
        planned={"inference": draw(st.sampled_from(list(plan.Inference)))},
        about={"title": draw(NAMES), "kind": draw(st.sampled_from(["ab", "rollout", "ablation", "aa"]))},
        information_share=draw(st.one_of(st.none(), st.floats(0, 3))),
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(found=reports())
def test_report__of_any_look__built_shown_and_exported(found):
    built = build(found, prev_sha256="", created_at=CREATED)
    text, sha256 = serialise(built)

    shown = page.present(built)

    assert text.startswith("{")
    assert not any("nan" in drawn for drawn in _pictures(shown))
    assert exports.markdown(built, sha256)
    assert exports.tidy(built, sha256)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(found=reports())
def test_report__of_any_look__inside_the_word_budget(found):
    built = build(found, prev_sha256="", created_at=CREATED)
    bar = sum(map(wording.words, bar_texts(built))) + 2
    asked = built["question"]

    rest = sum(map(wording.words, [*trust_texts(built), asked["short"], asked["facts"], "We tried Trust"]))

    assert bar <= wording.BAR_WORDS
    assert bar + rest <= wording.FOLD_WORDS


@settings(max_examples=100, deadline=None, derandomize=True)
@given(found=reports())
def test_verdict__of_any_look__unproven_blocking_guardrail_never_ships(found):
    concluded = conclude(found)

    for arm in concluded.arms:
        if arm.verdict.value == "SHIP":
            assert all(each.passes for each in arm.case.blocking)
            assert not arm.case.deteriorated
    assert concluded.inference in set(Inference)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(found=reports())
def test_sentences__of_any_look__no_number_that_no_row_has(found):
    """What the bar says about effects stands in the rows too."""
    built = build(found, prev_sha256="", created_at=CREATED)
    verdict = built.pop("verdict")
    counts_things = built["experiment"]["kind"] == "aa"
    if counts_things or verdict["code"] in ("DO NOT USE", "KEEP RUNNING", "SHIP"):
        return

    said = numbers_in([verdict["sentences"][0].replace("\u202f", " ")])

    stored = numbers_in([text.replace("\u202f", " ") for text in strings_in(built)])
    assert said - stored == set()


def _pictures(shown):
    groups = [*shown["groups"], *shown["monitored"]]
    return [arm["svg"] for group in groups for row in group["rows"] for arm in row["arms"]]
