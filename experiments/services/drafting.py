"""Writing the plan while it is a draft: the experiment itself, its arms and its metrics."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from experiments import lifecycle, preflight, queries
from experiments.changes import ChangeKind
from experiments.drafts import Draft, NewBinding, merged, read, read_binding
from experiments.lifecycle import State
from experiments.models import Arm, Experiment, ExperimentVersion, MetricBinding
from experiments.plan import Role
from experiments.services.attaching import attach, raise_if_attached
from experiments.services.changing import raise_if_under_review
from experiments.services.transitions import Act, locked_row, note
from ledger.refusals import Conflict, Problem, problem, raise_if_any, refuse
from metrics import queries as metric_queries
from metrics.definitions import MetricDefinition
from metrics.reading import SLUG, SLUG_RULE
from organisation import queries as organisation_queries

if TYPE_CHECKING:
    from metrics.models import MetricVersion

IDENTITY = ("title", "owner", "backup_owner", "kind", "flag", "environment", "unit_type", "assigned_here")
PLACE = ("team", "surface")
FIXED_AFTER_START = (
    *("kind", "flag", "environment", "unit_type", "assigned_here"),
    *("layer", "layer_share_ppm"),
    *PLACE,
)
"""Team and surface too: they say which guardrails the experiment has and who signs its launch."""


@transaction.atomic
def create(*, key: str, content: Mapping[str, Any], actor: str, now: datetime) -> Experiment:
    """A new experiment with a draft plan. `content` has the fields of `experiments.drafts.Draft`; only the
    title is required, the owner is the actor unless named. Raises Refused with every problem."""
    if not SLUG.fullmatch(key):
        raise refuse("key", key, "this is not a key", SLUG_RULE)
    if queries.experiments().filter(key=key).exists():
        raise Conflict(problem("key", key, "there is an experiment with this key", "Choose another key."))
    draft = read({"owner": actor, **content} if isinstance(content, Mapping) else content)
    experiment = Experiment(key=key, created_by=actor, created_at=now)
    version = ExperimentVersion(experiment=experiment, number=1, created_by=actor, created_at=now)
    _write(experiment, version, draft)
    note(experiment, "created", Act(actor, now), after=draft.to_dict())
    attach(experiment, version, Act(actor, now))
    return experiment


@transaction.atomic
def edit(*, key: str, content: Mapping[str, Any], actor: str, now: datetime) -> Experiment:
    """Replace some fields of the draft plan. Raises Conflict when no plan is open for changes."""
    experiment, version = _editable(key)
    before = queries.draft(experiment, version)
    after = merged(before, content)
    if experiment.started_at is not None:
        raise_if_any(_fixed_fields(before, after))
    _write(experiment, version, after)
    old, new = before.to_dict(), after.to_dict()
    changed = [name for name in new if new[name] != old[name]]
    pick = [{name: side[name] for name in changed} for side in (old, new)]
    note(experiment, "edited", Act(actor, now), *pick)
    attach(experiment, version, Act(actor, now))
    return experiment


@transaction.atomic
def bind_metric(*, key: str, content: Mapping[str, Any], actor: str, now: datetime) -> MetricBinding:
    """Bind a metric, or change how it is bound. `content` has the fields of `experiments.drafts.NewBinding`.

    The newest version is taken unless one is named. Guardrails block unless said otherwise and take the
    metric's own margin; primary and success metrics take its worthwhile gain.
    """
    experiment, version = _editable(key)
    asked = read_binding(content)
    bound = metric_queries.version(asked.metric, asked.version)
    row = MetricBinding(version=version, metric_version_id=bound.id, metric=asked.metric, role=asked.role)
    _complete(row, asked, bound.definition)
    raise_if_any(_objections(version, row, bound))
    version.bindings.filter(metric=asked.metric).delete()
    row.save()
    stated = {"metric": row.metric, "version": bound.number, "role": row.role, "blocking": row.blocking}
    margin = {"margin": row.margin, "margin_relative": row.margin_relative}
    note(experiment, "metric.bound", Act(actor, now), after={**stated, **margin})
    attach(experiment, version, Act(actor, now))
    row.refresh_from_db()
    return row


@transaction.atomic
def unbind_metric(*, key: str, metric: str, actor: str, now: datetime) -> None:
    """Take a metric out of the draft plan."""
    experiment, version = _editable(key)
    raise_if_attached(experiment, metric)
    removed, _ = version.bindings.filter(metric=metric).delete()
    if not removed:
        bound = ", ".join(row.metric for row in version.bindings.all()) or "none"
        raise refuse("metric", metric, "this metric is not bound", f"Bound are: {bound}.")
    note(experiment, "metric.unbound", Act(actor, now), before={"metric": metric})


@transaction.atomic
def revise(*, key: str, actor: str, now: datetime, reason: str) -> ExperimentVersion:
    """A new draft version of a running experiment, copied from the locked one and open for changes."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    locked = queries.newest_version(experiment)
    if experiment.lifecycle_state not in lifecycle.EXPOSING or locked.locked_at is None:
        why = f'"{key}" is {experiment.lifecycle_state.words} or has a draft version already'
        raise Conflict(problem("state", experiment.state, why, "Only a locked, running plan is revised."))
    draft = queries.draft(experiment, locked)
    version = ExperimentVersion(
        experiment=experiment, number=locked.number + 1, created_by=actor, created_at=now
    )
    _write(experiment, version, draft)
    MetricBinding.objects.bulk_create(_copy(row, version) for row in locked.bindings.order_by("id"))
    note(experiment, "revised", act, {"version": locked.number}, {"version": version.number})
    return version


