"""What is known of a trip's harm at once: who was hit most, and what it costs. Reads rows only."""

from datetime import date
from typing import Any

from analysis.report.facts import SLICE_FALSE_DISCOVERY_RATE
from experiments import queries as experiments
from impact import queries as impact
from impact import services as pricing
from impact.pricing import money
from ledger.refusals import Refused
from metrics import queries as metrics
from metrics.definitions import Direction

WEEKS_A_YEAR = 365.25 / 7
TO_MS = {"ms": 1.0, "s": 1000.0}
WHOLE = 1_000_000


def worse_is(trip: Any) -> int:
    """1 when a higher value is worse, -1 when a lower one is; without a better way, as it went."""
    direction = metrics.by_ids([trip.metric_version_id])[trip.metric_version_id].definition.direction
    if direction is Direction.NONE:
        return 1 if trip.estimate > 0 else -1
    return 1 if direction is Direction.DOWN else -1


def worst_slice(trip: Any) -> dict[str, Any]:
    """The level whose effect is harmful and unlike the rest of its dimension; `sentence` says it in words.

    Only what survived the correction for the number of slices counts. No single slice is an answer.
    """
    rows = list(
        trip.run.results.filter(metric=trip.metric, arm=trip.arm).exclude(dimension="").order_by("id")
    )
    if not rows:
        return {"state": "none declared", "looked_at": 0, "sentence": "The plan declares no dimension."}
    worse = worse_is(trip)
    harmful = [row for row in rows if _is_unlike(row) and row.estimate * worse > 0]
    if not harmful:
        sentence = (
            f"No single slice: of {len(rows)} slices none differs from the rest in the harmful direction."
        )
        return {"state": "no single slice", "looked_at": len(rows), "sentence": sentence}
    worst = max(harmful, key=lambda row: row.estimate * worse)
    unit = metrics.by_ids([worst.metric_version_id])[worst.metric_version_id].definition.unit
    sentence = (
        f"{worst.dimension} {worst.level}: {worst.estimate:+.4g} {unit} "
        f"({worst.low:+.4g} to {worst.high:+.4g}), {worst.units_treatment:,} units; "
        f"{len(rows)} slices looked at."
    )
    return {
        "state": "slice",
        "dimension": worst.dimension,
        "level": worst.level,
        "estimate": worst.estimate,
        "low": worst.low,
        "high": worst.high,
        "units": worst.units_treatment,
        "looked_at": len(rows),
        "sentence": sentence,
    }


def _is_unlike(row: Any) -> bool:
    """Flagged after the correction, and unlike the other levels of its dimension."""
    unlike = row.detail.get("heterogeneity_p")
    is_unlike = unlike is not None and unlike < SLICE_FALSE_DISCOVERY_RATE
    return row.state == "flagged" and row.estimate is not None and is_unlike


def money_at_risk(trip: Any, *, today: date) -> dict[str, Any]:
    """What the harm costs in a week, for everybody and for those who have it now; or why nobody knows."""
    owner = trip.experiment
    definition = metrics.by_ids([trip.metric_version_id])[trip.metric_version_id].definition
    if owner.surface_id is None:
        return _unknown(f"{owner.key} names no surface, so there is no price tag for it")
    scale = TO_MS.get(definition.unit)
    if scale is None:
        return _unknown(
            f"{trip.metric} is counted in {definition.unit}, and the price tag is for milliseconds"
        )
    try:
        answer = pricing.ask(surface=owner.surface_id, ms=trip.estimate * scale, today=today)
    except Refused as refused:
        return _unknown(refused.problems[0].reason)
    if isinstance(answer, pricing.Refusal):
        return {"state": "unknown", "sentence": answer.sentence}
    return _priced(answer, trip, definition.key)


def _priced(answer: Any, trip: Any, metric: str) -> dict[str, Any]:
    share = _share(trip)
    weekly = [
        amount / WEEKS_A_YEAR
        for amount in (
            answer.price.value,
            answer.price.confidence_interval.lower,
            answer.price.confidence_interval.upper,
        )
    ]
    value, low, high = (money(amount, answer.currency) for amount in weekly)
    sentence = f"{value} a week ({low} to {high}) if everybody had it; {share * 100:.3g}% of users have it: "
    sentence += f"{money(weekly[0] * share, answer.currency)} a week. Price tag v{answer.version}, grade "
    sentence += f"{answer.grade.value}, valid until {answer.valid_until.isoformat()}."
    model = impact.value_model(answer.surface)
    if model is not None and model.latency_metric and model.latency_metric != metric:
        sentence += f" The price is that of {model.latency_metric}; {metric} is read as if it were that."
    return {
        "state": "priced",
        "week_minor": weekly[0],
        "low_minor": weekly[1],
        "high_minor": weekly[2],
        "share": share,
        "currency": answer.currency,
        "ratio_version": answer.version,
        "grade": answer.grade.value,
        "sentence": sentence,
    }


def _share(trip: Any) -> float:
    """The share of users in the arm when it tripped."""
    locked = experiments.plan(trip.experiment.key)
    arm = next((each for each in locked.arms if each.key == trip.arm), None)
    weight = 0.0 if arm is None else arm.weight_ppm / WHOLE
    return weight * experiments.about(trip.experiment.key).coverage_share


def _unknown(why: str) -> dict[str, Any]:
    return {"state": "unknown", "sentence": f"No amount: {why}."}
