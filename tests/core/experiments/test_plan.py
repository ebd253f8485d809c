"""Locked plans: what the hash covers and what survives storage."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from experiments.plan import Inference, LockedPlan, Trigger
from metrics.definitions import Margin
from tests.core.experiments.plans import binding, definition, guardrail, plan

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def test_plan__through_json__equal_with_everything():
    whole = plan(
        inference=Inference.FIXED,
        looks=1,
        dimensions=("country",),
        filters=(("country", "NL"),),
        prior_sd=0.02,
        excluded=(("traffic", "bot"), ("traffic", "internal")),
        trigger=Trigger("checkout-opened", (("page", "checkout"),)),
        started_at=NOW,
        stopped_at=NOW,
        began_at=NOW,
    ).locked()

    back = LockedPlan.from_dict(json.loads(json.dumps(whole.to_dict())))

    assert back == whole
    assert back.is_intact


CHANGES = {
    "experiment": "other",
    "version": 2,
    "flag": "other",
    "environment": "staging",
    "unit_type": "device",
    "arms": tuple(replace(arm, weight_ppm=arm.weight_ppm + 1) for arm in plan().arms),
    "bindings": (binding(), guardrail(margin=Margin(0.03, relative=True))),
    "hypothesis": replace(plan().hypothesis, refuted_if="never"),
    "inference": Inference.FIXED,
    "alpha": 0.1,
    "looks": 4,
    "min_days": 14,
    "max_days": 30,
    "planned_units": 5,
    "dimensions": ("country",),
    "filters": (("country", "NL"),),
    "source": "warehouse",
    "prior_sd": 0.02,
    "excluded": (("traffic", "bot"),),
    "trigger": Trigger("checkout-opened"),
}


def test_canonical__options_not_used__left_out_so_that_older_plans_keep_their_hash():
    assert {"source", "prior_sd", "layer", "excluded", "trigger"}.isdisjoint(plan().canonical())


@pytest.mark.parametrize("name", CHANGES)
def test_sha256__any_planned_field_changed__other_hash(name):
    assert plan(**{name: CHANGES[name]}).locked().sha256 != plan().locked().sha256


def test_sha256__metric_definition_changed__other_hash():
    changed = plan(bindings=(replace(binding(), definition=definition(unit="items")), guardrail()))

    assert changed.locked().sha256 != plan().locked().sha256


def test_sha256__times_of_the_run__not_covered():
    assert plan(started_at=NOW, stopped_at=NOW).locked().sha256 == plan().locked().sha256


def test_is_intact__content_changed_after_locking__noticed():
    assert not replace(plan().locked(), alpha=0.1).is_intact


def test_arm__by_key__share_and_role():
    assert plan().arm("treatment").share == 0.5
    assert [arm.key for arm in plan().treatments] == ["treatment"]
