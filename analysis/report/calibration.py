"""What nightly A/A splits of live traffic said of the methods behind a report's intervals. Pure.

Nothing differs between such splits, so that every difference that is found is a false alarm. Sites that have
not made any yet say so.
"""

from __future__ import annotations

from typing import Any

from analysis.report import numbers
from analysis.report.facts import CalibrationFacts, ReportFacts

NOT_RUN = "A/A splits of live traffic: not run yet"


def calibration(facts: ReportFacts) -> dict[str, Any]:
    """One entry per metric that was split, and one line for all."""
    bound = {binding.metric: binding.definition.title for binding in facts.plan.bindings}
    metrics = [_metric(found, bound[found.metric]) for found in facts.calibration if found.metric in bound]
    return {"metrics": metrics, "text": _text(metrics)}


def _metric(found: CalibrationFacts, title: str) -> dict[str, Any]:
    alarms, covered = _share(found.false_positive_share), _share(found.coverage_share)
    promised, kept = numbers.share(found.alpha), numbers.share(1 - found.alpha)
    return {
        "metric": found.metric,
        "title": title,
        "nights": found.nights,
        "replicates": found.replicates,
        "alpha": found.alpha,
        "false_positive_share": found.false_positive_share,
        "false_positive_band": list(found.false_positive_band),
        "coverage_share": found.coverage_share,
        "coverage_band": list(found.coverage_band),
        "is_within": found.is_within,
        "nights_text": numbers.count(found.nights),
        "replicates_text": numbers.count(found.replicates),
        "false_positive_text": f"{alarms} ({_band(found.false_positive_band)}; promised {promised})",
        "coverage_text": f"{covered} ({_band(found.coverage_band)}; promised {kept})",
    }


def _text(metrics: list[dict[str, Any]]) -> str:
    if not metrics:
        return f"{NOT_RUN}."
    inside = sum(each["is_within"] for each in metrics)
    counted = f"{numbers.count(inside)} of {numbers.count(len(metrics))}"
    noun = "metric" if len(metrics) == 1 else "metrics"
    outside = ", ".join(each["title"] for each in metrics if not each["is_within"])
    rest = f"; more or fewer false alarms than promised on {outside}" if outside else ""
    return f"A/A splits of live traffic: {counted} {noun} with as many false alarms as promised{rest}."


def _share(share: float) -> str:
    return numbers.share(round(share, 4))


def _band(band: tuple[float, float]) -> str:
    return f"{_share(band[0])} to {_share(band[1])}"
