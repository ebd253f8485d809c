"""When the analysis objects to a change of what people see: harm that nobody settled, or too little data.

Registered with `flags.gates` when the app is ready. Reads only.
"""

from collections.abc import Iterator

from analysis import queries
from analysis.models import AnalysisRun, GuardrailTrip
from analysis.report.verdict import Verdict
from experiments import queries as experiments
from experiments.plan import LockedPlan
from flags import gates
from flags.gates import Finding, Subject


def register() -> None:
    gates.register("ramp.advance", harmed_guardrails)
    gates.register("publish", harmed_guardrails)
    gates.register("experiment.start", harmed_guardrails)
    gates.register("decide.ship", harmed_guardrails)
    gates.register("decide.ship", enough_data)


def harmed_guardrails(subject: Subject) -> Iterator[Finding]:
    """Unsettled trips of blocking guardrails, of any experiment on the flag in this environment.

    A change that does not open the flag further is never held up: closing is how harm ends.
    """
    if not subject.opens_further:
        return
    for trip in queries.blocking_trips(flag=subject.flag):
        if trip.experiment.environment == subject.environment:
            yield _harmed(trip)


def enough_data(subject: Subject) -> Iterator[Finding]:
    """A decision to ship needs a look, the shortest duration, and the planned size unless the verdict of a
    sequential look says ship before."""
    plan = experiments.plan(subject.experiment)
    run = queries.runs_of_plan(subject.experiment, plan_version=plan.version).last()
    if run is None:
        yield Finding("no_look", "nothing has been analysed under this plan", "Ask for a look first.")
        return
    days = (run.data_cut - plan.started_at).total_seconds() / 86_400 if plan.started_at else 0.0
    if days < plan.min_days:
        title = f"the data cover {days:.1f} of at least {plan.min_days} days"
        yield Finding("duration", title, "Wait, or decide otherwise.", {"days": round(days, 1)})
    if _is_short_of_units(plan, run):
        yield _short_of_units(plan, run)


def _harmed(trip: GuardrailTrip) -> Finding:
    return Finding(
        code="guardrail_trip",
        title=f"guardrail {trip.metric} is harmed in arm {trip.arm} of {trip.experiment.key}",
        fix="Resolve the trip, or have it waived by somebody of the performance discipline.",
        evidence={
            "trip": trip.id,
            "severity": trip.severity,
            "interval": f"{trip.low:.4g} to {trip.high:.4g}",
            "limit": trip.margin,
        },
    )


def _smallest_arm(run: AnalysisRun) -> int:
    return min(run.enrolment["units"].values(), default=0)


def _is_short_of_units(plan: LockedPlan, run: AnalysisRun) -> bool:
    report = queries.latest_snapshot(plan.experiment)
    has_said_ship = report is not None and report.verdict == Verdict.SHIP
    return bool(plan.planned_units and _smallest_arm(run) < plan.planned_units and not has_said_ship)


def _short_of_units(plan: LockedPlan, run: AnalysisRun) -> Finding:
    return Finding(
        code="sample_size",
        title=f"the smallest arm has {_smallest_arm(run):,} of {plan.planned_units:,} planned units",
        fix="Wait until the planned size is reached, or until the report says ship.",
        evidence={"units": _smallest_arm(run), "planned": plan.planned_units},
    )
