"""Several estimates of one effect: pooling, heterogeneity, interaction, and what a mix change does to a
ratio.

Estimates must be independent (different units). Choosing which ones belong together is the caller's business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.stats.compare import difference
from analysis.stats.results import (
    LARGEST,
    SMALLEST,
    Compared,
    Comparison,
    Estimate,
    Interval,
    InvalidInput,
    NotEstimable,
    Why,
    fields_as_dict,
    in_range,
)
from analysis.stats.tails import chi_square_tail, critical_value, upper_tail

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Cochran's Q with its p value, the share of variation beyond chance I^2 and the variance tau^2
    between."""

    q: float
    degrees_of_freedom: int
    p_value: float
    i2_share: float
    tau2: float

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


@dataclass(frozen=True, slots=True)
class Pooled:
    """One effect out of several with its interval; `weights` add up to 1. Infinite `degrees_of_freedom`: the
    interval is a normal one."""

    estimate: float
    standard_error: float
    confidence_interval: Interval
    p_value: float
    weights: tuple[float, ...]
    heterogeneity: Heterogeneity
    method: str
    degrees_of_freedom: float = math.inf

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self)


def effect_of(comparison: Comparison) -> Estimate:
    """A comparison as an estimate of its effect in the same unit, to be pooled or compared again."""
    return Estimate(
        comparison.estimate,
        comparison.standard_error**2,
        comparison.degrees_of_freedom,
        method=comparison.method,
    )


def cochran_q(effects: Sequence[Estimate]) -> Heterogeneity | NotEstimable:
    """Do the effects differ by more than chance (Cochran 1954, Biometrics 10:101)?

    tau^2 by moments, DerSimonian & Laird 1986 (Controlled Clinical Trials 7:177); I^2 = max(0, 1 - df / Q)
    (Higgins & Thompson 2002, Statistics in Medicine 21:1539). tau^2 in squared units of the effects.
    """
    refusal = _refusal(effects)
    if refusal:
        return refusal
    values, variances = _columns(effects)
    # Weights against the largest: squares of 1 / variance need not fit a double.
    weights = variances.min() / variances
    centre = float(weights @ values / weights.sum())
    q, df = float(np.square((values - centre) / np.sqrt(variances)).sum()), len(effects) - 1
    # Sum of w minus sum of w^2 over sum of w, as products of pairs: no digits lost when one weight dominates.
    pairs = np.outer(weights, weights)
    scale = float(pairs[~np.eye(len(effects), dtype=bool)].sum() / weights.sum())
    i2 = max(0.0, 1 - df / q) if q > 0 else 0.0
    excess = max(0.0, q - df)
    tau2 = excess * float(variances.min()) / scale if scale > 0 else 0.0
    return Heterogeneity(q, df, chi_square_tail(q, df), i2, tau2)


def fixed_effect(effects: Sequence[Estimate], *, alpha: float = 0.05) -> Pooled | NotEstimable:
    """Weights 1 / variance: one true effect behind all (Cochran 1937)."""
    found = cochran_q(effects)
    return found if isinstance(found, NotEstimable) else _pooled(effects, found, 0.0, alpha, "fixed effect")


def random_effects(
    effects: Sequence[Estimate], *, alpha: float = 0.05, hartung_knapp: bool = False
) -> Pooled | NotEstimable:
    """Weights w = 1 / (variance + tau^2): true effects scatter around a mean (DerSimonian & Laird 1986).

    `hartung_knapp` allows for tau^2 being an estimate: error^2 = sum w (y - mean)^2 / ((k - 1) sum w), never
    below the plain one, and Student's t with k - 1 degrees of freedom (Hartung & Knapp 2001, Statistics in
    Medicine 20:3875; the floor: Röver, Knapp & Friede 2015). Use it for fewer than about twenty studies.
    """
    found = cochran_q(effects)
    if isinstance(found, NotEstimable):
        return found
    plain = _pooled(effects, found, found.tau2, alpha, "random effects, DerSimonian-Laird")
    return _hartung_knapp(plain, effects, alpha) if hartung_knapp else plain


def interaction(first: Comparison, second: Comparison, *, alpha: float = 0.05) -> Compared:
    """Effect in the second slice minus effect in the first. For more than two slices see `cochran_q`.

    Two experiments on the same units: compare the arms of one inside each arm of the other, then those two
    comparisons. On means this is the interaction of the saturated 2 x 2 regression with HC2 errors.
    """
    return difference(effect_of(first), effect_of(second), alpha=alpha)


@dataclass(frozen=True, slots=True)
class SegmentSums:
    """Sums of one segment in one arm, e.g. milliseconds and requests on Android."""

    numerator: float
    denominator: float


@dataclass(frozen=True, slots=True)
class SegmentShift:
    """What one segment adds to the change of the total ratio: by its share (`mix`) and by its rate."""

    segment: str
    mix: float
    rate: float