@transaction.atomic
def discard_revision(*, key: str, actor: str, now: datetime, reason: str) -> None:
    """Drop the draft version of a running experiment; the locked one stays in force."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    if experiment.started_at is None:
        raise Conflict(problem("state", experiment.state, "this is the only version", "Edit it instead."))
    raise_if_under_review(experiment, ChangeKind.VERSION)
    version = queries.draft_version(experiment)
    number, draft = version.number, queries.draft(experiment, version)
    version.arms.all().delete()
    version.bindings.all().delete()
    version.delete()
    note(experiment, "revision.discarded", act, before={"version": number, **draft.to_dict()})


@transaction.atomic
def hand_over(*, key: str, owner: str, actor: str, now: datetime, reason: str) -> None:
    """Make somebody else answer for the experiment, in any state."""
    experiment, act = locked_row(key), Act(actor, now, reason).with_reason()
    if not owner.strip():
        raise refuse("owner", owner, "this names nobody", "Name the person who answers for it.")
    before = {"owner": experiment.owner, "backup_owner": experiment.backup_owner}
    experiment.owner = owner
    if experiment.backup_owner == owner:
        experiment.backup_owner = ""
    experiment.save(update_fields=["owner", "backup_owner"])
    remember(experiment)
    after = {"owner": owner, "backup_owner": experiment.backup_owner}
    note(experiment, "handed_over", act, before, after)


def _editable(key: str) -> tuple[Experiment, ExperimentVersion]:
    """The held experiment and its draft version, unless somebody is reviewing it."""
    experiment = locked_row(key)
    version = queries.draft_version(experiment)
    if experiment.lifecycle_state not in {State.DRAFT, *lifecycle.EXPOSING}:
        why = f'"{key}" is {experiment.lifecycle_state.words}, its plan does not change meanwhile'
        raise Conflict(problem("state", experiment.state, why, "Send it back to draft first."))
    raise_if_under_review(experiment, ChangeKind.VERSION)
    return experiment, version


def _write(experiment: Experiment, version: ExperimentVersion, draft: Draft) -> None:
    """Store the draft in its rows."""
    _raise_if_nowhere(draft)
    content = draft.to_dict()
    for name in IDENTITY:
        setattr(experiment, name, content.pop(name))
    for name in PLACE:
        setattr(experiment, f"{name}_id", content.pop(name) or None)
    arms = content.pop("arms")
    experiment.search_text = searched(experiment, draft)
    experiment.save()
    version.experiment, version.design = experiment, content
    version.save()
    version.arms.all().delete()
    Arm.objects.bulk_create(
        Arm(version=version, position=position, **arm) for position, arm in enumerate(arms)
    )


def _raise_if_nowhere(draft: Draft) -> None:
    """NotFound when there is no such team or surface."""
    if draft.team:
        organisation_queries.team(draft.team)
    if draft.surface:
        organisation_queries.surface(draft.surface)


def remember(experiment: Experiment) -> None:
    """Let the search find what the decision taught."""
    written = queries.draft(experiment, queries.newest_version(experiment))
    experiment.search_text = searched(experiment, written)
    experiment.save(update_fields=["search_text"])


def searched(experiment: Experiment, draft: Draft) -> str:
    """What the portfolio's search looks into: names, the hypothesis, and what the decision taught."""
    said = draft.hypothesis
    decided = queries.decision(experiment.key)
    parts = [experiment.key, draft.title, draft.owner, draft.flag, draft.team, draft.surface]
    parts += [said.change, said.audience, said.metric, said.mechanism, said.refuted_if]
    return "\n".join(filter(None, [*parts, decided.reason if decided else ""]))


def _copy(row: MetricBinding, version: ExperimentVersion) -> MetricBinding:
    return MetricBinding(
        version=version,
        metric_version_id=row.metric_version_id,
        metric=row.metric,
        role=row.role,
        blocking=row.blocking,
        margin=row.margin,
        margin_relative=row.margin_relative,
        gain=row.gain,
        gain_relative=row.gain_relative,
    )


def _fixed_fields(before: Draft, after: Draft) -> list[Problem]:
    fix = "Stop this experiment and start another one."
    return [
        problem(name, getattr(after, name), "this cannot change after the start", fix)
        for name in FIXED_AFTER_START
        if getattr(after, name) != getattr(before, name)
    ]


def _complete(row: MetricBinding, asked: NewBinding, definition: MetricDefinition) -> None:
    """Fill in what was not said from the role and the metric's definition."""
    is_guardrail = asked.role is Role.GUARDRAIL
    row.blocking = is_guardrail if asked.blocking is None else asked.blocking
    margin = asked.margin or (definition.margin if is_guardrail else None)
    gain = asked.gain or (definition.gain if asked.role in {Role.PRIMARY, Role.SUCCESS} else None)
    if margin:
        row.margin, row.margin_relative = margin.value, margin.relative
    if gain:
        row.gain, row.gain_relative = gain.value, gain.relative


def _objections(version: ExperimentVersion, row: MetricBinding, bound: "MetricVersion") -> list[Problem]:
    """Why the metric does not fit its role, and whether the role is taken."""
    fix = 'Choose another metric or role, or bind it with "blocking": false.'
    misfits = preflight.misfits(queries.planned_binding(row, bound))
    found = [problem("role", row.role, why, fix) for why in misfits]
    taken = version.bindings.filter(role=Role.PRIMARY).exclude(metric=row.metric).first()
    if row.role == Role.PRIMARY and taken is not None:
        why = f'"{taken.metric}" is the primary metric'
        found.append(problem("role", row.role, why, "Bind this one as success, or unbind the other first."))
    return found
