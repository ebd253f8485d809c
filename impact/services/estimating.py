"""What a study found: the dose-response of its last look, as a finding of grade A.

Outcome and delivered delay of each arm come from the looks of the study's own experiment, so the same
figures stand in its report. Sliced looks give one slope for each slice that has enough users.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from analysis import queries as analysis
from analysis.stats.compare import lift
from analysis.stats.impact import DoseArm, Slope, dose_response, isotonic_curve, knee
from analysis.stats.impact.curves import smooth
from analysis.stats.impact.doses import relative_effects
from analysis.stats.results import Estimate, InvalidInput, NotEstimable
from impact import queries
from impact.grades import Design, Kind
from impact.models import AblationStudy, Evidence
from impact.services.evidence import record
from impact.services.studies import DELIVERED, PLACEBO, UNTOUCHED, variant_of
from ledger.refusals import Conflict, problem, refuse

SEED = 20_090_623
ESTIMATOR = "ablation estimator"
DRAWN_POINTS = 60
Z95 = 1.959963984540054


@transaction.atomic
def estimate_study(*, key: str, now: datetime | None = None) -> Evidence:
    """The finding of a study that has ended. Raises Conflict while it runs, Refused without a slope."""
    now = now or timezone.now()
    study = (
        AblationStudy.objects.select_for_update(of=("self",))
        .select_related("surface")
        .get(id=queries.study(key).id)
    )
    if study.finding is not None:
        return study.finding
    if study.ended_at is None or study.began_at is None:
        raise Conflict(problem("state", study.state, "the study has not ended", "End it first."))
    arms = arms_of(study)
    found = dose_response(arms)
    if isinstance(found, NotEstimable):
        why = f"no slope can be told ({found.why.value.replace('_', ' ')})"
        raise refuse("study", key, why, "Look at the study's report.")
    study.finding = record(
        surface=study.surface.key,
        title=study.title,
        outcome=study.outcome,
        design=Design(Kind.ABLATION),
        per_100_ms=found.per_100_ms,
        standard_error=found.standard_error,
        began_on=study.began_at.date(),
        ended_on=study.ended_at.date(),
        units=sum(arm.outcome.units for arm in arms),
        method=found.method,
        details=details(arms, found) | {"placebo_check": placebo_check(study)} | study.follow,
        origin=f"ablation:{key}",
        actor=ESTIMATOR,
        now=now,
    )
    study.save(update_fields=["finding"])
    return study.finding


def arms_of(study: AblationStudy) -> list[DoseArm]:
    """Outcome and delivered delay of every arm at the last look. Raises Refused before there is one."""
    run = analysis.runs(study.key).first()
    if run is None:
        raise refuse("study", study.key, "nothing has been analysed yet", "Ask for a look at its experiment.")
    values = {metric: _values(study, metric, run.look) for metric in (study.outcome, DELIVERED)}
    arms = []
    for dose in (0, *study.doses_ms):
        arm = variant_of(dose)
        outcome = values[study.outcome].get(arm)
        if outcome is None:
            raise refuse("study", study.key, f"the arm {arm} has no value of {study.outcome} yet")
        reached = values[DELIVERED].get(arm)
        arms.append(DoseArm(dose, reached.value if reached is not None and dose else float(0), outcome))
    return arms


def placebo_check(study: AblationStudy) -> dict[str, Any] | None:
    """The placebo against the group that nothing was done to, at the last look: the code by itself should
    change nothing. None before a look, and for studies without such a group."""
    run = analysis.runs(study.key).first()
    values = {} if run is None else _values(study, study.outcome, run.look)
    if not {PLACEBO, UNTOUCHED} <= values.keys():
        return None
    found = lift(values[UNTOUCHED], values[PLACEBO])
    if isinstance(found, NotEstimable):
        return None
    interval = found.confidence_interval
    return {
        "change": found.estimate,
        "low": interval.lower,
        "high": interval.upper,
        "p_value": found.p_value,
        "users": values[UNTOUCHED].units,
        "is_silent": not found.rejects,
    }


def _values(study: AblationStudy, metric: str, look: int) -> dict[str, Estimate]:
    return _by_arm(analysis.results(study.key, metric=metric, look=look))


def details(arms: list[DoseArm], slope: Slope) -> dict[str, Any]:
    """What is stored with the finding: points, curve, knee, slope and fit."""
    curve, bend = isotonic_curve(arms, seed=SEED), knee(arms)
    stored: dict[str, Any] = {"slope": slope.to_dict(), "points": points(arms), "fits": slope.fits}
    if not isinstance(curve, NotEstimable):
        last = curve.delivered_ms[-1]
        at = [last * step / DRAWN_POINTS for step in range(DRAWN_POINTS + 1)]
        stored["curve"] = curve.to_dict()
        stored["smooth"] = [[ms, change] for ms, change in zip(at, _smooth(curve, at), strict=True)]
    if not isinstance(bend, NotEstimable):
        stored["knee"] = bend.to_dict()
    return stored


def points(arms: list[DoseArm]) -> list[dict[str, float]]:
    """Each dose with the change of its arm and a 95 % interval."""
    effects = relative_effects(arms)
    if isinstance(effects, NotEstimable):
        return []
    dosed = sorted((arm for arm in arms if arm.dose_ms), key=lambda arm: arm.dose_ms)
    rows = []
    for index, arm in enumerate(dosed):
        change = float(effects.changes[index])
        half = Z95 * math.sqrt(float(effects.covariance[index, index]))
        rows.append(
            {
                "dose_ms": float(arm.dose_ms),
                "delivered_ms": float(arm.delivered_ms),
                "change": change,
                "low": change - half,
                "high": change + half,
                "units": float(arm.outcome.units),
            }
        )
    return rows


def _smooth(curve: Any, at: list[float]) -> list[float]:
    try:
        return smooth(curve, at)
    except (InvalidInput, ValueError):
        # Two doses that reached users equally long have no curve between them.
        return [0.0] * len(at)


def _by_arm(rows: Iterable[Any]) -> dict[str, Estimate]:
    """Arm → its value, the control's from any of the comparisons."""
    found: dict[str, Estimate] = {}
    for row in rows:
        if row.dimension:
            continue
        for arm, stored in (
            (variant_of(0), row.detail.get("control")),
            (row.arm, row.detail.get("treatment")),
        ):
            estimate = _estimate(stored)
            if estimate is not None:
                found[arm] = estimate
    return found


def _estimate(stored: Mapping[str, Any] | None) -> Estimate | None:
    given = (stored or {}).get("estimate") or {}
    if given.get("value") is None or given.get("variance") is None:
        return None
    return Estimate(
        float(given["value"]), float(given["variance"]), units=int((stored or {}).get("units") or 0)
    )
