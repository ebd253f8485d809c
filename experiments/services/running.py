"""From a draft to a decision: review, start, new versions, stop, decision.

Each step is one transaction: the state, what belongs to it, and the audit row.
"""

import re
from datetime import datetime

from django.db import transaction

from experiments import lifecycle, preflight, preflight_queries, queries, status
from experiments.changes import ChangeKind
from experiments.lifecycle import State
from experiments.models import Decision, Experiment, ExperimentVersion, Phase, Taken, VersionState
from experiments.plan import WHOLE_PPM, LockedPlan, PlannedArm
from experiments.services import assignment, changing, closing, ramping
from experiments.services.attaching import attach
from experiments.services.drafting import remember
from experiments.services.transitions import Act, locked_row, move, note
from flags import gates
from ledger.refusals import Conflict, problem, raise_if_any, refuse

SHA256 = re.compile(r"[0-9a-f]{64}")


@transaction.atomic
def submit(*, key: str, actor: str, now: datetime, reason: str = "") -> Experiment:
    """Ask somebody else to approve the plan. Raises Refused while the checklist has gaps."""
    experiment = locked_row(key)
    lifecycle.check(key, experiment.lifecycle_state, State.IN_REVIEW)
    version = queries.draft_version(experiment)
    attach(experiment, version, Act(actor, now))
    _raise_if_not_ready(experiment, version)
    version.submitted_by, version.approved_by = actor, ""
    version.save(update_fields=["submitted_by", "approved_by"])
    move(experiment, State.IN_REVIEW, "submitted", Act(actor, now, reason))
    return experiment


@transaction.atomic
def approve(*, key: str, actor: str, now: datetime, reason: str = "") -> Experiment:
    """Approve a submitted plan. Who submitted it cannot approve it."""
    experiment = locked_row(key)
    lifecycle.check(key, experiment.lifecycle_state, State.APPROVED)
    version = queries.draft_version(experiment)
    if version.submitted_by == actor:
        raise refuse("approver", actor, "who asked for approval cannot give it", "Ask somebody else.")
    version.approved_by = actor
    version.save(update_fields=["approved_by"])
    move(experiment, State.APPROVED, "approved", Act(actor, now, reason))
    return experiment


@transaction.atomic
def send_back(*, key: str, actor: str, now: datetime, reason: str) -> Experiment:
    """From review or approval back to a draft that can be edited."""
    experiment = locked_row(key)
    move(experiment, State.DRAFT, "sent_back", Act(actor, now, reason).with_reason())
    version = queries.draft_version(experiment)
    version.submitted_by = version.approved_by = ""
    version.save(update_fields=["submitted_by", "approved_by"])
    return experiment


@transaction.atomic
def start(
    *,
    key: str,
    actor: str,
    now: datetime,
    publish: bool = True,
    coverage_ppm: int = WHOLE_PPM,
    began_at: datetime | None = None,
    reason: str = "",
    is_approved: bool = False,
) -> Experiment:
    """Lock and hash the plan, open the first phase and let the flag assign units.

    `publish=False`: another system assigns (imported data); no flag is touched. `coverage_ppm` is the share
    of the flag's units that take part. `began_at` is for imports: units have been in the arms since then,
    which needs a reason; the plan is locked now and the audit says both times. `is_approved`: the start is
    part of something a second person approved already. Raises Refused with every gap of the checklist,
    Conflict while a review is missing where one is required, Blocked with every objection of a gate.
    """
    experiment, act = locked_row(key), Act(actor, now, reason, began_at)
    assignment.hold_place(experiment)
    lifecycle.check(key, experiment.lifecycle_state, State.RUNNING)
    if not publish and experiment.assigned_here:
        experiment.assigned_here = False
        experiment.save(update_fields=["assigned_here"])
    if experiment.lifecycle_state is State.DRAFT and experiment.assigned_here and not is_approved:
        changing.raise_if_review_is_required(experiment, "state", "Submit the plan for approval.")
    _put_in_force(experiment, coverage_ppm, act)
    move(experiment, State.RUNNING, "started", act)
    return experiment


