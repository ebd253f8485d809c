"""How the numbers were made, in the short phrases of the report's method line. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.comparing import family_size
from analysis.estimation import is_adjusted
from analysis.stats.results import Estimated
from experiments.plan import Binding, LockedPlan, Role
from metrics.definitions import Kind

OF_KIND = {
    Kind.MEAN: "Welch difference of means per unit",
    Kind.COUNT: "Welch difference of means per unit",
    Kind.PROPORTION: "Welch difference of shares",
    Kind.RATIO: "ratios by the delta method",
    Kind.QUANTILE: "clustered quantiles",
}


def estimators(bindings: Iterable[Binding]) -> str:
    """One phrase for each kind of metric in use."""
    return ", ".join(dict.fromkeys(OF_KIND[binding.definition.kind] for binding in bindings))


def variance(estimates: Iterable[Estimated], *, has_own_slopes: bool) -> str:
    """For how many of the metrics a pre-period took variance out; one estimate for each metric."""
    listed = list(estimates)
    reduced = sum(map(is_adjusted, listed))
    if not reduced:
        return "no variance reduction"
    name = "CUPED with slopes for each arm" if has_own_slopes else "CUPED"
    return f"{name} for {reduced} of {len(listed)} metrics"


def correction(locked: LockedPlan) -> str:
    """What is corrected for how many comparisons were made, family by family."""
    size = family_size(locked)
    decisive = f"Holm over {size} decisive comparisons" if size > 1 else "one decisive comparison"
    has_diagnostics = any(binding.role is Role.DIAGNOSTIC for binding in locked.bindings)
    explored = ["diagnostic metrics"] * has_diagnostics + ["slices"] * bool(locked.dimensions)
    return f"{decisive}; Benjamini-Hochberg over {' and over '.join(explored)}" if explored else decisive
