"""The report's blocks B, C, E, F and G as JSON-ready content: question, trust, curve, slices, worth.

Every number stands in them raw and written. What the blocks mean is decided in `verdict` and `states`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from analysis.report import details, effects, figures, numbers, units, vocabulary, wording
from analysis.report.axes import reach_of
from analysis.report.facts import (
    CheckFacts,
    CheckStatus,
    CurveFacts,
    CurvePoint,
    MoneyRange,
    ReportFacts,
    SliceFacts,
    WorthFacts,
)
from analysis.report.numbers import Format, for_interval
from analysis.report.states import Judged
from analysis.report.verdict import Conclusion, all_checks, is_harmed, stops_use
from analysis.stats.results import Comparison, plain
from experiments import words

SHOWN_SLICES = 3
LEAST_SHARE = 4.0
"""The shorter side of a curve's axis is at least the longer one divided by this."""


def question(facts: ReportFacts) -> dict[str, Any]:
    """What was tried, on whom and for how long."""
    plan, about = facts.plan, facts.experiment
    bound = {binding.metric: binding.definition for binding in plan.bindings}
    named = bound.get(plan.hypothesis.metric)
    title_and_unit = (named.title, named.unit) if named else ("", "")
    seen = sum(arm.units for arm in facts.arms)
    days = effects.elapsed(facts).total_seconds() / 86_400
    return {
        "sentence": words.sentence(plan.hypothesis, *title_and_unit),
        "claim": words.sentence(replace(plan.hypothesis, mechanism=""), *title_and_unit),
        "refuted_if": plan.hypothesis.refuted_if,
        "population": about.population,
        "unit_type": plan.unit_type,
        "units": seen,
        "units_text": f"{numbers.count(seen)} {plan.unit_type}{'' if seen == 1 else 's'}",
        "coverage_share": about.coverage_share,
        "coverage_text": "" if about.coverage_share is None else numbers.share(about.coverage_share),
        "days": days,
        "days_text": f"{_days(days)} {'day' if _days(days) == '1' else 'days'}",
        "locked_at": None if about.locked_at is None else about.locked_at.isoformat(),
        "locked_text": "" if about.locked_at is None else f"{about.locked_at.date()}",
        "changes_since_lock": about.changes_since_lock,
        "changes_text": numbers.count(about.changes_since_lock) if about.changes_since_lock else "none",
    }


def facts_line(asked: Mapping[str, Any]) -> str:
    """412,300 users at 50 % coverage, 14 days, plan locked 2026-02-16, changes since: none."""
    coverage = f" at {asked['coverage_text']} coverage" if asked["coverage_text"] else ""
    parts = [f"{asked['units_text']}{coverage}", asked["days_text"]]
    if asked["locked_text"]:
        parts.append(f"plan locked {asked['locked_text']}, changes since: {asked['changes_text']}")
    return ", ".join(parts)


def arms(facts: ReportFacts) -> list[dict[str, Any]]:
    """Units of every planned arm beside its planned share."""
    seen = {arm.key: arm.units for arm in facts.arms}
    total = sum(seen.get(arm.key, 0) for arm in facts.plan.arms)
    return [
        {
            "arm": arm.key,
            "role": arm.role.value,
            "variant": arm.variant,
            "units": seen.get(arm.key, 0),
            "units_text": numbers.count(seen.get(arm.key, 0)),
            "planned_share": arm.share,
            "planned_text": numbers.share(arm.share),
            "share": seen.get(arm.key, 0) / total if total else None,
            "share_text": numbers.share(seen.get(arm.key, 0) / total) if total else "",
        }
        for arm in facts.plan.arms
    ]


def trust(facts: ReportFacts) -> dict[str, Any]:
    """The six chips in their fixed order."""
    checks = all_checks(facts)
    passed = sum(check.status is CheckStatus.OK for check in checks)
    return {
        "passed": passed,
        "total": len(checks),
        "text": f"{numbers.count(passed)} of {numbers.count(len(checks))}",
        "checks": [_check(check) for check in checks],
    }


def _check(check: CheckFacts) -> dict[str, Any]:
    sign = vocabulary.CHECKS[check.status]
    return {
        "kind": check.kind.value,
        "label": vocabulary.LABELS[check.kind],
        "question": vocabulary.QUESTIONS[check.kind],
        "status": check.status.value,
        "word": sign.word,
        "glyph": sign.glyph,
        "mark": sign.mark,
        "tone": sign.tone,
        "detail": check.detail,
        "statistic": None if check.statistic is None else plain(check.statistic),
        "statistic_text": "" if check.statistic is None else numbers.exact(check.statistic),
        "limit": None if check.limit is None else plain(check.limit),
        "limit_text": "" if check.limit is None else numbers.exact(check.limit),
        "stops_use": stops_use(check),
    }


def curves(facts: ReportFacts) -> list[dict[str, Any]]:
    """The effect at every quantile of the latency-like metrics."""
    bound = {binding.metric: binding.definition for binding in facts.plan.bindings}
    return [
        _curve(curve, bound[curve.metric]) for curve in facts.curves if curve.metric in bound and curve.points
    ]


