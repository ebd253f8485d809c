"""A look at numbers that were computed elsewhere: the same comparisons, monitors, verdict and report.

Nothing is read and nothing is slow, so it happens at once, in the transaction of whoever brings the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from analysis import imported, looks, pipeline
from analysis.health import DataFlow
from analysis.imported import Row
from analysis.models import AnalysisRun, Trigger
from analysis.services import history, requests, storing
from analysis.services.looking import about
from experiments import queries as experiments
from ledger import audit

ENGINE = "imported"
NOTHING_KNOWN = DataFlow(waiting=0, accepted=0, refused=0, silent_days=(), days=0)


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
    Conflict when a look at later data exists.
    """
    locked = experiments.plan(experiment)
    requests.raise_if_outside(locked, until, now)
    aggregates = imported.read(locked, rows, first_line=first_line)
    config = looks.config_hash(locked, engine=f"{ENGINE} {imported.sha256(aggregates)}")
    storing.lock(experiment)
    past = history.past(locked, cut=until)
    known = AnalysisRun.objects.filter(
        experiment__key=experiment, plan_version=locked.version, data_cut=until, config_hash=config
    ).first()
    if known is not None:
        return known
    requests.raise_if_backwards(locked, until)
    plan = imported.plan_of(locked, until=until)
    look = pipeline.Look(
        locked=locked,
        plan=plan,
        about=about(experiment),
        number=past.looks + 1,
        readings=imported.readings(plan, aggregates),
        flow=NOTHING_KNOWN,
        history=past.of,
        is_after_end=past.is_after_end,
        earlier_looks=past.earlier_looks,
        rule_version=past.rule_version,
        code_version=looks.CODE_VERSION,
        config_hash=config,
        engine=ENGINE,
        is_imported=True,
    )
    outcome = pipeline.judge(look)
    run = storing.store(outcome, trigger=Trigger.MANUAL, actor=actor, requested_at=now)
    audit.record(
        now=now,
        actor=actor,
        action="analysis.imported",
        subject=f"experiment:{experiment}",
        after={"look": run.look, "data_until": until.isoformat(), "rows": len(aggregates)},
    )
    return run
