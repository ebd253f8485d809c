"""The document: complete, canonical, inside its word budget, raw numbers where machines look for them."""

import json
from dataclasses import replace

import pytest

from analysis.report import wording
from analysis.report.document import bar_texts, build, serialise, trust_texts
from analysis.report.facts import CheckKind
from analysis.stats.results import Status
from experiments.plan import Role
from tests.core.report.build import START, checkout, comparison, errors, facts, metric, orders
from tests.golden.report.cases import CASES
from tests.golden.report.parts import CREATED, WORTH, monitored
from tests.golden.report.verdict_cases import roll_back

BUILT = {name: build(made(), prev_sha256="ab" * 32, created_at=CREATED) for name, made in CASES.items()}
every_case = pytest.mark.parametrize("found", BUILT.values(), ids=BUILT.keys())


@every_case
def test_bar__every_edge_case__at_most_45_words(found):
    words = sum(map(wording.words, bar_texts(found))) + 2

    assert words <= wording.BAR_WORDS


@every_case
def test_fold__every_edge_case__at_most_90_words(found):
    asked = found["question"]
    texts = [
        *bar_texts(found),
        "snapshot 7f3a9c",
        "We tried",
        asked["short"],
        asked["facts"],
        "Trust",
        *trust_texts(found),
    ]

    assert sum(map(wording.words, texts)) <= wording.FOLD_WORDS


@every_case
def test_document__every_edge_case__plain_json_without_nan(found):
    text, sha256 = serialise(found)

    assert json.loads(text) == found
    assert len(sha256) == 64


@every_case
def test_checks__every_edge_case__six_in_their_order(found):
    assert [check["kind"] for check in found["trust"]["checks"]] == [kind.value for kind in CheckKind]


def test_serialise__same_facts__same_text_and_hash():
    again = build(roll_back(), prev_sha256="ab" * 32, created_at=CREATED)

    assert serialise(again) == serialise(BUILT["roll_back"])


def test_serialise__one_number_changed__other_hash():
    changed = json.loads(serialise(BUILT["roll_back"])[0])
    changed["results"][0]["arms"][0]["difference"] += 1e-12

    assert serialise(changed)[1] != serialise(BUILT["roll_back"])[1]


def test_chain__previous_hash__is_part_of_the_text():
    first, second = (build(roll_back(), prev_sha256=prev, created_at=CREATED) for prev in ("", "cd" * 32))

    assert second["prev_sha256"] == "cd" * 32
    assert serialise(first)[1] != serialise(second)[1]


def test_result__raw_numbers__are_those_of_the_facts():
    given = orders()
    row = build(facts([given]), prev_sha256="", created_at=CREATED)["results"][0]
    arm, fixed = row["arms"][0], given.arms[0].fixed.difference

    assert row["control"]["value"] == 0.4121
    assert arm["value"] == given.arms[0].treatment.value
    assert (arm["difference"], arm["low"], arm["high"]) == (
        given.arms[0].always_valid.difference.estimate,
        given.arms[0].always_valid.difference.confidence_interval.lower,
        given.arms[0].always_valid.difference.confidence_interval.upper,
    )
    assert arm["inference"] == "always_valid"
    assert (arm["fixed"]["difference"], arm["fixed"]["p_value"]) == (fixed.estimate, fixed.p_value)
    assert arm["fixed"]["low"] == fixed.confidence_interval.lower


def test_results__order__primary_success_guardrails_by_severity_then_monitored():
    rows = BUILT["every_state"]["results"]

    assert [row["block"] for row in rows] == [
        "primary",
        *["success"] * 2,
        *["guardrail"] * 6,
        *["monitored"] * 3,
    ]
    assert [row["arms"][0]["state"] for row in rows if row["block"] == "guardrail"] == [
        "harm",
        "not_proven",
        "not_proven",
        "worse_within_limit",
        "held",
        "better",
    ]


def test_monitored__many__one_line():
    found = build(facts([orders(), *monitored(23)]), prev_sha256="", created_at=CREATED)

    assert found["monitored"]["text"].startswith("23 monitored metrics: ")


def test_monitored__got_worse__named_although_collapsed():
    assert BUILT["every_state"]["monitored"]["text"] == (
        "3 monitored metrics: 1 changed, 1 no number, 1 worse (Tickets)"
    )


def test_harm__confirmed__says_how_much_at_least():
    row = next(row for row in BUILT["three_arms"]["results"] if row["metric"] == "checkout-p95")

    assert row["arms"][0]["note"] == "a slowdown of 30\u202fms or more"