@transaction.atomic
def apply_revision(*, key: str, actor: str, now: datetime, reason: str) -> ExperimentVersion:
    """Put the draft version of a running experiment in force: a new locked plan and a new phase."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    if experiment.lifecycle_state is not State.RUNNING:
        why = f'"{key}" is {experiment.lifecycle_state.words}'
        raise Conflict(problem("state", experiment.state, why, "Only a running experiment is revised."))
    assignment.hold_place(experiment)
    changing.raise_if_unapproved(experiment, ChangeKind.VERSION)
    phase = _close_phase(experiment, now)
    version = _put_in_force(experiment, phase.coverage_ppm, act)
    changing.applied(experiment, ChangeKind.VERSION, act)
    return version


@transaction.atomic
def stop(*, key: str, actor: str, now: datetime, reason: str, ended_at: datetime | None = None) -> Experiment:
    """End the running phase and the assignment. Every unit gets the flag's default from now on.

    `ended_at` is for imports: units have not entered the arms since then.
    """
    experiment, act = locked_row(key), Act(actor, now, reason, ended_at).with_reason()
    if ended_at is not None and experiment.started_at is not None and ended_at < experiment.started_at:
        fix = f"It began {experiment.started_at.isoformat()}."
        raise refuse("ended_at", ended_at.isoformat(), "this is before the start", fix)
    assignment.hold_place(experiment)
    move(experiment, State.STOPPED, "stopped", act)
    _end(experiment, act)
    return experiment


@transaction.atomic
def invalidate(*, key: str, actor: str, now: datetime, reason: str) -> Experiment:
    """Declare the data unusable for ever; a running experiment ends by it."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    is_exposing = experiment.lifecycle_state in lifecycle.EXPOSING
    assignment.hold_place(experiment)
    move(experiment, State.INVALID, "invalidated", act)
    if is_exposing:
        _end(experiment, act)
    return experiment


@transaction.atomic
def decide(
    *,
    key: str,
    taken: str,
    snapshot_sha256: str,
    reason: str,
    actor: str,
    now: datetime,
    arm: str = "",
    at_once: bool = True,
) -> Decision:
    """Record what was decided on which report. Shipping asks the gates and needs a trustworthy report.

    Shipping names the `arm` (the only treatment unless named). Where Headway's flag assigned the arms, its
    variant becomes what the flag serves to everybody; with `at_once=False` nothing is served yet, and a
    roll-out is prepared afterwards (`services.prepare_rollout`).
    """
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    assignment.hold_place(experiment)
    lifecycle.check(key, experiment.lifecycle_state, State.DECIDED)
    if taken not in Taken.values:
        raise refuse("taken", taken, "this is not a decision", f"Possible are: {', '.join(Taken.values)}.")
    report = _snapshot_of(key, snapshot_sha256)
    shipped = arm_to_ship(key, arm) if taken == Taken.SHIP else None
    if shipped is not None:
        _raise_if_not_shippable(experiment, report, act)
    is_served_now = shipped is not None and experiment.assigned_here and at_once
    if is_served_now:
        fix = "Prepare a roll-out instead: its first step is approved by somebody else."
        changing.raise_if_review_is_required(experiment, "at_once", fix)
    decision = Decision.objects.create(
        experiment=experiment,
        version=queries.newest_version(experiment),
        recommended=report.verdict,
        taken=taken,
        arm=shipped.key if shipped else "",
        reason=reason,
        snapshot_sha256=report.sha256,
        decided_by=actor,
        decided_at=now,
    )
    move(experiment, State.DECIDED, "decided", act)
    closing.list_clean_up(experiment, decision)
    remember(experiment)
    if shipped is not None and is_served_now:
        assignment.ship(experiment, shipped.variant, reason=reason, actor=actor, now=now)
    return decision


