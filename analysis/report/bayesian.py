"""The Bayesian read-out that a plan may ask for, beside the results. It decides nothing.

A normal prior around no change, of the width the plan was locked with, times the relative change of the look
(`analysis.stats.bayes.normal_posterior`). Verdicts and states never read it: stopping when a posterior
pleases does raise false alarms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.report import effects, numbers
from analysis.report.facts import ArmResult, MetricFacts, ReportFacts
from analysis.report.numbers import Unit
from analysis.stats.bayes import Posterior, normal_posterior
from analysis.stats.results import Comparison, NotEstimable
from experiments.plan import Role

ROLES = (Role.PRIMARY, Role.SUCCESS, Role.GUARDRAIL)
PERCENT = Unit("percent", 100.0, suffix=f"{numbers.NARROW_SPACE}%")
NEARLY_SURE = 0.999


def read_out(facts: ReportFacts) -> dict[str, Any] | None:
    """Posteriors of the relative changes; None when the plan asks for none."""
    prior_sd = facts.plan.prior_sd
    if prior_sd is None:
        return None
    return {
        "prior_sd": prior_sd,
        "text": (
            f"Prior: no change, give or take {numbers.share(prior_sd)} of the control's value. 95% credible "
            "ranges; above zero is not better where less is better. This decides nothing: the verdict rests "
            "on the plausible ranges above."
        ),
        "rows": list(_rows(facts, prior_sd)),
    }


def _rows(facts: ReportFacts, prior_sd: float) -> Iterator[dict[str, Any]]:
    for metric, result in effects.planned_results(facts):
        found = _posterior(result, prior_sd) if metric.binding.role in ROLES else None
        if found is not None:
            yield _row(metric, result, found)


def _posterior(result: ArmResult, prior_sd: float) -> Posterior | None:
    """Of the fixed comparison: a posterior does not change with how often somebody looked."""
    lift = result.fixed.lift
    if not isinstance(lift, Comparison) or effects.is_unbounded(lift):
        return None
    found = normal_posterior(lift, prior_sd=prior_sd)
    return None if isinstance(found, NotEstimable) else found


def _row(metric: MetricFacts, result: ArmResult, found: Posterior) -> dict[str, Any]:
    low, high = found.credible_interval.lower, found.credible_interval.upper
    written = numbers.for_interval(PERCENT, found.mean, low, high)
    return {
        "metric": metric.binding.metric,
        "title": metric.binding.definition.title,
        "arm": result.arm,
        "mean": found.mean,
        "low": low,
        "high": high,
        "probability_positive": found.probability_positive,
        "change_text": written.text(found.mean, sign=True),
        "range_text": f"{written.text(low, sign=True)} to {written.text(high, sign=True)}",
        "probability_text": _probability(found.probability_positive),
    }


def _probability(value: float) -> str:
    """No certainty that a model alone would give."""
    if value > NEARLY_SURE:
        return f"> {numbers.share(NEARLY_SURE)}"
    if value < 1 - NEARLY_SURE:
        return f"< {numbers.share(1 - NEARLY_SURE)}"
    return numbers.share(round(value, 3))
