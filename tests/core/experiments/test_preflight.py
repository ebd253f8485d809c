"""The checklist before the start."""

from dataclasses import replace

import pytest

from experiments.drafts import UNSTATED, ExperimentKind
from experiments.plan import ArmRole, PlannedArm, Role
from experiments.preflight import (
    CHECKS,
    Collision,
    Context,
    LayerRoom,
    Required,
    Status,
    blockers,
)
from metrics.definitions import Direction, Tier
from tests.core.experiments.plans import binding, guardrail, plan

PLAN = plan()
CONTEXT = Context(
    owner="rosa",
    kind=ExperimentKind.AB,
    plan=PLAN,
    assigned_here=True,
    variants=("off", "on"),
    newest={"orders": 1, "errors": 1},
    backup_owner="amir",
    surface="checkout",
)
SHARED = {"layer": "checkout", "layer_share_ppm": 500_000}


def checklist(context):
    """The lines of this app; apps above add theirs where there is a database."""
    return tuple(check(context) for check in CHECKS)


def item(code, **changes):
    planned = {name: changes.pop(name) for name in list(changes) if hasattr(PLAN, name) and name != "flag"}
    context = replace(CONTEXT, plan=replace(PLAN, **planned), **changes)
    return next(each for each in checklist(context) if each.code == code)


def test_checklist__complete_plan__nothing_is_missing():
    items = checklist(CONTEXT)

    assert {each.status for each in items} == {Status.OK}
    assert blockers(items) == ()


def stated(**changes):
    return replace(PLAN.hypothesis, **changes)


def arms(*weights, control=0):
    roles = [ArmRole.CONTROL if index == control else ArmRole.TREATMENT for index in range(len(weights))]
    variants = ["off", "on", "third"]
    return tuple(PlannedArm(f"arm-{i}", variants[i], w, roles[i]) for i, w in enumerate(weights))


@pytest.mark.parametrize(
    ("code", "changes", "detail"),
    [
        ("owner", {"owner": ""}, "nobody answers"),
        ("hypothesis", {"hypothesis": stated(refuted_if="", mechanism="")}, "mechanism, refuted if"),
        ("hypothesis", {"hypothesis": stated(expected=UNSTATED)}, "expected size"),
        ("hypothesis", {"hypothesis": stated(metric="visits")}, '"visits", which is not bound'),
        ("arms", {"arms": ()}, "0 arms"),
        ("arms", {"arms": arms(1_000_000)}, "1 arms"),
        ("arms", {"arms": arms(500_000, 500_000, control=None)}, "0 are the control"),
        ("arms", {"arms": arms(500_000, 499_900)}, "99.99 %"),
        ("flag", {"variants": None}, 'no flag "checkout-prefetch" in production'),
        ("flag", {"variants": ("off",)}, "no variant on"),
        ("primary_metric", {"bindings": (guardrail(),)}, "whether the change helps"),
        ("primary_metric", {"bindings": (binding("a"), binding("b"))}, "more than one"),
        ("guardrails", {"bindings": (binding(), guardrail(margin=None))}, "stated for errors"),
        ("guardrails", {"bindings": tuple(guardrail(f"g{n}") for n in range(6))}, "6 guardrails block"),
        ("guardrails", {"bindings": (), "kind": ExperimentKind.ROLLOUT}, "has to be safe"),
        ("metric_trust", {"bindings": (guardrail(tier=Tier.ALPHA),)}, "alpha and cannot block"),
        ("metric_trust", {"bindings": (binding(tier=Tier.DEPRECATED),)}, "deprecated"),
        ("metric_trust", {"bindings": (binding(direction=Direction.NONE),)}, "only be diagnostic"),
        ("metric_versions", {"newest": {"orders": 1}}, "no metric errors"),
        ("duration", {"min_days": 30}, "from 30 to 28"),
        ("duration", {"bindings": (binding(window_hours=30 * 24),)}, "takes 30 days of every unit"),
        ("guardrail_set", {"required": (Required("crashes", "checkout"),)}, "crashes (of checkout)"),
        ("layer", SHARED, 'no layer "checkout"'),
        ("layer", {**SHARED, "room": LayerRoom("user", 400_000)}, "only 400000 ppm"),
        ("layer", {**SHARED, "room": LayerRoom("device", 1_000_000)}, "divides by device"),
        ("collisions", {"collisions": (Collision("other", "runs on it", hurts=True),)}, "other runs on it"),
    ],
)
def test_checklist__gap__missing_with_reason_and_fix(code, changes, detail):
    found = item(code, **changes)

    assert found.status is Status.MISSING
    assert detail in found.detail
    assert found.fix
    assert found.as_problem().field == code


@pytest.mark.parametrize(
    ("code", "changes", "detail"),
    [
        ("guardrails", {"bindings": (binding(),)}, "no harm would hold"),
        ("metric_versions", {"newest": {"orders": 3, "errors": 1}}, "orders v1 (newest v3)"),
        ("duration", {"min_days": 3}, "weekdays and weekends"),
        ("duration", {"bindings": (binding(window_hours=10 * 24),)}, "has values after 10 only"),
        ("planned_units", {"planned_units": None}, "not stated"),
        ("owner", {"backup_owner": ""}, "nobody stands in"),
        ("guardrail_set", {"surface": ""}, "no surface is named"),
        ("collisions", {"collisions": (Collision("other", "runs beside it"),)}, "other runs beside it"),
    ],
)
def test_checklist__unwise__advice_that_blocks_nothing(code, changes, detail):
    found = item(code, **changes)

    assert found.status is Status.ADVICE
    assert detail in found.detail
    assert found.fix
    assert blockers((found,)) == ()


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("primary_metric", {"bindings": (guardrail(),), "kind": ExperimentKind.ROLLOUT}),
        ("guardrails", {"bindings": (binding(),), "kind": ExperimentKind.AA}),
        ("hypothesis", {"hypothesis": stated(expected=UNSTATED), "kind": ExperimentKind.AA}),
        ("flag", {"variants": None, "assigned_here": False}),
        ("layer", {**SHARED, "room": LayerRoom("user", 0, owned_ppm=500_000)}),
        ("guardrail_set", {"required": (Required("errors", "checkout"),)}),
        ("metric_trust", {"bindings": (guardrail(tier=Tier.ALPHA, blocking=False),)}),
        (
            "metric_trust",
            {"bindings": (binding(role=Role.DIAGNOSTIC, direction=Direction.NONE),)},
        ),
    ],
)
def test_checklist__kind_or_role_that_needs_less__ok(code, changes):
    assert item(code, **changes).status is Status.OK