def _raise_if_not_ready(experiment: Experiment, version: ExperimentVersion) -> None:
    items = preflight.checklist(preflight_queries.context(experiment, version))
    raise_if_any(item.as_problem() for item in preflight.blockers(items))


def _put_in_force(experiment: Experiment, coverage_ppm: int, act: Act) -> ExperimentVersion:
    """Lock the draft version, retire the one before, open a phase and publish the assignment."""
    if not 0 < coverage_ppm <= WHOLE_PPM:
        raise refuse("coverage_ppm", coverage_ppm, "this is no share", "Write 1 to 1000000 (the whole).")
    version = queries.draft_version(experiment)
    attach(experiment, version, act)
    _raise_if_not_ready(experiment, version)
    gates.check("experiment.start", assignment.subject(experiment, act.actor, act.now, coverage_ppm))
    experiment.versions.filter(state=VersionState.LOCKED).update(state=VersionState.RETIRED)
    plan = queries.candidate(experiment, version).locked()
    _lock(version, plan, act)
    Phase.objects.create(
        experiment=experiment,
        version=version,
        coverage_ppm=coverage_ppm,
        reason=act.reason,
        started_by=act.actor,
        started_at=act.at,
    )
    note(experiment, "version.locked", act, after={"version": version.number, "sha256": plan.sha256})
    if experiment.assigned_here:
        assignment.take_slots(plan, actor=act.actor, now=act.now)
        assignment.publish(plan, coverage_ppm, actor=act.actor, now=act.now)
    return version


def _lock(version: ExperimentVersion, plan: LockedPlan, act: Act) -> None:
    version.state = VersionState.LOCKED
    version.plan, version.sha256 = plan.canonical(), plan.sha256
    version.locked_by, version.locked_at = act.actor, act.now
    version.save()


def _end(experiment: Experiment, act: Act) -> None:
    _close_phase(experiment, act.at)
    ramping.end_open(experiment, act)
    changing.drop_open(experiment, act)
    if experiment.assigned_here:
        assignment.withdraw(experiment, reason=act.reason, actor=act.actor, now=act.now)
        assignment.free_slots(queries.plan(experiment.key), actor=act.actor, now=act.now)


def _close_phase(experiment: Experiment, now: datetime) -> Phase:
    phase = experiment.phases.get(ended_at__isnull=True)
    phase.ended_at = now
    phase.save(update_fields=["ended_at"])
    return phase


def _snapshot_of(key: str, sha256: str) -> status.Snapshot:
    """The stored report with this hash. Raises Refused when it is unknown or another experiment's."""
    if not SHA256.fullmatch(sha256):
        fix = "Copy the 64 characters from the report."
        raise refuse("snapshot_sha256", sha256, "this is not the hash of a report", fix)
    found = status.snapshot(sha256)
    if found is None or found.experiment != key:
        fix = "A decision refers to a stored report of this experiment."
        raise refuse("snapshot_sha256", sha256, f'"{key}" has no report with this hash', fix)
    return found


def arm_to_ship(key: str, arm: str) -> PlannedArm:
    """The treatment that is meant: the only one unless named. Raises Refused."""
    treatments = queries.plan(key).treatments
    found = [each for each in treatments if arm in {"", each.key}]
    if len(found) != 1:
        fix = f"Possible are: {', '.join(each.key for each in treatments)}."
        raise refuse("arm", arm, "this does not say which arm is shipped", fix)
    return found[0]


def _raise_if_not_shippable(experiment: Experiment, report: status.Snapshot, act: Act) -> None:
    if not report.is_trustworthy:
        why = f"the report says {report.verdict}, so nothing can be shipped on it"
        raise Conflict(problem("taken", "ship", why, "Repair the data and decide on a newer report."))
    gates.check("decide.ship", assignment.subject(experiment, act.actor, act.now, WHOLE_PPM))
