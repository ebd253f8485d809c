"""Reads of experiments. Other apps get plans (frozen data) and rows to look at, never rows to change."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib.postgres.search import SearchQuery
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from experiments import changes, preflight, required
from experiments.changes import ChangeKind, ChangeState
from experiments.drafts import Draft, ExperimentKind, read
from experiments.lifecycle import State
from experiments.models import (
    Arm,
    CleanUp,
    CoverageRamp,
    Decision,
    Experiment,
    ExperimentVersion,
    MetricBinding,
    PendingChange,
    Phase,
    Rollout,
    VersionState,
)
from experiments.models.planned import SEARCHED
from experiments.plan import WHOLE_PPM, ArmRole, Binding, LockedPlan, PlannedArm, Role
from ledger import queries as ledger
from ledger.refusals import Conflict, NotFound, problem
from metrics import queries as metric_queries
from metrics.reading import meant
from metrics.usage import Use
from organisation.ownership import Owned

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


OWNERSHIP_LASTS = timedelta(days=30)
"""Who hands an experiment over in order to judge it has to wait so long."""
FILTERS = ("state", "kind", "owner", "team", "surface", "flag")
"""What a list of experiments can be narrowed by, besides the search."""


def experiments(*, search: str = "", **filters: str) -> QuerySet[Experiment]:
    """Experiments, newest first; empty filters keep everything.

    `search` takes words as people type them: parts of key, title, owner and flag are found as they stand,
    and hypotheses and learnings by PostgreSQL's full text search (English stems, "quotes", or, -without).
    """
    found = Experiment.objects.order_by("-created_at", "key")
    if search:
        words = search.replace("\0", "")
        text = SearchQuery(words, config="english", search_type="websearch")
        named = Q(key__icontains=words) | Q(title__icontains=words) | Q(owner=words) | Q(flag=words)
        found = found.annotate(searched=SEARCHED).filter(named | Q(searched=text))
    kept = {_column(name): value.replace("\0", "") for name, value in filters.items() if value}
    return found.filter(**kept)


def _column(name: str) -> str:
    return f"{name}_id" if name in {"team", "surface"} else name


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

    `started_at` is when the first phase of this version began, so that a new version never counts what
    happened under an older one; `began_at` is when that of the first version did; `stopped_at` is when the
    experiment stopped.
    """
    owner = experiment(key)
    version = owner.versions.filter(state=VersionState.LOCKED).first()
    if version is None or version.plan is None:
        reason = f'the experiment "{key}" has not started, so it has no locked plan'
        raise Conflict(problem("state", owner.state, reason, "Start it first."))
    first = version.phases.order_by("started_at").first()
    earliest = owner.phases.order_by("started_at").first()
    times = {
        "began_at": None if earliest is None else earliest.started_at.isoformat(),
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
        prior_sd=written.prior_sd,
        excluded=written.excluded,
        trigger=written.trigger,
    )


def planned_bindings(version: ExperimentVersion) -> tuple[Binding, ...]:
    """The bindings with their definitions: primary first, then in the order of the roles and of binding."""
    rows = list(version.bindings.all())
    known = metric_queries.by_ids(row.metric_version_id for row in rows)
    order = list(Role)
    planned = [planned_binding(row, known[row.metric_version_id]) for row in rows]
    return tuple(sorted(planned, key=lambda each: order.index(each.role)))


def phases(key: str) -> QuerySet[Phase]:
    """Phases in the order they began."""
    return experiment(key).phases.select_related("version").order_by("started_at", "id")


def open_phase(key: str) -> Phase | None:
    return phases(key).filter(ended_at__isnull=True).first()


def decision(key: str) -> Decision | None:
    return Decision.objects.filter(experiment__key=key).select_related("version").first()


def owned() -> list[Owned]:
    """Everything that is not closed, with who answers for it."""
    rows = Experiment.objects.exclude(state__in=[State.CLOSED, State.INVALID]).order_by("key")
    return [
        Owned(
            kind="experiment",
            key=row.key,
            title=row.title,
            owner=row.owner,
            backup=row.backup_owner,
            address=reverse("experiment", kwargs={"key": row.key}),
        )
        for row in rows
    ]


def owners_lately(owner: Experiment) -> frozenset[str]:
    """Who owns the experiment, or handed it over within 30 days: none of them judges it."""
    edits = ledger.audit_of(f"experiment:{owner.key}").filter(
        action__in=("experiment.handed_over", "experiment.edited"), at__gte=timezone.now() - OWNERSHIP_LASTS
    )
    before = edits.filter(before__has_key="owner").values_list("before__owner", flat=True)
    return frozenset({owner.owner, *before})


def open_change(owner: Experiment, kind: ChangeKind | None = None) -> PendingChange | None:
    """The change that waits for approval or to be applied, of one kind or of any."""
    waiting = owner.changes.filter(state__in=changes.OPEN)
    return (waiting.filter(kind=kind) if kind else waiting).first()


def change_state(owner: Experiment) -> ChangeState:
    """Where the experiment is on its second axis."""
    change = open_change(owner)
    return ChangeState.IDLE if change is None else change.change_state


def pending_changes(key: str) -> QuerySet[PendingChange]:
    """Every change that was asked for, newest first."""
    return experiment(key).changes.all()


def open_ramp(owner: Experiment) -> CoverageRamp | None:
    """The ramp that raises the coverage now."""
    return owner.ramps.filter(ended_at__isnull=True).first()


def rollout(owner: Experiment) -> Rollout | None:
    """The way to everybody, once it is prepared."""
    found = Rollout.objects.filter(experiment=owner)
    return found.select_related("experiment", "holdback", "ramp__environment", "ramp__flag").first()


def rollouts() -> QuerySet[Rollout]:
    """All roll-outs, the next follow-up first."""
    return Rollout.objects.select_related("experiment", "holdback", "ramp")


def clean_up(owner: Experiment) -> QuerySet[CleanUp]:
    """What is to be done after the decision."""
    return owner.clean_up.all()


def due_to_start(now: datetime) -> list[str]:
    """Keys of scheduled experiments whose time has come."""
    due = Experiment.objects.filter(state=State.SCHEDULED, scheduled_start_at__lte=now)
    return list(due.order_by("scheduled_start_at", "key").values_list("key", flat=True))


def due_to_stop(now: datetime) -> list[str]:
    """Keys of running or paused experiments whose planned end has come."""
    due = Experiment.objects.filter(state__in=[State.RUNNING, State.PAUSED], scheduled_stop_at__lte=now)
    return list(due.order_by("scheduled_stop_at", "key").values_list("key", flat=True))


def decisions() -> QuerySet[Decision]:
    """Every decision, newest first."""
    return Decision.objects.order_by("-decided_at")


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


def required_of(owner: Experiment) -> tuple[preflight.Required, ...]:
    """The guardrails that policies attach. An ablation slows users down on purpose and has stop rules of its
    own, so nothing is attached to it."""
    if owner.kind == ExperimentKind.ABLATION:
        return ()
    return required.metrics(owner.surface_id or "", owner.team_id or "", owner.key)


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
