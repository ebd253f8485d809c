"""What the planning tools are asked, read from texts: the address of a page or the query of the API.

Everything wrong with it is said at once, in words a person can act on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.planning import history, sizing, traffic
from analysis.planning.answers import Question
from analysis.planning.sizing import Baseline, Shape
from analysis.planning.traffic import Forecast
from ledger.refusals import Problem, problem, raise_if_any
from metrics import queries as metrics
from metrics.reading import meant

DEFAULTS = {
    "metric": "",
    "value": "",
    "spread": "",
    "effect": "1",
    "scale": "relative",
    "traffic_of": "",
    "per_day": "",
    "coverage": "100",
    "treatment": "50",
    "control": "50",
    "alpha": "0.05",
    "comparisons": "1",
    "inference": "always_valid",
    "power": "80",
}
SPLIT_DEFAULTS = {"control": "50", "treatments": "50", "units": "100000"}
MOST_UNITS = 1e12
MOST_TREATMENTS = 9


@dataclass(slots=True)
class _Texts:
    """The texts, and what is wrong with them so far."""

    texts: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def number(self, name: str, *, low: float, high: float, fix: str) -> float:
        """A number above `low` and at most `high`; a harmless one after a problem was noted."""
        text = self.texts[name].strip()
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not low < found <= high:
            reason = f"this is no number above {low:g} and up to {high:g}" if text else "this is empty"
            self.problems.append(problem(name, text, reason, fix))
            return high
        return found


def question(asked: Mapping[str, str]) -> Question:
    """What the calculator is asked; `asked` may leave out what has a default. Raises Refused."""
    texts = _Texts({**DEFAULTS, **{name: text for name, text in asked.items() if name in DEFAULTS}})
    is_relative = texts.texts["scale"] != "absolute"
    effect = texts.number("effect", low=0, high=1e12, fix="Write the change you want to find, as 1.")
    target = texts.number("power", low=5, high=99.9, fix="Usual is 80.") / 100
    found = Question(
        baseline=_baseline(texts),
        effect=effect / 100 if is_relative else effect,
        is_relative=is_relative,
        shape=_shape(texts),
        target=target,
        forecast=_forecast(texts),
    )
    raise_if_any(texts.problems)
    return found


def split(asked: Mapping[str, str]) -> tuple[float, list[tuple[str, float]], float]:
    """(control's share, treatments with their shares, units) of the sample-ratio planner. Raises Refused."""
    texts = _Texts(
        {**SPLIT_DEFAULTS, **{name: text for name, text in asked.items() if name in SPLIT_DEFAULTS}}
    )
    control = texts.number("control", low=0, high=100, fix="Write the control's share in %.") / 100
    units = texts.number("units", low=1, high=MOST_UNITS, fix="Write the units of the whole experiment.")
    shares = _shares(texts)
    total = control + sum(shares)
    if not texts.problems and not math.isclose(total, 1, abs_tol=1e-4):
        reason = f"the shares add up to {total * 100:g} %"
        texts.problems.append(problem("treatments", texts.texts["treatments"], reason, "They make 100 %."))
    raise_if_any(texts.problems)
    named = [(f"treatment {n}" if len(shares) > 1 else "treatment", each) for n, each in enumerate(shares, 1)]
    return control, named, units


def _shares(texts: _Texts) -> list[float]:
    written = [part.strip() for part in texts.texts["treatments"].split(",") if part.strip()]
    try:
        shares = [float(part) / 100 for part in written]
    except ValueError:
        shares = []
    if not 1 <= len(shares) <= MOST_TREATMENTS or not all(0 < share < 1 for share in shares):
        reason, fix = "these are no shares in % with commas between them", "For example 25, 25."
        texts.problems.append(problem("treatments", texts.texts["treatments"], reason, fix))
    return shares


def _baseline(texts: _Texts) -> Baseline:
    """From the history of a metric, or as it was typed."""
    metric = texts.texts["metric"].strip()
    if metric:
        known = history.baseline(metric)
        if known is not None:
            return known
        texts.problems.append(_without_history(metric))
        return Baseline(1.0, 1.0)
    fix = "Choose a metric with history, or type both its value and the spread of one unit."
    value = texts.number("value", low=-MOST_UNITS, high=MOST_UNITS, fix=fix)
    spread = texts.number("spread", low=0, high=MOST_UNITS, fix=fix)
    return Baseline(value, spread**2, "typed")


def _without_history(metric: str) -> Problem:
    known = metrics.titles()
    if metric not in known:
        fix = meant(metric, known) or "The page Metrics lists them."
        return problem("metric", metric, "there is no metric with this key", fix.strip())
    fix = "Type its value and spread instead, or choose another metric."
    return problem("metric", metric, "no look has read this metric yet", fix)


def _shape(texts: _Texts) -> Shape:
    share = "Write the share of all units in %."
    alpha = "Write the share of false alarms, usual is 0.05."
    return Shape(
        control_share=texts.number("control", low=0, high=100, fix=share) / 100,
        treatment_share=texts.number("treatment", low=0, high=100, fix=share) / 100,
        alpha=texts.number("alpha", low=0, high=0.2, fix=alpha),
        comparisons=int(
            texts.number("comparisons", low=0, high=100, fix="Success metrics times treatments.")
        ),
        is_sequential=texts.texts["inference"] != "fixed",
    )


def _forecast(texts: _Texts) -> Forecast | None:
    """From the traffic of an experiment, from a typed number, or none: then no days are said."""
    source, per_day = texts.texts["traffic_of"].strip(), texts.texts["per_day"].strip()
    coverage = texts.number("coverage", low=0, high=100, fix="Write how many take part, in %.") / 100
    if per_day:
        units = texts.number("per_day", low=0, high=MOST_UNITS, fix="Write new units a day.")
        return traffic.flat(units * coverage, days=sizing.MOST_DAYS)
    if not source:
        return None
    known = history.arrivals(source)
    if known is None:
        fix = "Choose another experiment, or type the new units a day."
        texts.problems.append(problem("traffic_of", source, "nothing is known of its traffic", fix))
        return None
    return traffic.forecast(known.new_by_day, days=sizing.MOST_DAYS, coverage_share=coverage)
