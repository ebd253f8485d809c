"""The whole precedence table: every combination of facts against the rule as the design states it."""

from dataclasses import replace
from itertools import product

import pytest

from analysis.report.verdict import IN_FORCE, RULES, Verdict, conclude, rule_of
from experiments.plan import Role
from metrics.definitions import Tier
from tests.core.report.build import binding, checks, facts, harmed, latency, metric, missing, orders
from tests.golden.report.parts import scan

GUARDED = binding(latency(), Role.GUARDRAIL, margin=30.0)
GUARDED_BETA = binding(latency(tier=Tier.BETA), Role.GUARDRAIL, margin=30.0)
GUARDRAILS = {
    "better": metric(GUARDED, -20.0, 4.0, control=812.0),
    "held": metric(GUARDED, 2.0, 4.0, control=812.0),
    "within_final": metric(GUARDED, 12.0, 3.0, control=812.0),
    "within_beta": metric(GUARDED_BETA, 12.0, 3.0, control=812.0),
    "unproven": metric(GUARDED, 18.0, 9.0, control=812.0),
    "missing": missing(GUARDED),
    "harm": metric(GUARDED, 42.0, 8.5, control=812.0, monitor=harmed()),
}
SUCCESSES = {
    "better": orders(),
    "neutral": orders(0.0002, 0.0009),
    "undetected": orders(0.002, 0.003),
    "worse": orders(-0.0052, 0.0010),
    "none": None,
}
TRUSTS = {"ok": checks(), "split": checks(split="fail"), "data": checks(data="not_run")}
TIMES = {"early": 3.0, "running": 16.0, "over": 28.0}
PASSES = {"better", "held", "within_final", "within_beta"}
COMBINATIONS = list(product(TRUSTS, TIMES, SUCCESSES, GUARDRAILS, [False, True]))


def by_the_design(trust, time, success, guardrail, slice_harm):
    """The table of the report's design, first match wins, written without the code's words."""
    gains = success == "better"
    is_safety_only = success == "none"
    worse = success == "worse" or guardrail == "harm"
    if trust != "ok":
        return Verdict.DO_NOT_USE
    if guardrail == "harm":
        return Verdict.ROLL_BACK
    unproven = guardrail not in PASSES
    if time == "early" or (unproven and time == "running"):
        return Verdict.KEEP_RUNNING
    against = worse or guardrail == "within_final" or slice_harm
    if (gains or is_safety_only) and not unproven and not against:
        return Verdict.SHIP
    if gains and (unproven or against):
        return Verdict.DECIDE
    if is_safety_only and not unproven and against:
        return Verdict.DECIDE
    if time == "over" and success == "neutral":
        return Verdict.NO_EFFECT
    return Verdict.KEEP_RUNNING if time == "running" else Verdict.INCONCLUSIVE


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("trust", TRUSTS)
def test_default_rule__every_combination__as_the_design_says(trust, time):
    for of_trust, of_time, success, guardrail, slice_harm in COMBINATIONS:
        if (of_trust, of_time) != (trust, time):
            continue
        metrics = [each for each in (SUCCESSES[success], GUARDRAILS[guardrail]) if each is not None]
        slices = scan(GUARDED) if slice_harm else None
        found = facts(metrics, days=TIMES[time], checks=TRUSTS[trust], slices=slices)

        expected = by_the_design(trust, time, success, guardrail, slice_harm)

        assert conclude(found).verdict is expected, (trust, time, success, guardrail, slice_harm)


def test_rules__in_force__one_of_each_name_and_the_newest():
    names = [rule.name for rule in IN_FORCE]

    assert len(names) == len(set(names))
    for rule in IN_FORCE:
        assert rule.version == max(each.version for each in RULES if each.name == rule.name)


def test_rules__all__have_names_and_versions_of_their_own():
    assert len({(rule.name, rule.version) for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("kind", ["ab", "rollout", "holdout", "ablation", "aa"])
def test_rule__of_a_kind__is_in_force_and_ends_with_a_clause_that_always_holds(kind):
    rule = rule_of(kind)

    assert rule in IN_FORCE
    assert rule.clauses[-1].verdict is Verdict.INCONCLUSIVE
    assert rule.clauses[0].verdict is Verdict.DO_NOT_USE


def test_rule__older_version_judged_the_first_report__keeps_judging():
    assert rule_of("ablation", 1).version == 1
    assert rule_of("ablation", None) is rule_of("ablation", 2) is IN_FORCE[1]
    assert rule_of("ab", 99) is IN_FORCE[0]


def test_conclude__report_of_a_plan_that_began_under_version_1__judged_and_labelled_by_it():
    ablation = facts([SUCCESSES["better"]], about={"kind": "ablation"})

    assert conclude(replace(ablation, rule_version=1)).rule.version == 1
    assert conclude(ablation).rule.version == 2
