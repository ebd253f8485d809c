# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="arg-type, union-attr"
"""Pooling against statsmodels; the decomposition adds up exactly and sees Simpson's paradox."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from analysis.stats.compare import difference
from analysis.stats.estimators import mean
from analysis.stats.meta import (
    SegmentSums,
    cochran_q,
    effect_of,
    fixed_effect,
    interaction,
    mix_rate_decomposition,
    random_effects,
)
from analysis.stats.moments import Moments
from analysis.stats.results import Estimate, InvalidInput, NotEstimable, Why


@pytest.fixture
def effects():
    rng = np.random.default_rng(1)
    variances = rng.gamma(2, 0.05, 9)
    return [
        Estimate(value, v)
        for value, v in zip(rng.normal(0.3, np.sqrt(variances + 0.1)), variances, strict=True)
    ]


def test_pooling__against_statsmodels(effects):
    values, variances = [e.value for e in effects], [e.variance for e in effects]

    fixed, random = fixed_effect(effects), random_effects(effects)

    oracle = combine_effects(np.array(values), np.array(variances), method_re="dl")
    frame = oracle.summary_frame()
    for found, row in ((fixed, "fixed effect"), (random, "random effect")):
        assert found.estimate == pytest.approx(frame.loc[row, "eff"], rel=1e-9)
        assert found.standard_error == pytest.approx(frame.loc[row, "sd_eff"], rel=1e-9)
        assert found.confidence_interval.lower == pytest.approx(frame.loc[row, "ci_low"], rel=1e-9)
        assert found.confidence_interval.upper == pytest.approx(frame.loc[row, "ci_upp"], rel=1e-9)
        assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(found.estimate) / found.standard_error))
        assert sum(found.weights) == pytest.approx(1.0)
    assert random.heterogeneity.tau2 == pytest.approx(oracle.tau2, rel=1e-9)
    assert random.heterogeneity.q == pytest.approx(oracle.q, rel=1e-9)
    assert random.heterogeneity.i2_share == pytest.approx(max(0.0, oracle.i2), rel=1e-9)
    assert random.heterogeneity.p_value == pytest.approx(oracle.test_homogeneity().pvalue, rel=1e-9)


def test_random_effects__studies_agree__fixed_effect():
    same = [Estimate(1.0, 0.1), Estimate(1.0, 0.2), Estimate(1.0, 0.3)]

    found = random_effects(same)

    assert found.heterogeneity.tau2 == 0.0
    assert found.heterogeneity.i2_share == 0.0
    assert found.estimate == fixed_effect(same).estimate


def test_random_effects__hartung_knapp__against_statsmodels(effects):
    spread = [Estimate(e.value * 3, e.variance) for e in effects[:5]]

    found = random_effects(spread, hartung_knapp=True)

    columns = np.array([e.value for e in spread]), np.array([e.variance for e in spread])
    oracle = combine_effects(*columns, method_re="dl", use_t=True)
    low, high = oracle.conf_int(use_t=True)[3]
    assert found.estimate == pytest.approx(oracle.mean_effect_re, rel=1e-9)
    assert found.standard_error == pytest.approx(oracle.sd_eff_w_re_hksj, rel=1e-9)
    assert found.confidence_interval.lower == pytest.approx(low, rel=1e-9)
    assert found.confidence_interval.upper == pytest.approx(high, rel=1e-9)
    assert found.degrees_of_freedom == 4
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.estimate) / found.standard_error, 4))


def test_random_effects__hartung_knapp_on_studies_that_agree__not_below_the_plain_error():
    same = [Estimate(1.0, 0.1), Estimate(1.0, 0.2), Estimate(1.0, 0.3)]

    found = random_effects(same, hartung_knapp=True)

    assert found.standard_error == random_effects(same).standard_error
    assert found.p_value > random_effects(same).p_value


def test_pooling__too_few_or_without_variance__named():
    assert fixed_effect([Estimate(1.0, 1.0)]) == NotEstimable(Why.TOO_FEW_STUDIES)
    assert random_effects([]) == NotEstimable(Why.TOO_FEW_STUDIES)
    assert cochran_q([Estimate(1.0, 1.0), Estimate(1.0, 0.0)]) == NotEstimable(Why.NO_VARIATION)


def test_interaction__two_slices__root_of_cochrans_q():
    slices = [
        difference(Estimate(10.0, 0.1), Estimate(10.4, 0.1)),
        difference(Estimate(20.0, 0.2), Estimate(21.5, 0.2)),
    ]

    found = interaction(*slices)

    assert found.estimate == pytest.approx(1.1)
    assert found.statistic**2 == pytest.approx(cochran_q([effect_of(part) for part in slices]).q)
    assert found.p_value == pytest.approx(cochran_q([effect_of(part) for part in slices]).p_value)


def test_interaction__two_experiments_on_the_same_users__the_saturated_regression_with_hc2():
    rng = np.random.default_rng(8)
    first, second = rng.integers(0, 2, (2, 3000))
    values = 5 + 0.3 * first + 0.2 * second - 0.25 * first * second + rng.gamma(2, 1 + first, 3000)
    cells = {
        (a, b): mean(Moments.from_rows(values[(first == a) & (second == b)])) for a in (0, 1) for b in (0, 1)
    }

    found = interaction(*(difference(cells[0, b], cells[1, b]) for b in (0, 1)))

    design = np.column_stack([np.ones(3000), first, second, first * second])
    fit = sm.OLS(values, design).fit(cov_type="HC2")
    assert found.estimate == pytest.approx(fit.params[3], rel=1e-9)
    assert found.standard_error == pytest.approx(fit.bse[3], rel=1e-9)


SUMS = st.builds(SegmentSums, st.floats(0, 1e6), st.floats(0.1, 1e6))


@given(
    control=st.dictionaries(st.sampled_from("abcde"), SUMS, min_size=1),
    treatment=st.dictionaries(st.sampled_from("abcde"), SUMS, min_size=1),
)
def test_mix_rate__any_segments__parts_add_up_to_the_change(control, treatment):
    found = mix_rate_decomposition(control, treatment)

    def total(arm):
        return sum(s.numerator for s in arm.values()) / sum(s.denominator for s in arm.values())

    scale = max(total(control), total(treatment), *(s.numerator / s.denominator for s in control.values()),
                *(s.numerator / s.denominator for s in treatment.values()), 1e-300)  # fmt: skip
    assert found.change == pytest.approx(total(treatment) - total(control))
    assert found.mix + found.rate == pytest.approx(found.change, abs=1e-9 * scale)
    assert {part.segment for part in found.segments} == {*control, *treatment}


def test_mix_rate__every_segment_faster_but_more_slow_traffic__reversal():
    control = {"desktop": SegmentSums(300.0 * 900, 900), "mobile": SegmentSums(1000.0 * 100, 100)}
    treatment = {"desktop": SegmentSums(290.0 * 500, 500), "mobile": SegmentSums(950.0 * 500, 500)}

    found = mix_rate_decomposition(control, treatment)

    assert found.change > 0
    assert found.rate < 0 < found.mix
    assert found.reversal
    assert found.to_dict()["segments"][0]["segment"] == "desktop"


def test_mix_rate__rates_move_and_shares_do_not__all_rate():
    control = {"a": SegmentSums(10.0, 10), "b": SegmentSums(40.0, 20)}
    treatment = {"a": SegmentSums(20.0, 10), "b": SegmentSums(60.0, 20)}

    found = mix_rate_decomposition(control, treatment)

    assert found.mix == pytest.approx(0.0, abs=1e-15)
    assert found.rate == pytest.approx(1.0)
    assert not found.reversal


def test_mix_rate__each_segment__share_change_times_rate_against_the_mean_of_the_totals():
    control = {"a": SegmentSums(10.0, 10), "b": SegmentSums(60.0, 20)}
    treatment = {"a": SegmentSums(40.0, 20), "b": SegmentSums(30.0, 10)}

    first, second = mix_rate_decomposition(control, treatment).segments

    # Totals are 70 / 30 in both; rates 1 -> 2 and 3 -> 3; shares 1/3 -> 2/3 and back.
    assert first.mix == pytest.approx(1 / 3 * (1.5 - 7 / 3))
    assert first.rate == pytest.approx(1 / 2 * 1.0)
    assert second.mix == pytest.approx(-1 / 3 * (3 - 7 / 3))
    assert second.rate == 0.0


def test_mix_rate__segment_without_traffic__adds_nothing():
    segments = {"web": SegmentSums(100.0, 10.0), "tv": SegmentSums(0.0, 0.0)}

    found = mix_rate_decomposition(segments, {**segments, "web": SegmentSums(150.0, 10.0)})

    assert (found.mix, found.rate, found.change) == pytest.approx((0.0, 5.0, 5.0))
    assert [(part.segment, part.mix, part.rate) for part in found.segments] == [
        ("tv", 0.0, 0.0),
        ("web", 0.0, 5.0),
    ]


def test_mix_rate__no_traffic__named_and_impossible_sums_refused():
    assert mix_rate_decomposition({}, {"a": SegmentSums(1, 1)}) == NotEstimable(Why.DENOMINATOR_NOT_POSITIVE)
    with pytest.raises(InvalidInput, match="denominator of a"):
        mix_rate_decomposition({"a": SegmentSums(1.0, -1.0)}, {"a": SegmentSums(1.0, 1.0)})
