"""One ratio from several findings: what 100 ms are worth, with what the findings disagree about.

Only grades A and B are pooled (random effects, DerSimonian & Laird); one finding alone is given as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.stats.meta import random_effects
from analysis.stats.results import Estimate, Interval, NotEstimable
from analysis.stats.tails import critical_value
from impact.grades import Grade

ALPHA = 0.10
"""Intervals of amounts hold 90 %."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One slope: relative change of the outcome per 100 ms, its standard error, and its grade."""

    id: int
    per_100_ms: float
    standard_error: float
    grade: Grade


@dataclass(frozen=True, slots=True)
class Pooled:
    """The slope over all findings. `grade` is that of the weakest of them; `weights` add up to 1."""

    per_100_ms: float
    standard_error: float
    interval: Interval
    grade: Grade
    weights: dict[int, float]
    heterogeneity: dict[str, Any] | None
    method: str

    @property
    def disagree(self) -> bool:
        """The findings differ by more than chance."""
        return self.heterogeneity is not None and float(self.heterogeneity["p_value"]) < ALPHA


def pool(findings: Sequence[Finding]) -> Pooled | None:
    """The pooled slope; None when no finding has grade A or B."""
    used = [finding for finding in findings if finding.grade.gives_money]
    if not used:
        return None
    grade = max((finding.grade for finding in used), key=lambda each: each.value)
    if len(used) == 1:
        return _alone(used[0])
    effects = [Estimate(each.per_100_ms, each.standard_error**2) for each in used]
    found = random_effects(effects, alpha=ALPHA)
    if isinstance(found, NotEstimable):
        return None
    return Pooled(
        per_100_ms=found.estimate,
        standard_error=found.standard_error,
        interval=found.confidence_interval,
        grade=grade,
        weights=dict(zip([each.id for each in used], found.weights, strict=True)),
        heterogeneity=found.heterogeneity.to_dict(),
        method=found.method,
    )


def _alone(finding: Finding) -> Pooled:
    half = critical_value(ALPHA / 2) * finding.standard_error
    interval = Interval(finding.per_100_ms - half, finding.per_100_ms + half)
    return Pooled(
        per_100_ms=finding.per_100_ms,
        standard_error=finding.standard_error,
        interval=interval,
        grade=finding.grade,
        weights={finding.id: 1.0},
        heterogeneity=None,
        method="one study",
    )