@dataclass(frozen=True, slots=True)
class MixRate:
    """Change of a ratio of sums as mix + rate, exactly. `reversal`: every segment moved against the total."""

    change: float
    mix: float
    rate: float
    segments: tuple[SegmentShift, ...]
    reversal: bool

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self) | {"segments": [fields_as_dict(part) for part in self.segments]}


def mix_rate_decomposition(
    control: Mapping[str, SegmentSums], treatment: Mapping[str, SegmentSums]
) -> MixRate | NotEstimable:
    """Change of the total ratio = sum of share changes times mean rate + mean shares times rate changes
    (Kitagawa 1955, JASA 50:1168), rates taken against the mean of the two totals.

    In units of numerator per denominator. A segment seen in one arm only has no rate change; all it adds is
    mix. Raises InvalidInput for a numerator without a denominator.
    """
    totals = [_total(control), _total(treatment)]
    if min(total.denominator for total in totals) <= 0:
        return NotEstimable(Why.DENOMINATOR_NOT_POSITIVE)
    centre = sum(total.numerator / total.denominator for total in totals) / 2
    names = sorted({*control, *treatment})
    empty = SegmentSums(0.0, 0.0)
    parts = tuple(
        _segment_shift(name, (control.get(name, empty), treatment.get(name, empty)), totals, centre)
        for name in names
    )
    change = totals[1].numerator / totals[1].denominator - totals[0].numerator / totals[0].denominator
    rates = [part.rate for part in parts if part.rate]
    reversal = bool(rates) and all(rate * change < 0 for rate in rates)
    mix = math.fsum(part.mix for part in parts)
    return MixRate(change, mix, math.fsum(part.rate for part in parts), parts, reversal)


def _segment_shift(
    name: str, sums: tuple[SegmentSums, SegmentSums], totals: Sequence[SegmentSums], centre: float
) -> SegmentShift:
    shares = [part.denominator / total.denominator for part, total in zip(sums, totals, strict=True)]
    known = [part.numerator / part.denominator for part in sums if part.denominator > 0]
    if not known:
        return SegmentShift(name, 0.0, 0.0)
    before, after = known[0], known[-1]
    mix = (shares[1] - shares[0]) * ((before + after) / 2 - centre)
    return SegmentShift(name, mix, (shares[0] + shares[1]) / 2 * (after - before))


def _total(sums: Mapping[str, SegmentSums]) -> SegmentSums:
    for name, part in sums.items():
        if not (abs(part.numerator) <= LARGEST and SMALLEST <= (part.denominator or 1) <= LARGEST):
            reason = "a rate needs sums of usual size and a base that is not negative"
            raise InvalidInput(f"numerator, denominator of {name}", part, reason)
        if part.denominator == 0 and part.numerator != 0:
            raise InvalidInput(f"denominator of {name}", part.denominator, "a rate needs a positive base")
    numerator = math.fsum(part.numerator for part in sums.values())
    return SegmentSums(numerator, math.fsum(part.denominator for part in sums.values()))


def _columns(effects: Sequence[Estimate]) -> tuple[Array, Array]:
    return np.array([e.value for e in effects]), np.array([e.variance for e in effects])


def _refusal(effects: Sequence[Estimate]) -> NotEstimable | None:
    if len(effects) < 2:
        return NotEstimable(Why.TOO_FEW_STUDIES)
    if min(e.variance for e in effects) <= 0:
        return NotEstimable(Why.NO_VARIATION)
    farthest = max(abs(e.value) for e in effects) / min(e.standard_error for e in effects)
    is_known = farthest <= LARGEST and all(in_range(e.value, e.variance) for e in effects)
    return None if is_known else NotEstimable(Why.OUT_OF_RANGE)


def _pooled(
    effects: Sequence[Estimate], found: Heterogeneity, tau2: float, alpha: float, method: str
) -> Pooled:
    values, variances = _columns(effects)
    weights = 1 / (variances + tau2)
    total = float(weights.sum())
    shares = weights / total
    estimate, error = float(shares @ values), total**-0.5
    interval, p_value = _read_off(estimate, error, math.inf, alpha)
    return Pooled(estimate, error, interval, p_value, tuple(shares.tolist()), found, method)


def _hartung_knapp(plain: Pooled, effects: Sequence[Estimate], alpha: float) -> Pooled:
    values, df = _columns(effects)[0], len(effects) - 1
    spread = float(np.array(plain.weights) @ (values - plain.estimate) ** 2) / df
    error = max(math.sqrt(spread), plain.standard_error)
    interval, p_value = _read_off(plain.estimate, error, df, alpha)
    method = f"{plain.method}, Hartung-Knapp"
    return replace(
        plain,
        standard_error=error,
        confidence_interval=interval,
        p_value=p_value,
        method=method,
        degrees_of_freedom=df,
    )


def _read_off(estimate: float, error: float, df: float, alpha: float) -> tuple[Interval, float]:
    half = critical_value(alpha / 2, df) * error
    p_value = min(1.0, 2 * upper_tail(abs(estimate) / error, df))
    return Interval(estimate - half, estimate + half), p_value