def _curve(curve: CurveFacts, definition: Any) -> dict[str, Any]:
    unit = units.of_difference(definition)
    ends = [end for point in curve.points for end in _known_ends(point)]
    above, below = max([0.0, *ends]), max([0.0, *(-end for end in ends)])
    least = max(above, below) / LEAST_SHARE
    top, bottom = (reach_of([max(extent, least)], unit) for extent in (above, below))
    ticks = numbers.for_values(unit, [top, bottom], digits=2)
    points = [_curve_point(point, definition) for point in curve.points]
    return {
        "metric": curve.metric,
        "title": definition.title,
        "arm": curve.arm,
        "unit": unit.name,
        "up_word": "slower" if units.is_time_to_cut(definition) else "higher",
        "down_word": "faster" if units.is_time_to_cut(definition) else "lower",
        "top": top,
        "top_text": ticks.text(top),
        "bottom": bottom,
        "bottom_text": ticks.text(bottom),
        "points": points,
        "text": ", ".join(
            f"{point['label']} {point['point_text']}" for point in points if point["point_text"]
        ),
    }


def _known_ends(point: CurvePoint) -> list[float]:
    if not isinstance(point.difference, Comparison):
        return []
    interval = point.difference.confidence_interval
    return [end for end in (interval.lower, interval.upper) if math.isfinite(end)]


def _curve_point(point: CurvePoint, definition: Any) -> dict[str, Any]:
    unit = units.of_difference(definition)
    found = point.difference
    values = numbers.for_values(units.of_value(definition), [point.control, point.treatment])
    content = {
        "share": point.share,
        "label": f"p{point.share * 100:g}",
        "control": point.control,
        "control_text": values.text(point.control),
        "treatment": point.treatment,
        "treatment_text": values.text(point.treatment),
        **details.compared(found),
        "point_text": "",
        "span": "",
    }
    if isinstance(found, Comparison):
        low, high = found.confidence_interval.lower, found.confidence_interval.upper
        written = for_interval(unit, found.estimate, low, high)
        content["point_text"] = written.text(found.estimate, sign=True)
        content["span"] = _span(written, low, high)
    return content


def _span(written: Format, low: float, high: float) -> str:
    return f"{written.text(low, sign=True)} to {written.text(high, sign=True)}"


def slices(facts: ReportFacts, conclusion: Conclusion) -> dict[str, Any]:
    """The slices that survive correction, how many were tested, and what a slice would have shown."""
    scan = facts.slices
    judged = {(each.binding.metric, each.arm): each for each in conclusion.judged}
    if scan is None or not scan.slices:
        text = "No slices were tested: the plan declares none or there are no units yet."
        return {"tested": 0, "text": text, "flagged": [], "rows": [], "smallest_detectable": None}
    rows = [
        _slice(found, judged[(found.metric, found.arm)])
        for found in scan.slices
        if (found.metric, found.arm) in judged
    ]
    flagged = [row for row in rows if row["flagged"]]
    detectable = _detectable(facts)
    return {
        "tested": len(scan.slices),
        "tested_text": numbers.count(len(scan.slices)),
        "flagged": sorted(flagged, key=lambda row: _urgency(row, judged))[:SHOWN_SLICES],
        "flagged_total": len(flagged),
        "smallest_detectable": None if scan.smallest_detectable is None else plain(scan.smallest_detectable),
        "detectable_metric": scan.detectable_metric,
        "detectable_text": detectable,
        "text": _slices_text(rows, flagged, detectable, tested=len(scan.slices)),
        "rows": rows,
    }


def _urgency(row: Mapping[str, Any], judged: Mapping[tuple[str, str], Judged]) -> tuple[bool, float]:
    """Harm first, then by size: in margins where there is one, else in half-widths of the interval."""
    margin = judged[(row["metric"], row["arm"])].margin
    size = abs(row["difference"] or 0.0)
    half_width = ((row["high"] or 0.0) - (row["low"] or 0.0)) / 2
    scale = margin or half_width
    return not row["is_harm"], -size / scale if scale else 0.0


def _slice(found: SliceFacts, overall: Judged) -> dict[str, Any]:
    definition = overall.binding.definition
    return {
        "metric": found.metric,
        "title": definition.title,
        "arm": found.arm,
        "dimension": found.dimension,
        "level": found.level,
        "units": found.units,
        "units_text": numbers.count(found.units),
        **details.compared(found.difference),
        "adjusted_p": found.adjusted_p,
        "adjusted_text": "" if found.adjusted_p is None else numbers.p_value(found.adjusted_p),
        "heterogeneity_p": found.heterogeneity_p,
        "heterogeneity_text": _differs(found),
        "flagged": found.flagged,
        "differs": found.differs,
        "is_harm": is_harmed(found, overall),
        "text": figures.slice_text(overall, found.difference),
    }


def _differs(found: SliceFacts) -> str:
    """How compatible the slice's effect is with that of the other levels."""
    return "" if found.heterogeneity_p is None else numbers.p_value(found.heterogeneity_p)


