"""The numbers behind a row: raw for machines, written for whoever opens the detail of a number."""

from __future__ import annotations

from typing import Any

from analysis.report import figures, numbers
from analysis.report.facts import ArmValue, Reading, ReportFacts
from analysis.report.states import Judged
from analysis.stats.results import Compared, Comparison, Inference, NotEstimable, Status, plain


def headline(read: Reading, inference: Inference) -> dict[str, Any]:
    """The comparison that counts at this look, one field each, with its relative change beside it."""
    lift = compared(read.lift) if read.lift is not None else {}
    return {
        "inference": inference.value,
        **compared(read.difference),
        "lift": lift.get("difference"),
        "lift_low": lift.get("low"),
        "lift_high": lift.get("high"),
    }


def reading(read: Reading) -> dict[str, Any]:
    """Everything known under one inference."""
    return {
        **compared(read.difference),
        "lift": None if read.lift is None else compared(read.lift),
        "margin_contrast": None if read.contrast is None else compared(read.contrast),
    }


def compared(found: Compared) -> dict[str, Any]:
    """One comparison with unbounded ends as null; `why` says why there is none."""
    if isinstance(found, NotEstimable):
        return {**dict.fromkeys(_FIELDS), "status": found.status.value, "why": found.why.value}
    return {
        "difference": plain(found.estimate),
        "low": plain(found.confidence_interval.lower),
        "high": plain(found.confidence_interval.upper),
        "p_value": plain(found.p_value),
        "standard_error": plain(found.standard_error),
        "degrees_of_freedom": plain(found.degrees_of_freedom),
        "alpha": found.alpha,
        "method": found.method,
        "status": found.status.value,
        "why": "",
    }


_FIELDS = (
    "difference",
    "low",
    "high",
    "p_value",
    "standard_error",
    "degrees_of_freedom",
    "alpha",
    "method",
)


_FAMILY = {True: "p, Holm in the decision family", False: "p, Benjamini-Hochberg among diagnostic metrics"}


def rows(judged: Judged, facts: ReportFacts) -> list[dict[str, str]]:
    """Label and text, in the order of reading; the same list by hover, by keyboard and in print-outs."""
    result, control = judged.result, judged.metric.control
    found = [
        _line(f"{facts.plan.control}", _arm_text(control)),
        _line(judged.arm, _arm_text(result.treatment)),
        *_comparison("always valid", result.always_valid.difference),
        *_comparison("fixed", result.fixed.difference),
        _line("few events", _few_events(result.fixed.difference)),
        _line("relative change", figures.lift_text(judged.reading.lift)),
    ]
    if result.adjusted_p is not None:
        found.append(_line(_FAMILY[judged.is_success], numbers.p_value(result.adjusted_p)))
    if judged.result.monitor.look is not None:
        found.append(_line("harm boundary crossed", f"look {judged.result.monitor.look}"))
    if isinstance(result.uncapped, Comparison):
        found.append(_line("without the cap", _exact_interval(result.uncapped)))
    if judged.metric.waiting:
        found.append(_line("window not over yet", f"{numbers.count(judged.metric.waiting)} units"))
    return [line for line in found if line["text"]]


def _comparison(name: str, found: Compared) -> list[dict[str, str]]:
    if isinstance(found, NotEstimable):
        return []
    return [
        _line(f"difference, {name}", _exact_interval(found)),
        _line(f"standard error, {name}", numbers.exact(found.standard_error)),
        _line(f"p value, {name}", numbers.p_value(found.p_value)),
    ]


def _few_events(found: Compared) -> str:
    """That the normal approximation was left, and for what; empty where it holds."""
    if found.status is not Status.FEW_EVENTS:
        return ""
    return "below 10 with or without one in an arm; fixed: Newcombe's score interval, Fisher's exact p value"


def _exact_interval(found: Comparison) -> str:
    interval = found.confidence_interval
    ends = f"{numbers.exact(interval.lower)} to {numbers.exact(interval.upper)}"
    return f"{numbers.exact(found.estimate)} ({ends}; {numbers.share(1 - found.alpha)})"


def _arm_text(value: ArmValue) -> str:
    units = f"{numbers.count(value.units)} units"
    if value.value is None:
        return units
    of = ""
    if value.numerator is not None and value.denominator is not None:
        of = f" = {numbers.exact(value.numerator)} / {numbers.exact(value.denominator)}"
    return f"{numbers.exact(value.value)}{of}, {units}"


def _line(label: str, text: str) -> dict[str, str]:
    return {"label": label, "text": text}
