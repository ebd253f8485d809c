"""Can the numbers of a look be trusted? One context, six checks, always all of them.

A check that could not be made says `not_run` and why; it never counts as passed. Pure: the pipeline fills the
context, the report judges what follows. The checks themselves stand in `health_checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from analysis.engines.contract import Arrivals, Enrolment, Group
from analysis.report.facts import CheckFacts, CheckKind, CheckStatus
from analysis.stats.moments import Moments
from experiments.plan import LockedPlan


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check. `statistic` is what was measured and `limit` what it must not cross, in the
    unit that `detail` names; `evidence` holds the numbers behind it."""

    kind: CheckKind
    status: CheckStatus
    detail: str
    statistic: float | None = None
    limit: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> CheckFacts:
        """What the report is told of it."""
        return CheckFacts(self.kind, self.status, self.detail, self.statistic, self.limit)


@dataclass(frozen=True, slots=True)
class DataFlow:
    """What is known of the way events took into the store, up to the data cut.

    `waiting` batches arrived before the cut and are not in the store yet; `accepted` and `refused` count the
    events that came in since the start; `silent_days` had no event of any kind, out of `days` that lie in the
    run for half a day or more. The arms of `recomputed` exposures, a sample, were computed again from the ids
    of their units, and `mismatched` did not come out as reported.
    """

    waiting: int
    accepted: int
    refused: int
    silent_days: tuple[date, ...]
    days: int
    recomputed: int = 0
    mismatched: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """A metric's value before the first exposure: moments of its pre-period by arm, of a ratio those of
    (numerator, denominator)."""

    metric: str
    moments: Mapping[str, Moments]
    is_ratio: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Everything the checks look at. `active` counts per metric and arm the units with an event.

    `earlier_looks` were made under earlier versions of the plan, which began with fresh error budgets.
    `is_after_end`: an earlier look at less data was the one at the planned end.
    `is_imported`: the numbers were computed elsewhere; days, crossovers and lost events are not known.
    """

    plan: LockedPlan
    cut: datetime
    look: int
    enrolment: Enrolment
    active: Mapping[str, Mapping[str, int]]
    flow: DataFlow
    balances: tuple[Balance, ...] = ()
    is_after_end: bool = False
    is_imported: bool = False
    arrivals: Arrivals = field(default_factory=Arrivals)
    earlier_looks: int = 0

    def units(self, arm: str) -> int:
        """Units enrolled in an arm."""
        return self.enrolment.units.get(Group(arm), 0)
