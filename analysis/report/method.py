"""Block I: how the numbers were made, as parts and as one line."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from analysis.report import numbers
from analysis.report.facts import ReportFacts
from analysis.report.verdict import Conclusion
from analysis.stats.results import Inference
from experiments.plan import LockedPlan

SMALL_PRINT = {
    Inference.ALWAYS_VALID: (
        "Plausible range = {level} confidence interval that stays valid however often you look. "
        "Not a {level} probability that the truth is inside."
    ),
    Inference.FIXED: (
        "Plausible range = {level} confidence interval, valid at the planned end only. "
        "Not a {level} probability that the truth is inside."
    ),
}


def method(facts: ReportFacts, conclusion: Conclusion) -> dict[str, Any]:
    parts = [{"label": label, "text": text} for label, text in _parts(facts, conclusion) if text]
    level = numbers.share(1 - facts.plan.alpha)
    made = facts.method
    return {
        "parts": parts,
        "line": "; ".join(f"{part['label']}: {part['text']}" for part in parts),
        "small_print": SMALL_PRINT[conclusion.inference].format(level=level),
        "inference": conclusion.inference.value,
        "alpha": facts.plan.alpha,
        "family_size": made.family_size,
        "code_version": made.code_version,
        "config_hash": made.config_hash,
        "engine": made.engine,
        "plan_sha256": facts.plan.sha256,
    }


def _parts(facts: ReportFacts, conclusion: Conclusion) -> list[tuple[str, str]]:
    plan, made = facts.plan, facts.method
    looks = numbers.count(facts.look) + ("" if plan.looks is None else f" of {numbers.count(plan.looks)}")
    return [
        ("estimator", made.estimator),
        ("variance", made.variance),
        ("unit", plan.unit_type),
        ("cap", _caps(facts)),
        ("covariate", _covariates(facts)),
        ("window", _windows(facts)),
        ("taking part", _taking_part(facts.plan)),
        ("inference", f"{_inference(conclusion)}, alpha {numbers.exact(plan.alpha)}, look {looks}"),
        ("correction", made.correction),
        ("metrics", ", ".join(f"{binding.metric} v{binding.metric_version}" for binding in plan.bindings)),
        ("engine", made.engine),
        ("code", made.code_version),
        ("data until", f"{facts.data_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"),
        ("plan", f"v{plan.version} {plan.sha256[:12]}".strip()),
    ]


def _inference(conclusion: Conclusion) -> str:
    return "always valid" if conclusion.inference is Inference.ALWAYS_VALID else "fixed horizon"


def _caps(facts: ReportFacts) -> str:
    capped = [metric for metric in facts.metrics if metric.cap_value is not None]
    return ", ".join(f"{each.binding.metric} at {numbers.exact(each.cap_value)}" for each in capped) or "none"


def _windows(facts: ReportFacts) -> str:
    """Whose values are final, and how many units are still inside."""
    windows = ((each, each.binding.definition.window_hours) for each in facts.metrics)
    said = [
        f"{each.binding.metric}, {_span(hours)} after the first exposure{_waiting(each.waiting)}"
        for each, hours in windows
        if hours
    ]
    return "; ".join(said)


def _span(hours: int) -> str:
    days, rest = divmod(hours, 24)
    count, name = (hours, "hour") if rest else (days, "day")
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def _waiting(units: int) -> str:
    return f" ({numbers.count(units)} units still inside do not count yet)" if units else ""


def _taking_part(plan: LockedPlan) -> str:
    """What narrows the units, beside the arm."""
    only = [f"only {name} = {value}" for name, value in plan.filters]
    without = [f"without {name} = {value}" for name, value in plan.excluded]
    trigger = [f"from the first {plan.trigger.event} on"] if plan.trigger else []
    return ", ".join([*only, *without, *trigger])


def _covariates(facts: ReportFacts) -> str:
    days = [
        f"{binding.metric}, {binding.definition.covariate_days} days before"
        for binding in facts.plan.bindings
        if binding.definition.covariate_days
    ]
    return "; ".join(days) or "none"
