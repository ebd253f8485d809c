"""What has to happen while studies run: the end in time, the stop when they cost more than was agreed."""

from contextlib import suppress
from datetime import datetime

from django.db import transaction

from analysis.stats.impact import dose_response
from analysis.stats.results import NotEstimable
from analysis.stats.sequential import AlwaysValid
from impact import queries
from impact.caps import DAYS_A_YEAR
from impact.models import AblationStudy, StudyState
from impact.services.estimating import arms_of, estimate_study
from impact.services.following import request_following
from impact.services.studies import end_study
from ledger import audit
from ledger.refusals import Refused

CLOCK = "study clock"
COST = AlwaysValid(tau2=0.005**2, alpha=0.01, sides=1)
"""A study is stopped when it costs more than was agreed; the bound holds at all looks together. Slopes of
half a per cent per 100 ms are what one expects to see."""


def watch_studies(*, now: datetime) -> list[str]:
    """End what is over, spent or too dear, close what was followed long enough; the keys that moved."""
    for row in _in_state(StudyState.RUNNING) + _in_state(StudyState.FOLLOWED):
        request_following(row, now=now)
    moved = [row.key for row in _in_state(StudyState.RUNNING) if _ended(row, now)]
    moved += [row.key for row in _in_state(StudyState.FOLLOWED) if _closed(row, now)]
    return moved


def stops(key: str, *, now: datetime) -> list[str]:
    """The stop rules that a running study has reached, in words."""
    row = AblationStudy.objects.filter(key=key).first()
    return [] if row is None else _stops(row, now)


def cost_so_far(row: AblationStudy, now: datetime) -> tuple[float, float] | None:
    """What the study cost until now, and at least, in minor units; None before a look tells.

    By the delay that really reached each arm: requests that were served without one cost nothing.
    """
    model = queries.value_model(row.surface.key)
    try:
        arms = arms_of(row)
    except Refused:
        return None
    found = dose_response(arms)
    if model is None or row.began_at is None or isinstance(found, NotEstimable):
        return None
    days = ((row.ended_at or now) - row.began_at).total_seconds() / 86_400
    share = row.share_ppm / 1_000_000 * sum(arm.delivered_ms for arm in arms) / 100 * days / DAYS_A_YEAR
    yearly = queries.as_value(model).per_year().value
    surely = -found.per_100_ms - COST.multiplier(found.standard_error) * found.standard_error
    return -found.per_100_ms * yearly * share, surely * yearly * share


def _stops(row: AblationStudy, now: datetime) -> list[str]:
    found = []
    if row.ends_at is not None and now >= row.ends_at:
        found.append(f"it has run for {row.days} days")
    if row.spent >= row.budget:
        found.append(f"its budget of {row.budget:,} slowed requests is spent")
    cost = cost_so_far(row, now)
    if cost is not None and cost[1] > row.predicted_cost_minor:
        found.append("it costs more than was agreed")
    return found


def _ended(row: AblationStudy, now: datetime) -> bool:
    reached = _stops(row, now)
    if not reached:
        return False
    end_study(key=row.key, reason="; ".join(reached), actor=CLOCK, now=now)
    return True


@transaction.atomic
def _closed(row: AblationStudy, now: datetime) -> bool:
    """Estimate once the study has ended, and close when the time of following is over."""
    if row.finding_id is None:
        with suppress(Refused):
            estimate_study(key=row.key, now=now)
    if row.follow_until is None or now < row.follow_until:
        return False
    held = AblationStudy.objects.select_for_update().get(id=row.id)
    held.state = StudyState.CLOSED
    held.save(update_fields=["state"])
    audit.record(now=now, actor=CLOCK, action="ablation.closed", subject=f"experiment:{row.key}")
    return True


def _in_state(state: StudyState) -> list[AblationStudy]:
    return list(AblationStudy.objects.filter(state=state).select_related("surface").order_by("id"))
