"""Two experiments on the same units: what they share, and whether their interaction can be read. Pure."""

from __future__ import annotations

from datetime import datetime

from experiments.plan import Binding, LockedPlan


def in_order(one: str, other: str) -> tuple[str, str]:
    """The keys of a pair as they are stored."""
    first, second = sorted((one, other))
    return first, second


def cell(one_arm: str, other_arm: str) -> str:
    """The name of a pair of arms."""
    return f"{one_arm} × {other_arm}"


def shared(one: LockedPlan, other: LockedPlan) -> tuple[Binding, ...]:
    """The metrics that both use in the same version, in the first one's order."""
    theirs = {binding.metric_version_id for binding in other.bindings}
    found = {binding.metric: binding for binding in one.bindings if binding.metric_version_id in theirs}
    return tuple(found.values())


def why_not(one: LockedPlan, other: LockedPlan, *, cut: datetime) -> str:
    """Why no interaction of the two can be read from data up to `cut`; empty when it can."""
    if one.experiment == other.experiment:
        return "this is one experiment twice"
    if one.started_at is None or other.started_at is None:
        return "both have to have started"
    if one.source != other.source:
        return "one of them is analysed from tables outside of Headway's event store and the other is not"
    if (one.unit_type, one.environment) != (other.unit_type, other.environment):
        return "they have different units or environments, so no unit is in both"
    if one.layer and one.layer == other.layer:
        return f"they share the layer {one.layer}, which keeps them apart"
    if not shared(one, other):
        return "they share no metric in the same version"
    ends = [plan.stopped_at for plan in (one, other) if plan.stopped_at is not None]
    if max(one.started_at, other.started_at) >= min([*ends, cut]):
        return "they did not run at the same time, or not for five minutes yet"
    return ""
