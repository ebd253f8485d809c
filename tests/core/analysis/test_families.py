"""What is corrected together: what decides by Holm, what explains by Benjamini-Hochberg."""

from dataclasses import replace

import pytest
from statsmodels.stats.multitest import multipletests

from analysis import describing, families
from experiments.plan import Role
from tests.core.report import build


def bound(role, *effects):
    """One metric for each effect, in standard errors."""
    return [
        build.metric(build.binding(build.definition(f"{role.value}-{i}"), role), effect, 1.0)
        for i, effect in enumerate(effects)
    ]


def facts(*metrics):
    return build.facts(metrics)


def adjusted(found, role):
    return [arm.adjusted_p for metric in found.metrics if metric.binding.role is role for arm in metric.arms]


def raw(metrics):
    return [metric.arms[0].always_valid.difference.p_value for metric in metrics]


def test_adjusted__two_families__each_by_its_own_rule_as_in_statsmodels():
    decisive = bound(Role.SUCCESS, 2.1, 2.6)
    explored = bound(Role.DIAGNOSTIC, 2.1, 2.3, 0.4, 3.0)

    found = families.adjusted(facts(*decisive, *explored))

    holm = multipletests(raw(decisive), method="holm")[1]
    discovery = multipletests(raw(explored), method="fdr_bh")[1]
    assert adjusted(found, Role.SUCCESS) == pytest.approx(holm)
    assert adjusted(found, Role.DIAGNOSTIC) == pytest.approx(discovery)


@pytest.mark.parametrize("role", [Role.GUARDRAIL, Role.DETERIORATION])
def test_adjusted__guardrails__stand_alone(role):
    found = families.adjusted(facts(*bound(Role.PRIMARY, 2.0), *bound(role, 2.0, 2.5)))

    assert adjusted(found, role) == [None, None]


def test_adjusted__diagnostic_without_a_number__counts_in_its_family_and_has_no_p_value():
    explored = bound(Role.DIAGNOSTIC, 2.3)
    lost = build.missing(build.binding(build.definition("lost"), Role.DIAGNOSTIC))

    found = families.adjusted(facts(*bound(Role.PRIMARY, 2.0), *explored, lost))

    assert adjusted(found, Role.DIAGNOSTIC) == [pytest.approx(2 * raw(explored)[0]), None]


def test_correction__says_what_is_corrected_over_what():
    metrics = [*bound(Role.PRIMARY, 1.0), *bound(Role.DIAGNOSTIC, 1.0)]
    plan = facts(*metrics).plan

    assert describing.correction(plan) == (
        "one decisive comparison; Benjamini-Hochberg over diagnostic metrics and over slices"
    )
    assert describing.correction(replace(plan, dimensions=())).endswith("over diagnostic metrics")
    assert describing.correction(facts(metrics[0]).plan).endswith("Benjamini-Hochberg over slices")
