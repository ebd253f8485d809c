# A NotEstimable in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""Few events: Newcombe's interval and Fisher's p value against statsmodels and scipy."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from analysis.stats.compare import Margin, difference, noninferiority
from analysis.stats.estimators import proportion
from analysis.stats.exact import fisher
from analysis.stats.moments import Moments
from analysis.stats.results import Alternative, Counts, Status


def share(events, trials):
    return proportion(Moments.from_rows(np.r_[np.ones(events), np.zeros(trials - events)]))


@pytest.mark.parametrize(
    ("e0", "n0", "e1", "n1"), [(4, 400, 6, 400), (0, 50, 0, 50), (0, 300, 25, 280), (9, 9, 2, 8)]
)
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_difference__few_events__newcombe_interval_of_statsmodels(e0, n0, e1, n1, alpha):
    found = difference(share(e0, n0), share(e1, n1), alpha=alpha)

    oracle = confint_proportions_2indep(e1, n1, e0, n0, method="newcomb", alpha=alpha)
    assert found.status is Status.FEW_EVENTS
    assert "Newcombe" in found.method
    assert found.confidence_interval.lower == pytest.approx(oracle[0], abs=1e-12)
    assert found.confidence_interval.upper == pytest.approx(oracle[1], abs=1e-12)


@given(
    st.integers(0, 60),
    st.integers(1, 60),
    st.integers(0, 60),
    st.integers(1, 60),
    st.sampled_from(Alternative),
)
def test_fisher__any_small_table__same_as_scipy(e0, extra0, e1, extra1, alternative):
    table = np.array([[e1, extra1], [e0, extra0]])

    found = fisher(Counts(e0, e0 + extra0), Counts(e1, e1 + extra1), alternative)

    oracle = stats.fisher_exact(table, alternative=alternative.value)[1]
    assert found == pytest.approx(oracle, rel=1e-9)


def test_fisher__thousands_of_events_against_none__p_value_deep_in_the_tail():
    found = fisher(Counts(0, 100_000), Counts(300, 100_000), Alternative.TWO_SIDED)

    oracle = 2 * stats.hypergeom.pmf(300, 200_000, 300, 100_000)
    assert found == pytest.approx(oracle, rel=1e-6)
    assert 1e-100 < found < 1e-80


@pytest.mark.parametrize(
    ("e0", "n0", "e1", "n1"),
    [
        (2, 10**9, 30, 10**9),
        (9, 10**6, 400, 2 * 10**6),
        (0, 50, 240, 50_000),
    ],
)
def test_fisher__any_size__exact_to_a_millionth(e0, n0, e1, n1):
    found = fisher(Counts(e0, n0), Counts(e1, n1), Alternative.GREATER)

    m = e0 + e1
    tables = range(e1, min(m, n1) + 1)
    oracle = sum(Fraction(comb(n1, x) * comb(n0, m - x), comb(n0 + n1, m)) for x in tables)
    assert found == pytest.approx(float(oracle), rel=1e-6)
    without = Counts(n0 - e0, n0), Counts(n1 - e1, n1)
    assert fisher(*without, Alternative.LESS) == pytest.approx(found, rel=1e-9)


@given(events=st.integers(0, 40), extra=st.integers(0, 40))
def test_wilson__any_counts__same_as_statsmodels(events, extra):
    trials = events + extra
    if trials == 0:
        return

    found = Counts(events, trials).wilson(1.959963984540054)

    low, high = proportion_confint(events, trials, method="wilson")
    assert found.lower == pytest.approx(low, abs=1e-12)
    assert found.upper == pytest.approx(high, abs=1e-12)


def test_difference__no_events_at_all__interval_without_nan_and_p_one():
    found = difference(share(0, 100), share(0, 200))

    assert found.estimate == 0.0
    assert found.p_value == 1.0
    assert found.confidence_interval.lower < 0 < found.confidence_interval.upper
    assert found.standard_error > 0


def test_difference__one_sided__open_on_the_other_side():
    found = difference(share(2, 400), share(12, 400), alternative="greater")

    assert found.confidence_interval.upper == float("inf")
    assert found.p_value == pytest.approx(
        stats.fisher_exact(np.array([[12, 388], [2, 398]]), alternative="greater")[1], rel=1e-9
    )


@pytest.mark.parametrize(("alternative", "null"), [("two-sided", 0.002), ("greater", 0.002), ("less", 0.03)])
def test_difference__few_events_against_another_null__p_value_is_the_interval_turned_round(alternative, null):
    control, treatment = share(3, 500), share(9, 450)

    p_value = difference(control, treatment, alternative=alternative, null=null).p_value
    interval = difference(
        control, treatment, alternative=alternative, null=null, alpha=p_value
    ).confidence_interval

    nearest = min(abs(interval.lower - null), abs(interval.upper - null))
    assert nearest == pytest.approx(0.0, abs=1e-8)


def test_noninferiority__few_events_and_relative_margin__bound_and_p_value_agree():
    control, treatment = share(8, 4000), share(9, 4000)

    for margin in (0.5, 0.9):
        found = noninferiority(control, treatment, margin=Margin(margin, relative=True), better="down")

        assert found.rejects == (found.confidence_interval.upper < 0)


def test_difference__enough_events_in_one_arm_only__both_treated_alike():
    found = difference(share(200, 1000), share(3, 1000))

    oracle = confint_proportions_2indep(3, 1000, 200, 1000, method="newcomb")
    assert found.confidence_interval.lower == pytest.approx(oracle[0], abs=1e-12)
    assert found.p_value == pytest.approx(stats.fisher_exact(np.array([[3, 997], [200, 800]]))[1], rel=1e-6)
