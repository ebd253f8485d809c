"""The families of a look. Pure.

Holm over primary and success metrics times treatment arms, because they decide; Benjamini-Hochberg over
diagnostic metrics times arms, because they explain and many are looked at. Guardrails stand alone. The p
values are those of the inference that counts at this look, which the report's own rule chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from analysis.comparing import DECISIVE
from analysis.report import effects
from analysis.report.facts import ArmResult, MetricFacts, ReportFacts
from analysis.stats.multiplicity import PValues, benjamini_hochberg, holm
from analysis.stats.results import Comparison
from experiments.plan import Role

Place = tuple[str, str]
"""A comparison of a family: metric and arm."""

FAMILIES: tuple[tuple[Collection[Role], Callable[[list[float]], PValues]], ...] = (
    (DECISIVE, holm),
    ((Role.DIAGNOSTIC,), benjamini_hochberg),
)


def adjusted(facts: ReportFacts) -> ReportFacts:
    """The same facts with adjusted p values where a comparison belongs to a family."""
    found: dict[Place, float] = {}
    for roles, adjust in FAMILIES:
        p_values = _p_values(facts, roles)
        found |= zip(p_values, map(float, adjust(list(p_values.values()))), strict=True)
    return replace(facts, metrics=tuple(_with_adjusted(metric, found) for metric in facts.metrics))


def _p_values(facts: ReportFacts, roles: Collection[Role]) -> dict[Place, float]:
    """A comparison that could not be made stays in the family as p = 1: it was planned, so it counts."""
    inference = effects.headline(facts)
    return {
        (metric.binding.metric, result.arm): _p_value(effects.reading(result, inference).difference)
        for metric in facts.metrics
        if metric.binding.role in roles
        for result in metric.arms
    }


def _p_value(compared: object) -> float:
    return compared.p_value if isinstance(compared, Comparison) else 1.0


def _with_adjusted(metric: MetricFacts, found: dict[Place, float]) -> MetricFacts:
    return replace(metric, arms=tuple(_result(metric, result, found) for result in metric.arms))


def _result(metric: MetricFacts, result: ArmResult, found: dict[Place, float]) -> ArmResult:
    place = (metric.binding.metric, result.arm)
    is_estimated = isinstance(result.fixed.difference, Comparison)
    return replace(result, adjusted_p=found[place]) if place in found and is_estimated else result
