"""How many units a ramp step has seen, as far as looks have counted them.

Registered with `flags.samples` when the app is ready. Counts are those of stored looks and never too high: a
step that asks for units waits for the looks that prove them.
"""

from datetime import datetime

from analysis import queries
from analysis.models import AnalysisRun
from experiments import queries as experiments
from flags import samples


def register() -> None:
    samples.register(units_since)


def units_since(environment: str, flag: str, since: datetime) -> int | None:
    """Units first exposed after `since` in the experiment on the flag that has most; None without a look."""
    running = experiments.running().filter(environment=environment, flag=flag)
    counted = [_enrolled_since(key, since) for key in running.values_list("key", flat=True)]
    return max((n for n in counted if n is not None), default=None)


def _enrolled_since(experiment: str, since: datetime) -> int | None:
    plan = experiments.plan(experiment)
    runs = queries.runs_of_plan(experiment, plan_version=plan.version)
    newest = runs.last()
    if newest is None:
        return None
    if plan.started_at is not None and since <= plan.started_at:
        return _units(newest)
    first = runs.filter(data_cut__gte=since).first()
    return 0 if first is None else max(0, _units(newest) - _units(first))


def _units(run: AnalysisRun) -> int:
    return sum(run.enrolment["units"].values())