def _detectable(facts: ReportFacts) -> str:
    scan = facts.slices
    size = None if scan is None else scan.smallest_detectable
    bound = {binding.metric: binding.definition for binding in facts.plan.bindings}
    if scan is None or size is None or not math.isfinite(size) or scan.detectable_metric not in bound:
        return ""
    definition = bound[scan.detectable_metric]
    written = numbers.for_values(units.of_difference(definition), [size], digits=2).text(size)
    return f"{written} in {definition.title}"


def _slices_text(
    rows: Sequence[Mapping[str, Any]], flagged: Sequence[Mapping[str, Any]], detectable: str, *, tested: int
) -> str:
    count = f"{numbers.count(tested)} {'slice' if tested == 1 else 'slices'} tested."
    if flagged:
        shows = "shows" if len(flagged) == 1 else "show"
        found = f"{numbers.count(len(flagged))} {shows} a change after correction{_unlike(rows)}."
    else:
        found = f"No slice shows a change after correction{_unlike(rows)}."
    limit = f" Smallest difference a slice would have shown: {detectable}." if detectable else ""
    return f"{count} {found}{limit}"


def _unlike(rows: Sequence[Mapping[str, Any]]) -> str:
    """Whether a change is one of certain slices or of everybody; nothing where that was not asked."""
    if all(row["heterogeneity_p"] is None for row in rows):
        return ""
    differing = sum(row["differs"] for row in rows)
    if not differing:
        return ", none differs from the other levels"
    return f", {numbers.count(differing)} {'differs' if differing == 1 else 'differ'} from the other levels"


def worth(facts: ReportFacts, *, made_at: datetime) -> dict[str, Any]:
    """Measured money first, modelled money beside it, never their sum. No model is an allowed answer."""
    found = facts.worth
    modelled = None if found is None else _modelled(facts, found, made_at)
    if found is None or (found.measured is None and modelled is None and found.per_100_ms is None):
        nothing = dict.fromkeys(("measured", "modelled", "per_100_ms"))
        return {"text": "No dollar model.", **nothing, "warning": "", "model": ""}
    return {
        "per_100_ms": _cost(found.per_100_ms, found.currency),
        "measured": _money(found.measured, found.currency),
        "modelled": _money(modelled, found.currency),
        "model": found.model if modelled else "",
        "valid_until": found.valid_until.isoformat(),
        "warning": _disagreement(found.measured, modelled),
        "text": _worth_text(found, modelled),
    }


def _modelled(facts: ReportFacts, found: WorthFacts, made_at: datetime) -> MoneyRange | None:
    """Nothing from a ratio that was out of date for the data, or is when the report is made."""
    day = max(facts.data_until, made_at).astimezone(UTC).date()
    return found.modelled if found.valid_until >= day else None


def _cost(amount: MoneyRange | None, currency: str) -> dict[str, Any] | None:
    """What 100 ms cost: a size, so without a plus."""
    if amount is None:
        return None
    text = numbers.money(amount.low_minor, amount.high_minor, currency, sign=False)
    money = {"low_minor": amount.low_minor, "high_minor": amount.high_minor, "currency": currency}
    return {**money, "text": f"{text} a year"}


def _money(amount: MoneyRange | None, currency: str) -> dict[str, Any] | None:
    if amount is None:
        return None
    return {
        "low_minor": amount.low_minor,
        "high_minor": amount.high_minor,
        "currency": currency,
        "text": _a_year(amount, currency),
    }


def _a_year(amount: MoneyRange, currency: str) -> str:
    return f"{numbers.money(amount.low_minor, amount.high_minor, currency)} a year"


def _worth_text(found: WorthFacts, modelled: MoneyRange | None) -> str:
    said = []
    if found.per_100_ms is not None:
        cost = _cost(found.per_100_ms, found.currency)
        said.append(f"100 ms slower costs {cost['text'] if cost else ''}.")
    if found.measured is not None:
        said.append(f"Measured: {_a_year(found.measured, found.currency)}.")
    if modelled is not None:
        amount = _a_year(modelled, found.currency)
        said.append(f"Speed alone: {amount} ({found.model}, valid until {found.valid_until}).")
    if found.measured is not None and modelled is not None:
        said.append("Not added: the measured outcome already holds the effect of speed.")
    return " ".join(said)


def _disagreement(measured: MoneyRange | None, modelled: MoneyRange | None) -> str:
    if measured is None or modelled is None:
        return ""
    apart = measured.high_minor < modelled.low_minor or modelled.high_minor < measured.low_minor
    return "The measured and the modelled range do not overlap: question the model." if apart else ""


def _days(days: float) -> str:
    return f"{math.floor(days * 10) / 10:g}"


def short(asked: Mapping[str, Any], limit: int) -> str:
    """The question as it fits above the fold: whole, else without its reason, else its beginning."""
    room = max(limit, 6)
    fitting = (text for text in (asked["sentence"], asked["claim"]) if wording.words(text) <= room)
    return next(fitting, wording.clip(asked["claim"], room))
