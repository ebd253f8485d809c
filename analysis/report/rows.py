"""Block D: one row per bound metric with every number raw and written, in the page's fixed order.

Primary, other success, blocking guardrails by severity, then what is only monitored. Never sorted by p value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from analysis.report import axes, details, effects, figures, numbers, sentences, units, vocabulary
from analysis.report.axes import Axis
from analysis.report.facts import ArmValue, ReportFacts
from analysis.report.figures import Figures
from analysis.report.numbers import Format
from analysis.report.states import Judged, State
from analysis.report.verdict import Conclusion
from analysis.report.vocabulary import Sign
from analysis.stats.results import plain
from experiments.plan import Binding, Role

SEVERITY = (
    State.HARM,
    State.NOT_PROVEN,
    State.WITHIN,
    State.HELD,
    State.BETTER,
)
MONITORED = "monitored"
NAMED = 3
"""Monitored metrics that are named when they got worse."""


def results(facts: ReportFacts, conclusion: Conclusion) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(rows, axes by key)."""
    grouped = [group for group in _grouped(conclusion.judged) if group]
    shown = {id(each): figures.figures(each) for group in grouped for each in group}
    found = {**_axes(grouped, shown, is_main=False), **_axes(grouped, shown, is_main=True)}
    rows = [_row(facts, group, shown, found) for group in sorted(grouped, key=_place)]
    return rows, {key: _axis(axis) for key, axis in found.items()}


def _axes(
    grouped: Iterable[Sequence[Judged]], shown: Mapping[int, Figures | None], *, is_main: bool
) -> dict[str, Axis]:
    """The axes that the deciding rows need, or the monitored ones: those never squeeze the others."""
    wanted = [each for group in grouped for each in group if _is_main(each) is is_main]
    return axes.axes_of(value for each in wanted if (value := shown[id(each)]) is not None)


def _is_main(judged: Judged) -> bool:
    return block_of(judged.binding, is_blocking=judged.is_blocking) != MONITORED


def block_of(binding: Binding, *, is_blocking: bool) -> str:
    """Under which heading the row stands."""
    if binding.role in (Role.PRIMARY, Role.SUCCESS):
        return binding.role.value
    return "guardrail" if is_blocking else MONITORED


def sign_of(judged: Judged) -> Sign:
    if judged.state is State.HARM and judged.is_confirmed:
        return vocabulary.CONFIRMED
    return vocabulary.STATES[judged.state]


def _grouped(judged: Iterable[Judged]) -> list[list[Judged]]:
    """The arms of each bound metric together."""
    found: dict[tuple[str, str], list[Judged]] = {}
    for each in judged:
        found.setdefault((each.binding.metric, each.binding.role.value), []).append(each)
    return list(found.values())


def _place(group: Sequence[Judged]) -> tuple[int, int]:
    """Sorting is stable, so that the plan's order decides between equals."""
    first = group[0]
    block = block_of(first.binding, is_blocking=first.is_blocking)
    order = ("primary", "success", "guardrail", MONITORED).index(block)
    if block != "guardrail":
        return order, 0
    return order, min((_severity(each) for each in group), default=0)


def _severity(judged: Judged) -> int:
    return SEVERITY.index(judged.state) if judged.state in SEVERITY else len(SEVERITY)


def _row(
    facts: ReportFacts,
    group: Sequence[Judged],
    shown: Mapping[int, Figures | None],
    found: Mapping[str, Axis],
) -> dict[str, Any]:
    first = group[0]
    binding, definition, metric = first.binding, first.binding.definition, first.metric
    written = _value_format(group, shown)
    return {
        "metric": binding.metric,
        "version": binding.metric_version,
        "title": definition.title,
        "question": definition.question,
        "role": binding.role.value,
        "role_word": vocabulary.ROLES[binding.role],
        "block": block_of(binding, is_blocking=first.is_blocking),
        "blocking": first.is_blocking,
        "tier": definition.tier.value,
        "tier_badge": vocabulary.TIERS[definition.tier],
        "kind": definition.kind.value,
        "unit": definition.unit,
        "unit_note": "" if units.is_short(units.of_value(definition)) else definition.unit,
        "direction": definition.direction.value,
        "margin": _size(binding.margin, first, shown[id(first)], is_margin=True),
        "gain": _size(binding.gain, first, shown[id(first)], is_margin=False),
        "cap": _cap(metric.cap_value, written),
        "control": {"arm": facts.plan.control, **_value(metric.control, written)},
        "arms": [_arm(each, shown[id(each)], written, found, facts) for each in group],
    }