def test_effects__hidden__only_when_the_data_cannot_be_trusted_and_numbers_stay():
    hidden = {name for name, found in BUILT.items() if found["effects_hidden"]}

    assert hidden == {"no_data", "srm", "missing_check"}
    assert (
        BUILT["srm"]["results"][0]["arms"][0]["difference"]
        == orders().arms[0].always_valid.difference.estimate
    )


def test_blind__before_the_minimum_duration__until_its_end():
    assert BUILT["keep_running_early"]["blind_until"] == "2026-02-23"
    assert {name for name, found in BUILT.items() if found["blind_until"]} == {
        "keep_running_early",
        "stopped_early",
    }


def test_axis__of_one_unit__shared_and_never_squeezed_by_one_row():
    rows = BUILT["every_state"]["results"]
    keys = {arm["interval"]["axis"] for row in rows for arm in row["arms"] if arm["interval"]}

    assert keys == set(BUILT["every_state"]["axes"])
    wide = metric(replace(checkout().binding, metric="wide"), 4000.0, 900.0, control=9000.0)
    found = build(facts([orders(), checkout(), errors(), wide]), prev_sha256="", created_at=CREATED)
    assert found["axes"]["absolute ms"]["reach"] <= 150
    cut = next(row for row in found["results"] if row["metric"] == "wide")["arms"][0]["interval"]["cut_low"]
    assert cut == "+6,500\u202fms"


def test_interval__less_is_better__turned_so_that_right_is_better():
    row = next(row for row in BUILT["roll_back"]["results"] if row["metric"] == "checkout-p95")
    shown = row["arms"][0]["interval"]

    assert shown["low"] < shown["point"] < shown["high"] < 0


def test_worth__ratio_out_of_date__left_out():
    old = replace(WORTH, valid_until=START.date())
    found = build(replace(roll_back(), worth=old), prev_sha256="", created_at=CREATED)["worth"]

    assert found["modelled"] is None
    assert found["measured"]["low_minor"] == 21_000_000


def test_worth__ranges_apart__warned_and_never_added():
    found = BUILT["roll_back"]["worth"]

    assert found["warning"]
    assert found["text"].endswith("Not added: the measured outcome already holds the effect of speed.")


def test_worth__no_model__said():
    assert BUILT["decide"]["worth"]["text"] == "No dollar model."


def test_slices__more_than_three_harmed__the_worst_three_first():
    found = roll_back()
    worse = [
        replace(each, level=f"level {at}", difference=comparison(40.0 + 10 * at, 4.0), flagged=True)
        for at, each in enumerate(found.slices.slices)
    ]
    built = build(
        replace(found, slices=replace(found.slices, slices=tuple(worse))), prev_sha256="", created_at=CREATED
    )

    assert [row["level"] for row in built["slices"]["flagged"]] == ["level 3", "level 2", "level 1"]
    assert all(row["is_harm"] for row in built["slices"]["flagged"])


def test_slices__number_tested_and_detectable_effect__said():
    text = BUILT["roll_back"]["slices"]["text"].replace("\u202f", " ")

    assert text == (
        "4 slices tested. 1 shows a change after correction. "
        "Smallest difference a slice would have shown: 25 ms in p95 checkout time."
    )


def test_method__line__names_look_engine_and_plan():
    line = BUILT["roll_back"]["method"]["line"]

    assert "look 3 of 4" in line
    assert "engine: duckdb" in line
    assert BUILT["roll_back"]["experiment"]["plan_sha256"][:12] in line


def test_diagnostic__of_a_guarded_definition__stays_monitored():
    found = build(facts(monitored(2)), prev_sha256="", created_at=CREATED)

    assert {row["role"] for row in found["results"]} == {Role.DIAGNOSTIC.value}
    assert {row["block"] for row in found["results"]} == {"monitored"}


def test_detail__few_events__says_which_interval_and_p_value_took_the_place_of_the_usual_ones():
    usual = errors()
    [result] = usual.arms
    few = replace(result.fixed.difference, status=Status.FEW_EVENTS)
    rare = replace(usual, arms=(replace(result, fixed=replace(result.fixed, difference=few)),))

    lines = [
        {line["label"]: line["text"] for line in _detail_of_errors(facts([orders(), of]))}
        for of in (usual, rare)
    ]

    assert "few events" not in lines[0]
    assert "Newcombe" in lines[1]["few events"]


def _detail_of_errors(made):
    found = build(made, prev_sha256="", created_at=CREATED)
    row = next(row for row in found["results"] if row["metric"] == "errors")
    return row["arms"][0]["detail"]
