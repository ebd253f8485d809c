# A refusal in place of a number fails these tests by itself; narrowing each one would say no more.
# mypy: disable-error-code="union-attr"
"""The instrument, plain least squares and panels against linearmodels, whose formulas are nobody's here."""

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv.model import IV2SLS
from linearmodels.panel.model import PanelOLS

from analysis.stats.impact import InstrumentedArm, two_stage_least_squares
from analysis.stats.impact.instrument import WeakInstrument
from analysis.stats.impact.panels import difference_in_differences, event_study
from analysis.stats.impact.regression import clustered
from analysis.stats.moments import Moments

LADDER = {0: 700, 50: 400, 100: 400, 200: 300, 400: 250}
"""Units by dose in ms."""


def confounded(rng, ladder, *, reach=0.8, slope=-0.3, level=800.0):
    """(dose, outcome, latency) of every unit; wealth moves both, and the spread grows with the dose."""
    z = np.repeat(list(ladder), list(ladder.values())).astype(float)
    wealth = rng.normal(size=z.size)
    latency = level - 60 * wealth + z * (rng.random(z.size) < reach) + rng.gamma(2, 15, z.size)
    outcome = 40 + 2 * wealth + slope / 100 * latency + rng.normal(0, 1 + z / 200)
    return z, outcome, latency


def by_dose(z, outcome, latency):
    rows = np.column_stack([outcome, latency])
    return [InstrumentedArm(dose, Moments.from_rows(rows[z == dose])) for dose in np.unique(z)]


@pytest.mark.parametrize("ladder", [LADDER, {0: 60, 400: 40}, {25: 500, 80: 120}], ids=len)
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_instrument__any_ladder__slope_error_interval_and_p_value_of_iv2sls(ladder, alpha):
    z, outcome, latency = confounded(np.random.default_rng(len(ladder)), ladder)

    found = two_stage_least_squares(by_dose(z, outcome, latency), alpha=alpha)

    oracle = IV2SLS(outcome, np.ones_like(z), latency, z).fit(cov_type="robust", debiased=False)
    ends = oracle.conf_int(1 - alpha).loc["endog"] * 100
    assert found.per_100_ms == pytest.approx(100 * oracle.params["endog"], rel=1e-9)
    assert found.standard_error == pytest.approx(100 * oracle.std_errors["endog"], rel=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalues["endog"], rel=1e-7)
    assert found.confidence_interval.lower == pytest.approx(ends["lower"], rel=1e-9)
    assert found.confidence_interval.upper == pytest.approx(ends["upper"], rel=1e-9)


def test_instrument__first_stage_and_the_confounded_slope__those_of_linearmodels():
    z, outcome, latency = confounded(np.random.default_rng(6), LADDER, reach=0.2)

    found = two_stage_least_squares(by_dose(z, outcome, latency))

    fit = IV2SLS(outcome, np.ones_like(z), latency, z).fit(cov_type="robust", debiased=False)
    least_squares = IV2SLS(outcome, np.column_stack([np.ones_like(z), latency]), None, None).fit()
    assert found.first_stage_f == pytest.approx(fit.first_stage.diagnostics["f.stat"]["endog"], rel=1e-9)
    assert found.first_stage_slope == pytest.approx(
        fit.first_stage.individual["endog"].params["instruments"], rel=1e-9
    )
    assert found.naive_per_100_ms == pytest.approx(100 * least_squares.params.iloc[1], rel=1e-9)
    # Hausman's question: the instrument and least squares do not tell the same story of these units.
    assert fit.wu_hausman().pval < 1e-6
    assert found.naive_per_100_ms < found.confidence_interval.lower


def test_instrument__dose_that_hardly_arrives__refused_at_the_f_of_linearmodels():
    z, outcome, latency = confounded(np.random.default_rng(2), {0: 300, 50: 300}, reach=0.05)

    found = two_stage_least_squares(by_dose(z, outcome, latency))

    oracle = IV2SLS(outcome, np.ones_like(z), latency, z).fit(cov_type="robust", debiased=False)
    assert isinstance(found, WeakInstrument)
    assert found.first_stage_f == pytest.approx(oracle.first_stage.diagnostics["f.stat"]["endog"], rel=1e-9)


def test_clustered__least_squares__covariance_of_linearmodels():
    rng = np.random.default_rng(8)
    users = rng.integers(0, 40, 300)
    columns = np.column_stack([np.ones(300), rng.normal(size=300), users % 2])
    outcome = columns @ [1.0, 0.5, -2.0] + rng.normal(size=40)[users] + rng.normal(size=300)

    found = clustered(columns, outcome, users.tolist())

    oracle = IV2SLS(outcome, columns, None, None).fit(cov_type="clustered", clusters=users, debiased=True)
    assert found.coefficients == pytest.approx(oracle.params.to_numpy(), rel=1e-9)
    assert found.covariance == pytest.approx(oracle.cov.to_numpy(), rel=1e-8)


def two_way(panel, columns):
    """linearmodels' own estimate with effects of units and periods, errors clustered by unit."""
    units, periods = panel.shape
    index = pd.MultiIndex.from_product([range(units), range(periods)])
    frame = pd.DataFrame({name: column.ravel() for name, column in columns.items()}, index=index)
    outcome = pd.Series(panel.ravel(), index=index, name="outcome")
    model = PanelOLS(outcome, frame, entity_effects=True, time_effects=True)
    return model.fit(
        cov_type="clustered",
        cluster_entity=True,
        debiased=True,
        group_debias=True,
        auto_df=False,
        count_effects=False,
    )


def test_panels__effects_of_units_and_periods__those_of_linearmodels():
    rng = np.random.default_rng(9)
    panel = rng.normal(size=(24, 1)) + rng.normal(size=10) + rng.normal(size=(24, 10))
    treated = np.arange(24) < 9
    panel[np.ix_(treated, np.arange(10) >= 6)] += 1.5

    whole = difference_in_differences(panel.tolist(), treated.tolist(), at=6)
    study = event_study(panel.tolist(), treated.tolist(), at=6)

    after = np.outer(treated, np.arange(10) >= 6).astype(float)
    assert whole.change == pytest.approx(two_way(panel, {"hit": after}).params["hit"], rel=1e-9)
    kept = [period for period in range(10) if period != 5]
    oracle = two_way(panel, {f"p{p}": np.outer(treated, np.arange(10) == p).astype(float) for p in kept})
    assert study.effects == pytest.approx(oracle.params.to_numpy(), rel=1e-9)
    # There the ten effects of periods are not counted among the coefficients; those of units need not be.
    of_periods = ((240 - 9) / (240 - 9 - 10)) ** 0.5
    assert study.standard_errors == pytest.approx(of_periods * oracle.std_errors.to_numpy(), rel=1e-9)
