"""What earlier looks under one plan left for the next one, read back from their rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from analysis import caps, comparing, queries
from analysis.comparing import Clock, History
from analysis.models import AnalysisRun
from analysis.plan import AnalysisPlan, Entry
from analysis.stats.monitor import MonitorLook, SeenLook
from experiments.plan import LockedPlan

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Past:
    """`looks` have been stored so far, the newest with data until `last_cut` under the configuration
    `last_config`; `earlier_looks` under earlier versions of the plan. `is_after_end`: one at earlier data was
    the look at the planned end. `rule_version` is that of the plan's first report."""

    looks: int = 0
    last_cut: datetime | None = None
    last_config: str = ""
    is_after_end: bool = False
    earlier_looks: int = 0
    of: Mapping[Place, History] = field(default_factory=dict)
    rule_version: int | None = None

    def answers(self, cut: datetime, config: str) -> bool:
        """Is a look at data up to `cut` out of date, or made already?"""
        if self.last_cut is None:
            return False
        return self.last_cut > cut or (self.last_cut == cut and self.last_config == config)


def past(locked: LockedPlan, *, cut: datetime) -> Past:
    """The looks of one locked plan; by metric and arm those at data before `cut`, because a look that is
    computed again must not count itself."""
    runs = list(queries.runs_of_plan(locked.experiment, plan_version=locked.version))
    earlier = queries.runs(locked.experiment).filter(plan_version__lt=locked.version).count()
    if not runs:
        return Past(earlier_looks=earlier)
    rows: dict[Place, list[tuple[int, Mapping[str, Any]]]] = defaultdict(list)
    for metric, arm, look, memory in queries.memories(
        locked.experiment, plan_version=locked.version, before=cut
    ):
        rows[metric, arm].append((look, memory or {}))
    better = {binding.metric: binding.definition.direction.value for binding in locked.bindings}
    of = {place: _history(listed, better[place[0]]) for place, listed in rows.items()}
    last, is_after_end = runs[-1], any(run.data_cut < cut and _was_at_end(locked, run) for run in runs)
    rule = queries.rule_version(locked.experiment, plan_version=locked.version)
    return Past(last.look, last.data_cut, last.config_hash, is_after_end, earlier, of, rule)


def _was_at_end(locked: LockedPlan, run: AnalysisRun) -> bool:
    units = min(run.enrolment.get("units", {}).values(), default=0)
    return comparing.has_ended(locked, units=units, cut=run.data_cut)


def memory(clock: Clock | None, seen: SeenLook | None) -> dict[str, Any]:
    """What a result row keeps for later looks; `_history` reads it. Numbers are those of the metric's own
    scale, so that later code can put them on the clock again."""
    return {
        "planned_information": None if clock is None else clock.planned_information,
        "clock_is_relative": clock is not None and clock.is_relative,
        "seen": None if seen is None else asdict(seen),
    }


def settled_caps(experiment: str, plan_version: int, plan: AnalysisPlan) -> dict[Entry, float]:
    """The limits that stay in force: each from the first look with a full week of its values."""
    found: dict[Entry, float] = {}
    for run in queries.runs_of_plan(experiment, plan_version=plan_version):
        found = {**caps.settled(plan, run.caps, run.data_cut), **found}
    return found


def _history(rows: list[tuple[int, Mapping[str, Any]]], better: str) -> History:
    """Rows of earlier versions say nothing of levels and plan shares: their clock is that of the metric's own
    scale, and alpha goes on being spent by information."""
    known = [memory for _, memory in rows if memory.get("planned_information")]
    found = ((number, _look(memory, better)) for number, memory in rows)
    monitored = [(number, look) for number, look in found if look is not None]
    return History(
        clock=_clock(known[0]) if known else None,
        looks=tuple(look for _, look in monitored),
        numbers=tuple(number for number, _ in monitored),
    )


def _look(memory: Mapping[str, Any], better: str) -> MonitorLook | None:
    """Earlier versions kept the look as it was on the clock, a list of its numbers."""
    if memory.get("seen"):
        return SeenLook(**memory["seen"]).on_clock(better)
    return MonitorLook(*memory["look"]) if memory.get("look") else None


def _clock(memory: Mapping[str, Any]) -> Clock:
    return Clock(memory["planned_information"], memory.get("clock_is_relative", False))
