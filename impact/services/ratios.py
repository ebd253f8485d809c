"""The one ratio of a surface: drafted from accepted findings, published by somebody else, expired in time."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from impact import pooling, pricing, queries
from impact.grades import Grade
from impact.models import Ratio, RatioState
from impact.services.evidence import usable
from ledger import audit
from ledger.refusals import Conflict, problem, refuse


@transaction.atomic
def draft_ratio(*, surface: str, actor: str, now: datetime, baseline_ms: float | None = None) -> Ratio:
    """A draft from all accepted findings of grade A and B and the newest value model; an older draft is gone.

    Raises Refused without such findings or without a value model.
    """
    rows = usable(surface)
    found = pooling.pool([_finding(row) for row in rows])
    if found is None:
        why = "there is no accepted finding of grade A or B"
        raise refuse("surface", surface, why, "Run an ablation study, or accept a natural experiment.")
    model = queries.value_model(surface)
    if model is None:
        raise refuse("surface", surface, "it has no value model", "Say what the surface brings in a year.")
    price = pricing.yearly_price(found, queries.as_value(model))
    _drop_draft(surface, actor, now)
    last = queries.ratios(surface).first()
    made = Ratio.objects.create(
        surface=model.surface,
        number=1 if last is None else last.number + 1,
        value_model=model,
        per_100_ms=found.per_100_ms,
        standard_error=found.standard_error,
        low=found.interval.lower,
        high=found.interval.upper,
        grade=found.grade.value,
        findings={str(key): weight for key, weight in found.weights.items()},
        heterogeneity=found.heterogeneity,
        method=found.method,
        price_minor=price.value,
        price_low_minor=price.confidence_interval.lower,
        price_high_minor=price.confidence_interval.upper,
        price_error_minor=price.standard_error,
        currency=model.currency,
        baseline_ms=baseline_ms,
        valid_until=_valid_until([row.ended_on for row in rows]),
        created_by=actor,
        created_at=now,
    )
    _record("ratio.drafted", made, actor, now, "")
    return made


@transaction.atomic
def publish_ratio(*, surface: str, number: int, actor: str, now: datetime, reason: str = "") -> Ratio:
    """Make the draft the surface's ratio; the one before it is superseded. Its author cannot publish it."""
    row = _locked(surface, number)
    if row.state != RatioState.DRAFT:
        raise Conflict(problem("state", row.state, f"version {number} is {row.state}", "Draft a new one."))
    if row.created_by == actor:
        fix = "Ask the owner of the surface or of the metric."
        raise Conflict(problem("actor", actor, "who drafted a ratio does not publish it", fix))
    if row.valid_until < now.date():
        why = f"its evidence is older than a year ({row.valid_until.isoformat()})"
        raise Conflict(problem("valid_until", row.valid_until.isoformat(), why, "Run a new study."))
    for before in Ratio.objects.select_for_update().filter(surface=row.surface, state=RatioState.CURRENT):
        _end(before, RatioState.SUPERSEDED, f"version {number} was published", actor, now)
    row.state, row.reviewed_by, row.reviewed_at = RatioState.CURRENT, actor, now
    row.reason = reason.strip()
    row.save(update_fields=["state", "reviewed_by", "reviewed_at", "reason"])
    _record("ratio.published", row, actor, now, reason)
    return row


@transaction.atomic
def discard_ratio(*, surface: str, number: int, reason: str, actor: str, now: datetime) -> Ratio:
    """Reject a draft, with a reason; it stays in the list."""
    row = _locked(surface, number)
    if row.state != RatioState.DRAFT:
        raise Conflict(problem("state", row.state, f"version {number} is {row.state}"))
    if not reason.strip():
        raise refuse("reason", reason, "this is empty", "Say why it is not published.")
    _end(row, RatioState.REJECTED, reason, actor, now)
    return row


@transaction.atomic
def expire_ratios(*, now: datetime, baselines: dict[str, float] | None = None) -> list[Ratio]:
    """End what is past its date or whose surface is 20 % faster or slower by now.

    `baselines` gives the latency of surfaces today, in ms, where it is known.
    """
    ended = []
    for row in Ratio.objects.select_for_update(of=("self",)).filter(state=RatioState.CURRENT):
        why = pricing.is_stale(
            valid_until=row.valid_until,
            today=now.date(),
            baseline_ms=row.baseline_ms,
            now_ms=(baselines or {}).get(row.surface.key),
        )
        if why:
            _end(row, RatioState.EXPIRED, why, "headway", now)
            ended.append(row)
    return ended


def _finding(row: Any) -> pooling.Finding:
    return pooling.Finding(row.id, row.per_100_ms, row.standard_error, Grade(row.grade))


def _valid_until(ended: list[date]) -> date:
    """A year after the newest finding ended."""
    return max(ended) + timedelta(days=pricing.LASTS_DAYS)


def _drop_draft(surface: str, actor: str, now: datetime) -> None:
    draft = Ratio.objects.select_for_update().filter(surface__key=surface, state=RatioState.DRAFT).first()
    if draft is not None:
        _end(draft, RatioState.REJECTED, "a newer draft took its place", actor, now)


def _end(row: Ratio, state: RatioState, reason: str, actor: str, now: datetime) -> None:
    row.state, row.reason, row.ended_at = state, reason, now
    row.save(update_fields=["state", "reason", "ended_at"])
    _record(f"ratio.{state.value}", row, actor, now, reason)


def _locked(surface: str, number: int) -> Ratio:
    queries.ratio(surface, number)
    return Ratio.objects.select_for_update(of=("self",)).get(surface__key=surface, number=number)


def _record(action: str, row: Ratio, actor: str, now: datetime, reason: str) -> None:
    facts = {
        "version": row.number,
        "grade": row.grade,
        "per_100_ms": row.per_100_ms,
        "price_minor": row.price_minor,
        "currency": row.currency,
        "valid_until": row.valid_until.isoformat(),
        "state": row.state,
    }
    audit.record(
        now=now, actor=actor, action=action, subject=f"surface:{row.surface.key}", after=facts, reason=reason
    )
