"""Statistics of experiments: numpy and scipy.special, no framework. `from analysis.stats import difference`.

docs/explanation/statistics.md says what is used when. A name is loaded when it is first asked for, so that a
process which only reads results does not pay for numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "adjusted": ("ArmRows RatioColumns cuped cuped_ratio lin lin_ratio post_stratified regression_adjusted"),
    "bayes": "Posterior beta_binomial normal_posterior",
    "compare": "Margin caution contrast difference equivalence lift noninferiority",
    "design": (
        "Design clustering_design_effect cuped_variance_ratio duration minimum_detectable_effect power "
        "power_per_guardrail proportion_variance sample_size"
    ),
    "estimators": "capped_mean count mean proportion quantile ratio",
    "many": "Comparisons Estimates differences",
    "meta": (
        "SegmentSums cochran_q effect_of fixed_effect interaction mix_rate_decomposition random_effects"
    ),
    "moments": "Moments merge_all",
    "monitor": "GuardrailMonitor MonitorLook MonitorState SeenLook look_of",
    "multiplicity": "benjamini_hochberg benjamini_yekutieli bonferroni hochberg holm",
    "quantiles": "LogHistogram QuantileStat quantile_ranks quantile_stats",
    "results": "Alternative Comparison Counts Estimate Interval InvalidInput NotEstimable Status Why",
    "robust": "capped pooled_cap trimmed_mean",
    "sequential": "AlwaysValid clock_unit running_minimum tuned_tau2",
    "spending": "Spending alpha_spending_bounds bounds_that_spend spent",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """PEP 562. Modules such as `srm` and `simulate` are imported as modules."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
