"""Slices: all of them, corrected for how many, and what they could have shown."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis import slicing
from analysis.comparing import Beside, Clock
from analysis.engines.contract import Enrolment, Group, Readings
from analysis.estimation import Slice
from analysis.plan import analysis_plan
from analysis.stats import meta
from analysis.stats.moments import Moments
from analysis.stats.results import Inference, NotEstimable, Why
from analysis.stats.sequential import AlwaysValid, tuned_tau2
from experiments.plan import Role
from metrics.definitions import Kind, Measure
from tests.core.analysis.plans import binding, locked_plan
from tests.core.analysis.store import at
from tests.core.analysis.world import definition

ORDERS = definition("orders", Kind.COUNT, "purchase", value=Measure.COUNT)
LEVELS = ("ios", "android", "web")
PLAN = locked_plan(bindings=(binding(ORDERS, Role.PRIMARY),), dimensions=("device",))
ANALYSIS = analysis_plan(PLAN, until=at(48))
FIXED = Beside(Inference.FIXED, 0.05, {})
ANY_LOOK = Beside(
    Inference.ALWAYS_VALID, 0.05, {("orders", "treatment"): (Clock(4e4, is_relative=True), 3.0)}
)


def rows(shift_web=0.0, shift_all=0.0, seed=8):
    random = np.random.default_rng(seed)
    found = {}
    for arm in ("control", "treatment"):
        for level in LEVELS:
            is_hit = arm == "treatment" and level == "web"
            found[arm, level] = random.normal(
                3 + shift_web * is_hit + shift_all * (arm == "treatment"), 1, 400
            )
    return found


def readings(of):
    [vector] = ANALYSIS.vectors
    groups = {Group(arm, "device", level): values for (arm, level), values in of.items()}
    return Readings(
        enrolment=Enrolment({group: len(values) for group, values in groups.items()}, {}),
        moments={vector: {g: Moments.from_rows(v[:, None]) for g, v in groups.items()}},
        active={},
    )


def test_scan__every_level__p_values_by_benjamini_hochberg_over_all():
    of = rows(0.2)
    p_values = [
        stats.ttest_ind(of["treatment", level], of["control", level], equal_var=False).pvalue
        for level in sorted(LEVELS)
    ]

    found = slicing.scan(PLAN, ANALYSIS, readings(of), FIXED)

    assert [item.facts.level for item in found] == sorted(LEVELS)
    expected = stats.false_discovery_control(p_values)
    assert [item.facts.adjusted_p for item in found] == pytest.approx(list(expected), rel=1e-9)
    assert [(item.units_control, item.units_treatment) for item in found] == [(400, 400)] * 3


def test_scan__harm_in_one_slice__only_that_one_is_flagged():
    found = slicing.scan(PLAN, ANALYSIS, readings(rows(0.5)), FIXED)

    assert [item.facts.level for item in found if item.facts.flagged] == ["web"]


def test_scan__before_the_end__hold_at_every_look_on_the_clock_of_the_whole():
    of = rows(0.2)
    test = AlwaysValid(tuned_tau2(1 / 4e4, 0.05), 0.05)
    expected = [
        test.of(item.facts.difference, unit=3.0) for item in slicing.scan(PLAN, ANALYSIS, readings(of), FIXED)
    ]

    found = [item.facts for item in slicing.scan(PLAN, ANALYSIS, readings(of), ANY_LOOK)]

    assert [item.difference for item in found] == expected
    adjusted = stats.false_discovery_control([item.p_value for item in expected])
    assert [item.adjusted_p for item in found] == pytest.approx(list(adjusted))


@pytest.mark.parametrize(("beside", "size"), [(ANY_LOOK, 99), (replace(ANY_LOOK, clocks={}), 400)])
def test_scan__before_the_end__small_slice_or_no_clock_yet__listed_without_a_number(beside, size):
    of = {place: values[:size] for place, values in rows(0.5).items()}

    found = [item.facts for item in slicing.scan(PLAN, ANALYSIS, readings(of), beside)]

    assert {item.difference for item in found} == {NotEstimable(Why.TOO_FEW_UNITS)}
    assert not any(item.flagged for item in found)


@pytest.mark.parametrize("beside", [FIXED, ANY_LOOK])
def test_scan__everybody_hit_alike__all_flagged_and_none_differs(beside):
    found = [item.facts for item in slicing.scan(PLAN, ANALYSIS, readings(rows(0.0, 0.5)), beside)]

    assert all(item.flagged for item in found)
    assert min(item.heterogeneity_p for item in found) > 0.2


@pytest.mark.parametrize("beside", [FIXED, ANY_LOOK])
def test_scan__one_slice_hit__it_differs_from_the_others(beside):
    found = [item.facts for item in slicing.scan(PLAN, ANALYSIS, readings(rows(0.8)), beside)]

    assert min(found, key=lambda item: item.heterogeneity_p).level == "web"
    assert found[-1].heterogeneity_p < 0.05


def test_scan__two_levels__heterogeneity_is_cochrans_q():
    of = {place: values for place, values in rows(0.2).items() if place[1] != "android"}

    found = [item.facts for item in slicing.scan(PLAN, ANALYSIS, readings(of), FIXED)]

    expected = meta.cochran_q([meta.effect_of(item.difference) for item in found]).p_value
    assert [item.heterogeneity_p for item in found] == pytest.approx([expected] * 2, rel=0.02)


def test_scan__single_level__nothing_to_differ_from():
    of = {place: values for place, values in rows(0.5).items() if place[1] == "web"}

    [found] = slicing.scan(PLAN, ANALYSIS, readings(of), FIXED)

    assert (found.facts.flagged, found.facts.heterogeneity_p) == (True, None)


def test_scan__level_in_one_arm_only__listed_without_a_number():
    of = {place: values for place, values in rows().items() if place != ("control", "ios")}

    found = {item.facts.level: item.facts for item in slicing.scan(PLAN, ANALYSIS, readings(of), FIXED)}

    assert found["ios"].difference.arm == "control"
    assert (found["ios"].adjusted_p, found["ios"].flagged, found["ios"].units) == (None, False, 400)


def test_facts__smallest_detectable__what_eighty_per_cent_power_needs_at_a_third_of_alpha():
    scanned = slicing.scan(PLAN, ANALYSIS, readings(rows()), FIXED)
    error = np.median([item.facts.difference.standard_error for item in scanned])
    needed = stats.norm.isf(0.05 / 6) + stats.norm.ppf(0.8)

    found = slicing.facts(PLAN, scanned, FIXED)

    assert found.detectable_metric == "orders"
    assert found.smallest_detectable == pytest.approx(needed * error, rel=1e-9)


def test_facts__smallest_detectable_at_every_look__an_effect_of_that_size_is_flagged_four_times_in_five():
    size = slicing.facts(PLAN, slicing.scan(PLAN, ANALYSIS, readings(rows()), ANY_LOOK), ANY_LOOK)
    fixed = slicing.facts(PLAN, slicing.scan(PLAN, ANALYSIS, readings(rows()), FIXED), FIXED)

    found = [
        next(
            item.facts.flagged
            for item in slicing.scan(
                PLAN, ANALYSIS, readings(rows(size.smallest_detectable, seed=seed)), ANY_LOOK
            )
            if item.facts.level == "web"
        )
        for seed in range(60)
    ]

    assert size.smallest_detectable > 1.5 * fixed.smallest_detectable
    assert 0.65 < np.mean(found) < 0.95


def test_facts__no_slices__none():
    assert slicing.facts(PLAN, (), FIXED) is None


def test_slices__groups__each_level_once_in_a_fixed_order():
    groups = [
        Group("control"),
        Group("treatment", "b", "y"),
        Group("control", "b", "y"),
        Group("control", "a", "z"),
    ]

    assert slicing.slices(groups) == (Slice("a", "z"), Slice("b", "y"))
