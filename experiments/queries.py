"""Reads of experiments. Other apps get plans (frozen data) and rows to look at, never rows to change."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.urls import reverse

from experiments import preflight
from experiments.drafts import Draft, ExperimentKind, read
from experiments.lifecycle import State
from experiments.models import (
    Arm,
    Decision,
    Experiment,
    ExperimentVersion,
    MetricBinding,
    Phase,
    VersionState,
)
from experiments.plan import WHOLE_PPM, ArmRole, Binding, LockedPlan, PlannedArm, Role
from flags import queries as flag_queries
from ledger.refusals import Conflict, NotFound, problem
from metrics import queries as metric_queries
from metrics.reading import meant
from metrics.usage import Use

if TYPE_CHECKING:
    from metrics.models import MetricVersion


class BrokenPlan(Exception):
    """A locked plan no longer has the content it was locked with."""


@dataclass(frozen=True, slots=True)
class About:
    """What a report says of a started experiment beside its plan. `changes_since_lock` counts later plans."""

    title: str
    owner: str
    kind: ExperimentKind
    population: str
    locked_at: datetime
    coverage_share: float
    changes_since_lock: int


def experiments(*, search: str = "", state: str = "") -> QuerySet[Experiment]:
    """Experiments, newest first; `search` looks into key, title, owner and flag."""
    found = Experiment.objects.order_by("-created_at", "key")
    if search:
        words = search.replace("\0", "")
        found = found.filter(
            Q(key__icontains=words) | Q(title__icontains=words) | Q(owner=words) | Q(flag=words)
        )
    return found.filter(state=state.replace("\0", "")) if state else found


def running() -> QuerySet[Experiment]:
    """Experiments that take units now, oldest first."""
    return Experiment.objects.filter(state=State.RUNNING).order_by("started_at", "key")


def experiment(key: str) -> Experiment:
    """The experiment, or NotFound."""
    found = Experiment.objects.filter(key=key).first()
    if found is None:
        fix = f"{meant(key, Experiment.objects.values_list('key', flat=True))}They are listed on Experiments."
        raise NotFound(problem("experiment", key, "there is no experiment with this key", fix))
    return found


def plan(key: str) -> LockedPlan:
    """The locked plan in force, with the times of its version's phases. Raises Conflict before the start.

    `started_at` is when the first phase of this version began, so that a new version never counts units of
    an older one; `stopped_at` is when the experiment stopped.
    """
    owner = experiment(key)
    version = owner.versions.filter(state=VersionState.LOCKED).first()
    if version is None or version.plan is None:
        reason = f'the experiment "{key}" has not started, so it has no locked plan'
        raise Conflict(problem("state", owner.state, reason, "Start it first."))
    first = version.phases.order_by("started_at").first()
    times = {
        "started_at": None if first is None else first.started_at.isoformat(),
        "stopped_at": None if owner.stopped_at is None else owner.stopped_at.isoformat(),
    }
    locked = LockedPlan.from_dict({**version.plan, "sha256": version.sha256, **times})
    if not locked.is_intact:
        raise BrokenPlan(f"the plan of {key} version {version.number} does not match its hash")
    return locked


def about(key: str) -> About:
    """What stands on the experiment and its phases. Raises Conflict before the start."""
    locked, owner = plan(key), experiment(key)
    phase = owner.phases.order_by("-started_at", "-id")[0]
    locks = owner.versions.filter(locked_at__isnull=False)
    times = list(locks.values_list("locked_at", flat=True))
    return About(
        title=owner.title,
        owner=owner.owner,
        kind=ExperimentKind(owner.kind),
        population=locked.hypothesis.audience,
        locked_at=max(at for at in times if at is not None),
        coverage_share=phase.coverage_ppm / WHOLE_PPM,
        changes_since_lock=len(times) - 1,
    )


def versions(key: str) -> QuerySet[ExperimentVersion]:
    """All versions, newest first, with arms and bindings at hand."""
    return experiment(key).versions.order_by("-number").prefetch_related("arms", "bindings")


def newest_version(owner: Experiment) -> ExperimentVersion:
    """The draft version when there is one, else the locked one."""
    return owner.versions.order_by("-number").prefetch_related("arms", "bindings")[0]


def draft_version(owner: Experiment) -> ExperimentVersion:
    """The version that can still be edited. Raises Conflict when there is none."""
    found = owner.versions.filter(state=VersionState.DRAFT).prefetch_related("arms", "bindings").first()
    if found is None:
        fix = "Make a new version to change the plan; it begins a new phase."
        raise Conflict(problem("state", owner.state, f'the plan of "{owner.key}" is locked', fix))
    return found


def draft(owner: Experiment, version: ExperimentVersion) -> Draft:
    """The version as a person would write it."""
    named = ("title", "owner", "backup_owner", "kind", "flag", "environment", "unit_type", "assigned_here")
    identity = {name: getattr(owner, name) for name in named}
    identity |= {"team": owner.team_id or "", "surface": owner.surface_id or ""}
    arms = [_planned(arm).to_dict() for arm in version.arms.all()]
    return read({**identity, **version.design, "arms": arms})


def candidate(owner: Experiment, version: ExperimentVersion) -> LockedPlan:
    """The plan as it would be locked now, not hashed yet."""
    written = draft(owner, version)
    control = next((arm.key for arm in written.arms if arm.role is ArmRole.CONTROL), "")
    return LockedPlan(
        experiment=owner.key,
        version=version.number,
        flag=written.flag,
        environment=written.environment,
        unit_type=written.unit_type,
        control=control,
        arms=written.arms,
        bindings=planned_bindings(version),
        hypothesis=written.hypothesis,
        inference=written.inference,
        alpha=written.alpha,
        looks=written.looks,
        min_days=written.min_days,
        max_days=written.max_days,
        planned_units=written.planned_units,
        dimensions=written.dimensions,
        filters=written.filters,
        layer=written.layer,
        layer_share_ppm=written.layer_share_ppm,
        source=written.source,
    )


def planned_bindings(version: ExperimentVersion) -> tuple[Binding, ...]:
    """The bindings with their definitions: primary first, then in the order of the roles and of binding."""
    rows = list(version.bindings.all())
    known = metric_queries.by_ids(row.metric_version_id for row in rows)
    order = list(Role)
    planned = [planned_binding(row, known[row.metric_version_id]) for row in rows]
    return tuple(sorted(planned, key=lambda each: order.index(each.role)))


def checklist(key: str) -> tuple[preflight.Item, ...]:
    """The preflight checklist of the newest version."""
    owner = experiment(key)
    return preflight.checklist(preflight_context(owner, newest_version(owner)))


def phases(key: str) -> QuerySet[Phase]:
    """Phases in the order they began."""
    return experiment(key).phases.select_related("version").order_by("started_at", "id")


def open_phase(key: str) -> Phase | None:
    return phases(key).filter(ended_at__isnull=True).first()


def decision(key: str) -> Decision | None:
    return Decision.objects.filter(experiment__key=key).select_related("version").first()


def uses_of_metric(metric: str) -> list[Use]:
    """Where a metric is bound, newest experiment first; retired versions do not count."""
    rows = (
        MetricBinding.objects.filter(metric=metric)
        .exclude(version__state=VersionState.RETIRED)
        .select_related("version__experiment")
        .order_by("-version__experiment__created_at", "-version__number")
    )
    numbers = metric_queries.by_ids(row.metric_version_id for row in rows)
    return [_use(row, numbers[row.metric_version_id].number) for row in rows]


def preflight_context(owner: Experiment, version: ExperimentVersion) -> preflight.Context:
    """What the preflight checks look at, loaded once."""
    planned = candidate(owner, version)
    return preflight.Context(
        owner=owner.owner,
        kind=ExperimentKind(owner.kind),
        plan=planned,
        assigned_here=owner.assigned_here,
        variants=flag_variants(owner),
        newest=metric_queries.newest_numbers(binding.metric for binding in planned.bindings),
    )


def flag_variants(owner: Experiment) -> tuple[str, ...] | None:
    """The variants of the experiment's flag in its environment, None when it is not served there."""
    return flag_queries.variants(owner.flag, owner.environment)


def _planned(arm: Arm) -> PlannedArm:
    return PlannedArm(arm.key, arm.variant, arm.weight_ppm, ArmRole(arm.role), arm.dose_ms)


def planned_binding(row: MetricBinding, bound: "MetricVersion") -> Binding:
    """The binding of a row whose metric version is `bound`; the row need not be stored yet."""
    return Binding(
        metric=row.metric,
        metric_version=bound.number,
        metric_version_id=bound.id,
        definition=bound.definition,
        role=Role(row.role),
        blocking=row.blocking,
        margin=row.stated_margin,
        gain=row.stated_gain,
    )


def _use(row: MetricBinding, number: int) -> Use:
    owner = row.version.experiment
    url = reverse("experiment", kwargs={"key": owner.key})
    return Use(owner.title, url, row.role, owner.lifecycle_state.words, number)
