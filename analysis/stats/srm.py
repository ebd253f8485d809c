"""Sample-ratio mismatch: do the units arrive in the arms in the planned shares?

Chi-square for the report, an e-value for every refresh, Holm over dimensions for the drill-down. What follows
from an alarm is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.stats.multiplicity import holm
from analysis.stats.results import InvalidInput, NotEstimable, Status, Why, fields_as_dict
from analysis.stats.tails import chi_square_tail

ALARM_P_VALUE = 0.001
CONCENTRATION = 1000.0
SMALLEST_SHARE = 1e-12
MOST_UNITS = 1e18


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Counts against the plan. `deviation_points` is the largest gap of an arm's share, in percentage points.

    `statistic` is chi-square for the fixed test and the log e-value for the sequential one.
    """

    observed: tuple[int, ...]
    expected: tuple[float, ...]
    statistic: float
    degrees_of_freedom: int
    p_value: float
    adjusted_p_value: float
    deviation_points: float
    method: str
    status: Status = Status.OK

    @property
    def mismatch(self) -> bool:
        return self.adjusted_p_value < ALARM_P_VALUE

    def to_dict(self) -> dict[str, Any]:
        return fields_as_dict(self) | {"mismatch": self.mismatch}


def chi_square(counts: Sequence[int], weights: Sequence[float]) -> SampleRatio | NotEstimable:
    """Pearson's chi-square against the planned `weights` (any scale); one look planned beforehand.

    Degrees of freedom: arms with positive weight - 1. A unit in an arm of weight 0 is impossible under the
    plan: the statistic is then infinite and the p value 0. One count of units and one weight per arm; raises
    InvalidInput when they do not fit, are negative, or fewer than two arms have a weight.
    """
    expected = _expected(counts, weights)
    if isinstance(expected, NotEstimable):
        return expected
    statistic = math.fsum(_chi_square_term(o, e) for o, e in zip(counts, expected, strict=True))
    df = sum(weight > 0 for weight in weights) - 1
    return _sample_ratio(counts, expected, statistic, chi_square_tail(statistic, df), "chi-square")


def e_value(
    counts: Sequence[int], weights: Sequence[float], *, concentration: float = CONCENTRATION
) -> SampleRatio | NotEstimable:
    """Sequential multinomial test, valid at every refresh: the p value is min(1, 1 / e).

    e = Dirichlet-multinomial probability of the sequence with prior concentration * weights, over its planned
    probability (Lindon & Malek 2022, arXiv 2011.03567, section 3). Arguments and errors as `chi_square`.
    """
    if not 1e-6 <= concentration <= MOST_UNITS:
        raise InvalidInput("concentration", concentration, "a prior weighs something", "Use 1000.")
    expected = _expected(counts, weights)
    if isinstance(expected, NotEstimable):
        return expected
    log_e = _log_e_value(counts, weights, concentration)
    p_value = math.exp(-log_e) if log_e > 0 else 1.0
    return _sample_ratio(counts, expected, log_e, p_value, "sequential multinomial e-value")


def by_dimension(
    counts: Mapping[str, Sequence[int]], weights: Sequence[float], *, sequential: bool = False
) -> dict[str, SampleRatio | NotEstimable]:
    """The test of every slice, p values adjusted by Holm over the slices that have units.

    Chi-square for one look planned beforehand; `sequential` takes the e-value, which holds at every refresh
    and needs no slice to be large. Raises InvalidInput like the tests themselves.
    """
    test = e_value if sequential else chi_square
    found = {name: test(slice_counts, weights) for name, slice_counts in counts.items()}
    tested = {name: result for name, result in found.items() if isinstance(result, SampleRatio)}
    adjusted = holm([result.p_value for result in tested.values()])
    for (name, result), p_value in zip(tested.items(), adjusted, strict=True):
        found[name] = replace(result, adjusted_p_value=float(p_value))
    return found


def _expected(counts: Sequence[int], weights: Sequence[float]) -> tuple[float, ...] | NotEstimable:
    if len(counts) != len(weights) or sum(weight > 0 for weight in weights) < 2:
        raise InvalidInput("weights", list(weights), "two or more arms need a weight", "Give one per count.")
    if min(weights) < 0 or not math.isfinite(sum(weights)):
        raise InvalidInput("weights", list(weights), "a weight is finite and not negative")
    if min(weight for weight in weights if weight) < SMALLEST_SHARE * sum(weights):
        raise InvalidInput("weights", list(weights), "a share is too small to be told from none", "Use 0.")
    if not all(0 <= count <= MOST_UNITS for count in counts):
        raise InvalidInput("counts", list(counts), "a count is a number from 0 on")
    total, whole = sum(counts), math.fsum(weights)
    if total == 0:
        return NotEstimable(Why.NO_UNITS)
    return tuple(total * (weight / whole) for weight in weights)


def _chi_square_term(observed: int, expected: float) -> float:
    if expected == 0:
        return math.inf if observed else 0.0
    return (observed - expected) ** 2 / expected


def _log_e_value(counts: Sequence[int], weights: Sequence[float], concentration: float) -> float:
    if any(count and not weight for count, weight in zip(counts, weights, strict=True)):
        return math.inf
    whole, total = math.fsum(weights), sum(counts)
    planned = [(count, weight / whole) for count, weight in zip(counts, weights, strict=True) if weight]
    prior = [concentration * share for _, share in planned]
    after = [start + count for start, (count, _) in zip(prior, planned, strict=True)]
    # Logarithms of gamma functions as Stirling's formula and what it leaves: its large terms cancel against
    # the planned probability on paper, where billions of units would leave no digit of their difference.
    terms = [0.5 * (len(planned) - 1) * math.log(2 * math.pi) + 0.5 * math.log(concentration + total)]
    terms += [_beyond_stirling(each) for each in after]
    terms += [-_beyond_stirling(concentration + total), math.lgamma(concentration)]
    for (count, share), start, end in zip(planned, prior, after, strict=True):
        expected = (concentration + total) * share
        terms.append(expected * _bregman((count - total * share) / expected))
        terms.append(start * math.log(share) - 0.5 * math.log(end) - math.lgamma(start))
    return math.fsum(terms)


def _beyond_stirling(x: float) -> float:
    """log Gamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2)."""
    if x > 1e4:
        return 1 / (12 * x)
    return math.lgamma(x) - (x - 0.5) * math.log(x) + x - 0.5 * math.log(2 * math.pi)


def _bregman(gap: float) -> float:
    """(1 + gap) log(1 + gap) - gap without loss near 0; 1 at gap -1."""
    if abs(gap) < 1e-3:
        return gap * gap * (1 / 2 - gap * (1 / 6 - gap * (1 / 12 - gap / 20)))
    return (1 + gap) * math.log1p(gap) - gap if gap > -1 else 1.0


def _sample_ratio(
    counts: Sequence[int], expected: tuple[float, ...], statistic: float, p_value: float, method: str
) -> SampleRatio:
    total = sum(counts)
    gaps = [abs(o - e) / total for o, e in zip(counts, expected, strict=True)]
    arms = sum(e > 0 for e in expected)
    status = Status.OK if math.isfinite(statistic) else Status.UNPLANNED_ARM
    observed = tuple(int(count) for count in counts)
    return SampleRatio(
        observed, expected, statistic, arms - 1, p_value, p_value, 100 * max(gaps), method, status
    )
