"""Adjusted p values against statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.stats.multiplicity import (
    benjamini_hochberg,
    benjamini_yekutieli,
    bonferroni,
    hochberg,
    holm,
)
from analysis.stats.results import InvalidInput

METHODS = {
    "bonferroni": bonferroni,
    "holm": holm,
    "simes-hochberg": hochberg,
    "fdr_bh": benjamini_hochberg,
    "fdr_by": benjamini_yekutieli,
}


# statsmodels collects garbage within every Holm call, a tenth of a second each: few examples.
@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=15)
@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted__any_p_values__same_as_statsmodels(name, p_values):
    found = METHODS[name](p_values)

    oracle = multipletests(p_values, method=name)[1]
    assert found == pytest.approx(oracle, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("adjust", METHODS.values())
def test_adjusted__empty_family__empty(adjust):
    assert adjust([]).size == 0


@pytest.mark.parametrize("adjust", METHODS.values())
def test_adjusted__tiny_p_values__not_lost(adjust):
    assert adjust([1e-200, 0.5, 0.9])[0] == pytest.approx(1e-200, rel=10)
    assert adjust([1e-200, 0.5, 0.9])[0] > 0


@pytest.mark.parametrize("bad", [[1.1], [-0.1], [float("nan")], [[0.1]]])
def test_adjusted__not_p_values__refused(bad):
    with pytest.raises(InvalidInput, match="p values"):
        holm(bad)


def test_holm__twenty_true_nulls__family_wise_error_at_most_alpha():
    p_values = np.random.default_rng(1).random((2000, 20))

    errors = sum(holm(family).min() < 0.05 for family in p_values)

    assert errors / 2000 < 0.066
    assert (p_values.min(axis=1) < 0.05).mean() > 0.5
