"""What a stored report says of the primary metric, for roll-outs and the portfolio.

Registered with `experiments.status` when the app is ready.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from analysis import queries
from analysis.models import ReportSnapshot
from experiments import status
from experiments.status import Effect
from ledger.refusals import NotFound


def register() -> None:
    status.register_effects(effect)


def effect(experiment: str, arm: str, sha256: str) -> Effect | None:
    """Of the report with this hash, or of the newest one; None where there is nothing to trust or read."""
    try:
        snapshot = queries.snapshot(sha256) if sha256 else queries.latest_snapshot(experiment)
    except NotFound:
        return None
    return None if snapshot is None or snapshot.experiment.key != experiment else of_snapshot(snapshot, arm)


def of_snapshot(snapshot: ReportSnapshot, arm: str = "") -> Effect | None:
    """The first treatment unless one is named. Hidden effects stay hidden."""
    found = _primary(snapshot, arm)
    return None if found is None else _effect(*found, snapshot.sha256)


def relative_error(snapshot: ReportSnapshot, arm: str = "") -> float | None:
    """The standard error of the relative effect, None where there is none. It is the same at every level."""
    found = _primary(snapshot, arm)
    lift = (found[1]["fixed"] or {}).get("lift") if found else None
    return lift.get("standard_error") if lift else None


def _primary(snapshot: ReportSnapshot, arm: str) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """The row of the primary metric and the arm in it."""
    document = json.loads(snapshot.document)
    rows = [] if document["effects_hidden"] else document["results"]
    for row in rows:
        for each in row["arms"] if row["role"] == "primary" else ():
            if arm in {"", each["arm"]}:
                return row, each
    return None


def _effect(row: Mapping[str, Any], arm: Mapping[str, Any], sha256: str) -> Effect | None:
    """Relative where the report could say so, else in the metric's unit."""
    is_relative = None not in (arm["lift"], arm["lift_low"], arm["lift_high"])
    names = ("lift", "lift_low", "lift_high") if is_relative else ("difference", "low", "high")
    numbers = [arm[name] for name in names]
    if None in numbers:
        return None
    change = arm["change"]
    text = f"{change['point']} ({change['span']})" if is_relative else change["other"] or change["point"]
    estimate, low, high = numbers
    return Effect(row["metric"], row["title"], arm["arm"], estimate, low, high, is_relative, text, sha256)
