"""Which values a change would serve, and whether an experiment measured them. Reads only."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments import queries as experiments
from flags import measured_queries
from flags import queries as flags
from flags.definitions import same
from flags.gates import Subject

if TYPE_CHECKING:
    from experiments.models import Experiment


def values(subject: Subject) -> Mapping[str, Any]:
    """The flag's variants as they are once the change is made; a draft beside it does not count."""
    if subject.values is not None:
        return subject.values
    live = flags.served_definition(subject.flag, subject.environment)
    return live["variants"] if live else {}


def are_measured(owner: "Experiment", served: Mapping[str, Any]) -> bool:
    """Whether the plan's arms say what they said while units were in them; where another system assigns, or
    before the start, nothing else is known."""
    measured = measured_queries.variants_of(owner.flag, owner.environment, owner.key)
    if measured is None or owner.started_at is None:
        return True
    arms = {arm.variant for arm in experiments.plan(owner.key).arms} & set(measured)
    return all(name in served and same(served[name], measured[name]) for name in arms)
