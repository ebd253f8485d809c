"""The Bayesian read-out of an experiment, for readers who ask for one. It decides nothing.

A normal prior around no effect, by default as wide as the effect the hypothesis expects, times the estimate
of the newest look (`analysis.stats.bayes.normal_posterior`). Stopping when a posterior pleases does raise
false alarms; verdicts rest on intervals that hold at every look.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analysis import queries, unblinding
from analysis.models import MetricResult
from analysis.stats import compare
from analysis.stats.bayes import Posterior, normal_posterior
from analysis.stats.results import Estimate, NotEstimable, Status
from experiments import queries as experiments
from ledger.refusals import Conflict, problem, refuse
from metrics import queries as metric_queries

USUAL_SD = 0.02
ROLES = ("primary", "success", "guardrail")


@dataclass(frozen=True, slots=True)
class Line:
    """The posterior of one metric's relative effect in one arm; None where the control is not clearly
    above zero: nothing is known of the effect then, and the prior alone would be shown."""

    metric: str
    title: str
    role: str
    arm: str
    posterior: Posterior | None

    def to_dict(self) -> dict[str, Any]:
        named = {"metric": self.metric, "role": self.role, "arm": self.arm}
        return {
            **named,
            **(self.posterior.to_dict() if self.posterior else {"status": Status.UNBOUNDED.value}),
        }


def usual_sd(key: str) -> float:
    """As the plan says, else as wide as what the hypothesis expects, when that is relative."""
    plan = experiments.plan(key)
    if plan.prior_sd is not None:
        return plan.prior_sd
    expected = plan.hypothesis.expected
    return expected.value if expected.relative and expected.value > 0 else USUAL_SD


def lines(key: str, *, prior_sd: float, viewer: str, now: datetime) -> list[Line]:
    """Of the newest look. Conflict while results are hidden from the viewer, or cannot be trusted."""
    snapshot = queries.latest_snapshot(key)
    if snapshot is None:
        return []
    document = json.loads(snapshot.document)
    unblinding.raise_if_blind(document, experiments.experiment(key), viewer=viewer, now=now)
    if document["effects_hidden"]:
        why = "the numbers cannot be trusted, so their effects are hidden"
        raise Conflict(problem("experiment", key, why, "See the report's checks."))
    rows = MetricResult.objects.filter(run=snapshot.run, dimension="", role__in=ROLES).order_by("id")
    return list(_lines(rows, prior_sd, metric_queries.titles()))


def prior_sd_of(text: str, usual: float) -> float:
    """The prior's standard deviation as a share, from what stands in the address in %."""
    if not text.strip():
        return usual
    try:
        found = float(text) / 100
    except ValueError:
        found = 0.0
    if not 0 < found <= 1:
        raise refuse("prior_sd", text, "this is no number above 0 and up to 100", "Write % of the control.")
    return found


def _lines(rows: Any, prior_sd: float, titles: dict[str, str]) -> Iterator[Line]:
    for row in rows:
        control, treatment = (_estimate(row.detail.get(side)) for side in ("control", "treatment"))
        if control is None or treatment is None:
            continue
        title = titles.get(row.metric, row.metric)
        yield Line(row.metric, title, row.role, row.arm, _posterior(control, treatment, prior_sd))


def _posterior(control: Estimate, treatment: Estimate, prior_sd: float) -> Posterior | None:
    lift = compare.lift(control, treatment)
    if isinstance(lift, NotEstimable) or lift.status is Status.UNBOUNDED:
        return None
    found = normal_posterior(lift, prior_sd=prior_sd)
    return None if isinstance(found, NotEstimable) else found


def _estimate(side: Any) -> Estimate | None:
    stored = (side or {}).get("estimate") or {}
    if stored.get("value") is None or not stored.get("variance"):
        return None
    df = stored.get("degrees_of_freedom")
    return Estimate(stored["value"], stored["variance"], float("inf") if df is None else df)