def _arm(
    judged: Judged,
    shown: Figures | None,
    written: Format,
    found: Mapping[str, Axis],
    facts: ReportFacts,
) -> dict[str, Any]:
    sign, result = sign_of(judged), judged.result
    monitor = result.monitor
    return {
        "arm": judged.arm,
        **_value(result.treatment, written),
        "both_units": judged.metric.control.units + result.treatment.units,
        "both_units_text": numbers.count(judged.metric.control.units + result.treatment.units),
        **details.headline(judged.reading, effects.headline(facts)),
        "fixed": details.reading(result.fixed),
        "always_valid": details.reading(result.always_valid),
        "adjusted_p": result.adjusted_p,
        "uncapped": None if result.uncapped is None else details.compared(result.uncapped),
        "monitor": {"harm": monitor.harm.value, "look": monitor.look, "alpha_spent": monitor.alpha_spent},
        "state": judged.state.value,
        "word": sign.word,
        "glyph": sign.glyph,
        "mark": sign.mark,
        "tone": sign.tone,
        "is_confirmed": judged.is_confirmed,
        "passes": judged.passes if judged.is_blocking else None,
        "sentence": sentences.effect(judged),
        "note": sentences.note(judged),
        "change": _change(judged, shown),
        "interval": None if shown is None else _interval(judged, shown, found[axes.key_of(shown)]),
        "detail": details.rows(judged, facts),
    }


def _change(judged: Judged, shown: Figures | None) -> dict[str, str]:
    """Point and plausible range, and the same change on the other scale."""
    if shown is None:
        return {"point": "", "span": "", "range": "", "other": ""}
    return {
        "point": shown.point_text(),
        "span": shown.span() if shown.is_bounded else numbers.UNBOUNDED,
        "range": shown.range() if shown.is_bounded else numbers.UNBOUNDED,
        "other": figures.other_scale(judged, shown),
    }


def _interval(judged: Judged, shown: Figures, axis: Axis) -> dict[str, Any]:
    """What is drawn, oriented so that right is better; `cut_*` are the numbers at cut ends."""
    turn = effects.sign(judged.binding.definition.direction)
    left, right = (shown.low, shown.high) if turn > 0 else (shown.high, shown.low)
    low, high = turn * left, turn * right
    return {
        "axis": axis.key,
        "point": plain(turn * shown.point),
        "low": plain(low),
        "high": plain(high),
        "limit": shown.margin,
        "cut_low": shown.format.text(left, sign=True) if low < -axis.reach else "",
        "cut_high": shown.format.text(right, sign=True) if high > axis.reach else "",
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {"unit": axis.unit.name, "reach": axis.reach, "text": axis.text}


def _value_format(group: Sequence[Judged], shown: Mapping[int, Figures | None]) -> Format:
    """Values get at least as many decimals as their difference, so that the change can be seen in them."""
    first = group[0]
    unit = units.of_value(first.binding.definition)
    values = [first.metric.control.value, *(each.result.treatment.value for each in group)]
    alone = numbers.for_values(unit, [value for value in values if value is not None])
    own = [figures.of_difference(each, each.reading.difference) for each in group]
    needed = [found.format.decimals for found in own if found is not None and not found.format.exponent]
    largest = max((abs(value) for value in values if value is not None), default=0.0) * unit.factor
    if alone.exponent or not needed or largest >= unit.whole_from:
        return alone
    return Format(unit, max(alone.decimals, min(*needed, numbers.MAX_DECIMALS)))


def _value(value: ArmValue, written: Format) -> dict[str, Any]:
    return {
        "value": value.value,
        "text": _value_text(value.value, written),
        "short": _value_text(value.value, units.short(written)),
        "units": value.units,
        "units_text": numbers.count(value.units),
        "numerator": value.numerator,
        "denominator": value.denominator,
        "counts_text": _counts_text(value),
    }


def _value_text(value: float | None, written: Format) -> str:
    """An exact zero needs no decimals."""
    if value is None:
        return ""
    return Format(written.unit, 0).text(0.0) if value == 0 else written.text(value)


def _counts_text(value: ArmValue) -> str:
    """3,215 of 21,420 where the value is a quotient of counts; else the units."""
    if value.numerator is None or value.denominator is None:
        return f"{numbers.count(value.units)} units"
    return f"{numbers.count(value.numerator)} / {numbers.count(value.denominator)}"


def _size(stated: Any, judged: Judged, shown: Figures | None, *, is_margin: bool) -> dict[str, Any] | None:
    if stated is None:
        return None
    return {
        "value": stated.value,
        "relative": stated.relative,
        "in_unit": judged.margin if is_margin else judged.gain,
        "text": figures.stated(judged, shown, is_margin=is_margin),
    }


def _cap(value: float | None, written: Format) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"value": value, "text": numbers.for_values(written.unit, [value]).text(value)}


def monitored(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The one line that stands for all monitored metrics; those that got worse are named."""
    watched = [row for row in rows if row["block"] == MONITORED]
    found = sorted(arm["word"] for row in watched for arm in row["arms"])
    counted = [(word, len(list(group))) for word, group in groupby(found)]
    noun = "metric" if len(watched) == 1 else "metrics"
    parts = ", ".join(f"{numbers.count(number)} {word.lower()}" for word, number in counted)
    text = f"{numbers.count(len(watched))} monitored {noun}: {parts}{_named(watched)}" if watched else ""
    return {"metrics": len(watched), "text": text, "states": dict(counted)}


def _named(watched: Iterable[Mapping[str, Any]]) -> str:
    worse = {State.HARM.value, State.WORSE.value}
    titles = [row["title"] for row in watched if any(arm["state"] in worse for arm in row["arms"])]
    more = f" and {numbers.count(len(titles) - NAMED)} more" if len(titles) > NAMED else ""
    return f" ({', '.join(titles[:NAMED])}{more})" if titles else ""
