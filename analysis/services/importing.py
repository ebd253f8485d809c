"""A look at numbers that were computed elsewhere: the same comparisons, monitors, verdict and report.

Nothing is read and nothing is slow, so it happens at once, in the transaction of whoever brings the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db import transaction

from analysis import imported, looks, pipeline, queries
from analysis.health import DataFlow
from analysis.imported import Aggregate, Row
from analysis.models import AnalysisRun, Trigger
from analysis.services import history, requests, storing
from analysis.services.looking import about
from experiments import queries as experiments
from experiments.plan import LockedPlan
from ledger import audit
from ledger.refusals import Conflict, Problem, problem, raise_if_any

NOTHING_KNOWN = DataFlow(waiting=0, accepted=0, refused=0, silent_days=(), days=0)
MOST_LOST_SHARE = 0.1
"""Units may turn out to be robots and be taken out; when more are gone, the numbers cover one period."""


@transaction.atomic
def import_look(
    *,
    experiment: str,
    rows: Iterable[Row],
    until: datetime,
    actor: str,
    now: datetime,
    first_line: int = 1,
) -> AnalysisRun:
    """Store a look at aggregates of all data up to `until`. The same numbers again are the same look.

    `rows` have the fields of `analysis.imported.FIELDS`, one for each arm and metric of the plan;
    `first_line` is the line of the first one in its file. Raises Refused with every problem and its line,
    Conflict when a look at these or later data exists or the experiment's own events are read here.
    """
    locked = experiments.plan(experiment)
    requests.raise_if_outside(locked, until, now)
    aggregates = imported.read(locked, rows, first_line=first_line)
    config = _config(locked, aggregates)
    storing.lock(experiment)
    known = queries.brought(experiment, plan_version=locked.version).filter(
        data_cut=until, config_hash=config
    )
    if known:
        return known[0]
    raise_if_unfit(locked, aggregates, until)
    outcome = pipeline.judge(_look(locked, aggregates, until, config))
    run = storing.store(outcome, trigger=Trigger.MANUAL, actor=actor, requested_at=now)
    audit.record(
        now=now,
        actor=actor,
        action="analysis.imported",
        subject=f"experiment:{experiment}",
        after={"look": run.look, "data_until": until.isoformat(), "rows": len(aggregates)},
    )
    return run


def raise_if_unfit(locked: LockedPlan, aggregates: Sequence[Aggregate], until: datetime) -> None:
    """Raises Conflict or Refused for numbers that do not go with the looks there are."""
    own = queries.read_here(locked.experiment, plan_version=locked.version)
    if own is not None:
        why = f"look {own.look} has read the events of this experiment, so its numbers are not brought"
        raise Conflict(problem("experiment", locked.experiment, why, "Ask for a look instead."))
    requests.raise_if_backwards(locked, until)
    last = queries.brought(locked.experiment, plan_version=locked.version).last()
    if last is None:
        return
    config = _config(locked, aggregates)
    if last.data_cut == until and last.config_hash != config:
        why = f"look {last.look} is at other numbers up to this time, and a stored look stays"
        fix = "Bring corrected numbers up to a later time."
        raise Conflict(problem("until", until.isoformat(), why, fix))
    raise_if_any(_lost(last, aggregates))


def _lost(last: AnalysisRun, aggregates: Sequence[Aggregate]) -> Iterator[Problem]:
    """Arms of which far fewer units are brought than were known before."""
    units = imported.units(aggregates)
    for arm, before in last.enrolment["units"].items():
        if units.get(arm, 0) < (1 - MOST_LOST_SHARE) * before:
            why = f"look {last.look} had {before:,} units in the arm {arm} already"
            fix = "Numbers cover all data since the start, not one period."
            yield problem("n", units.get(arm, 0), why, fix)


def _config(locked: LockedPlan, aggregates: Sequence[Aggregate]) -> str:
    return looks.config_hash(locked, engine=f"{looks.IMPORTED} {imported.sha256(aggregates)}")


def _look(locked: LockedPlan, aggregates: Sequence[Aggregate], until: datetime, config: str) -> pipeline.Look:
    past, plan = history.past(locked, cut=until), imported.plan_of(locked, until=until)
    return pipeline.Look(
        locked=locked,
        plan=plan,
        about=about(locked.experiment),
        number=past.looks + 1,
        readings=imported.readings(plan, aggregates),
        flow=NOTHING_KNOWN,
        history=past.of,
        is_after_end=past.is_after_end,
        earlier_looks=past.earlier_looks,
        rule_version=past.rule_version,
        code_version=looks.CODE_VERSION,
        config_hash=config,
        engine=looks.IMPORTED,
        is_imported=True,
    )
