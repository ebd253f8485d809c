"""Latency in money wherever it turns up: in reports, margins, incidents, budgets, and comments on changes.

Everything goes through the ratio that holds today; where there is none there is no amount. What a change
brings through its outcome is shown beside what its speed alone brings, never added to it.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime

from analysis.report import effects
from analysis.report.facts import MetricFacts, MoneyRange, ReportFacts, WorthFacts
from analysis.stats.impact import dose_response
from analysis.stats.impact.money import price_of
from analysis.stats.results import Comparison, Estimate, NotEstimable
from analysis.stats.tails import critical_value
from experiments import queries as experiments
from impact import pricing, queries
from impact.models import AblationStudy, Ratio, ValueModel
from impact.pooling import ALPHA
from impact.services.estimating import arms_of
from ledger.refusals import Refused

WEEKS_A_YEAR = 365.25 / 7
MS_OF = {"ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Priced:
    """An amount in minor units with its 90 % interval, and the ratio that it comes from."""

    value_minor: float
    low_minor: float
    high_minor: float
    currency: str
    grade: str
    version: int
    valid_until: date

    @property
    def words(self) -> str:
        low, high = (pricing.money(end, self.currency) for end in (self.low_minor, self.high_minor))
        return f"{pricing.money(self.value_minor, self.currency)} ({low} to {high}, grade {self.grade})"


def cost_per_week(*, surface: str, ms: float, today: date) -> Priced | None:
    """What `ms` more cost in each week that they last, for incidents. None without a ratio that holds."""
    ratio = queries.current_ratio(surface, today=today)
    if ratio is None or not math.isfinite(ms):
        return None
    steps = ms / pricing.STEP_MS / WEEKS_A_YEAR
    low, high = sorted((ratio.price_low_minor * steps, ratio.price_high_minor * steps))
    return _priced(ratio, ratio.price_minor * steps, low, high)


def milliseconds_worth(*, surface: str, amount_minor: float, today: date) -> float | None:
    """The delay in ms that costs so much a year: a margin in money as one in time. None where delay has no
    price that holds, or costs nothing."""
    ratio = queries.current_ratio(surface, today=today)
    if ratio is None or ratio.price_minor <= 0 or not amount_minor > 0:
        return None
    return amount_minor / ratio.price_minor * pricing.STEP_MS


def budget_of(*, surface: str, tolerance_minor: float, today: date) -> float | None:
    """The latency in ms at which the expected loss reaches what the team tolerates in a year, counted from
    the latency that the ratio was found at. None where that is not known."""
    ratio = queries.current_ratio(surface, today=today)
    more = milliseconds_worth(surface=surface, amount_minor=tolerance_minor, today=today)
    return None if ratio is None or more is None or ratio.baseline_ms is None else ratio.baseline_ms + more


def worth(facts: ReportFacts, now: datetime) -> WorthFacts | None:
    """Block G of a report: what the change is worth. None where no value model or ratio says anything."""
    study = AblationStudy.objects.filter(key=facts.plan.experiment).select_related("surface").first()
    if study is not None:
        return _of_study(study, facts, now)
    surface = experiments.experiment(facts.plan.experiment).surface_id or ""
    model = queries.value_model(surface) if surface else None
    if model is None:
        return None
    today = now.astimezone(UTC).date()
    ratio = queries.current_ratio(surface, today=today)
    return WorthFacts(
        currency=model.currency,
        measured=_measured(facts, model),
        modelled=None if ratio is None else _modelled(facts, model, ratio),
        model="" if ratio is None else f"speed ratio v{ratio.number} of {surface}, grade {ratio.grade}",
        valid_until=today if ratio is None else ratio.valid_until,
    )


def _of_study(study: AblationStudy, facts: ReportFacts, now: datetime) -> WorthFacts | None:
    """The cost of 100 ms by the study's own arms, once it has stored a look."""
    model = queries.value_model(study.surface.key)
    try:
        found = dose_response(arms_of(study))
    except Refused:
        return None
    if model is None or isinstance(found, NotEstimable):
        return None
    slope = Estimate(found.per_100_ms, found.standard_error**2)
    price = price_of(slope, queries.as_value(model).per_year(), alpha=ALPHA)
    interval = price.confidence_interval
    return WorthFacts(
        currency=model.currency,
        measured=None,
        modelled=None,
        model="",
        valid_until=now.astimezone(UTC).date(),
        per_100_ms=_range(interval.lower, interval.upper),
    )


def _measured(facts: ReportFacts, model: ValueModel) -> MoneyRange | None:
    """The lift of the outcome over everything that the surface brings in."""
    lift = _compared(facts, model.outcome, relative=True)
    if lift is None:
        return None
    yearly = queries.as_value(model).per_year().value
    ends = lift.confidence_interval
    return _range(ends.lower * yearly, ends.upper * yearly)


def _modelled(facts: ReportFacts, model: ValueModel, ratio: Ratio) -> MoneyRange | None:
    """The difference in latency through the ratio; the errors of both count."""
    slower = _compared(facts, model.latency_metric, relative=False)
    metric = _metric(facts, model.latency_metric)
    if slower is None or metric is None or metric.binding.definition.unit not in MS_OF:
        return None
    steps = slower.estimate * MS_OF[metric.binding.definition.unit] / pricing.STEP_MS
    error = slower.standard_error * MS_OF[metric.binding.definition.unit] / pricing.STEP_MS
    value = -ratio.price_minor * steps
    half = critical_value(ALPHA / 2) * math.hypot(ratio.price_error_minor * steps, ratio.price_minor * error)
    return _range(value - half, value + half)


def _compared(facts: ReportFacts, key: str, *, relative: bool) -> Comparison | None:
    """Treatment against control; None unless there is exactly one treatment with a number for it."""
    metric = _metric(facts, key)
    if metric is None or len(facts.plan.treatments) != 1 or not metric.arms:
        return None
    read = effects.reading(metric.arms[0], effects.headline(facts))
    found = read.lift if relative else read.difference
    if not isinstance(found, Comparison) or effects.is_unbounded(found):
        return None
    return found


def _metric(facts: ReportFacts, key: str) -> MetricFacts | None:
    return next((each for each in facts.metrics if key and each.binding.metric == key), None)


def _range(low: float, high: float) -> MoneyRange:
    return MoneyRange(round(low), round(high))


def _priced(ratio: Ratio, value: float, low: float, high: float) -> Priced:
    return Priced(value, low, high, ratio.currency, ratio.grade, ratio.number, ratio.valid_until)
