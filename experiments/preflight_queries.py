"""What the preflight checks look at: the plan, what runs beside it, and the room in its layer."""

from collections.abc import Iterator

from experiments import preflight
from experiments.drafts import ExperimentKind
from experiments.lifecycle import State
from experiments.models import Experiment, ExperimentVersion
from experiments.plan import LockedPlan
from experiments.queries import candidate, experiment, newest_version, required_of
from flags import queries as flag_queries
from metrics import queries as metric_queries


def checklist(key: str) -> tuple[preflight.Item, ...]:
    """The preflight checklist of the newest version."""
    owner = experiment(key)
    return preflight.checklist(context(owner, newest_version(owner)))


def context(owner: Experiment, version: ExperimentVersion) -> preflight.Context:
    """What the preflight checks look at, loaded once."""
    planned = candidate(owner, version)
    return preflight.Context(
        owner=owner.owner,
        kind=ExperimentKind(owner.kind),
        plan=planned,
        assigned_here=owner.assigned_here,
        variants=_variants(owner),
        newest=metric_queries.newest_numbers(binding.metric for binding in planned.bindings),
        backup_owner=owner.backup_owner,
        surface=owner.surface_id or "",
        collisions=tuple(collisions(owner, planned)),
        room=_room(planned),
        required=required_of(owner),
    )


def collisions(owner: Experiment, planned: LockedPlan) -> Iterator[preflight.Collision]:
    """Experiments that run or are about to, and meet this one's units: on its flag, or on its surface."""
    others = Experiment.objects.filter(
        environment=owner.environment, state__in=[State.RUNNING, State.PAUSED, State.SCHEDULED]
    ).exclude(id=owner.id)
    for other in others.order_by("key"):
        found = _collision(owner, planned, other)
        if found is not None:
            yield found


def _collision(owner: Experiment, planned: LockedPlan, other: Experiment) -> preflight.Collision | None:
    """Two in one layer never share a unit; on one flag only one can assign."""
    design = newest_version(other).design
    is_apart = bool(planned.layer) and design.get("layer") == planned.layer
    verb = {State.SCHEDULED: "is scheduled", State.PAUSED: "is paused"}.get(other.lifecycle_state, "runs")
    if other.flag and other.flag == owner.flag and not is_apart:
        is_certain = owner.assigned_here and other.assigned_here
        return preflight.Collision(other.key, f"{verb} on the same flag", hurts=is_certain)
    if other.surface_id and other.surface_id == owner.surface_id and not is_apart:
        return preflight.Collision(other.key, f"{verb} on the same surface, {other.surface_id}")
    return None


def _room(planned: LockedPlan) -> preflight.LayerRoom | None:
    found = flag_queries.layers().filter(key=planned.layer).first() if planned.layer else None
    if found is None:
        return None
    owned = flag_queries.owned_slots(found, planned.experiment)
    return preflight.LayerRoom(
        unit_type=found.unit_type,
        free_ppm=sum(part.share_ppm for part in flag_queries.free_slots(found)),
        owned_ppm=sum(part.share_ppm for part in owned),
    )


def _variants(owner: Experiment) -> tuple[str, ...] | None:
    """The variants of the experiment's flag in its environment, None when it is not served there."""
    return flag_queries.variants(owner.flag, owner.environment)
