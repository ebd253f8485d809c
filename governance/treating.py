"""How many units a plan gives one new value, whatever its arms and variants are called."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from experiments import queries as experiments
from experiments.plan import ArmRole
from flags import queries as flags

if TYPE_CHECKING:
    from experiments.models import Experiment


class Arm(Protocol):
    """What a draft's arm and a locked one have in common."""

    @property
    def variant(self) -> str: ...
    @property
    def weight_ppm(self) -> int: ...
    @property
    def role(self) -> str: ...


def treated_ppm(owner: "Experiment", *, is_new_plan: bool) -> int:
    """The largest share that gets one value which is not what a control gets, in parts per million.

    `is_new_plan`: of the version that is about to come into force; else of the one in force. An arm counts
    unless it is the control and serves what the flag serves at rest: a control that everybody would only get
    by it is a treatment. Variants that say the same count as one.
    """
    definition = flags.served_definition(owner.flag, owner.environment)
    shares: dict[str, int] = {}
    for arm in _arms(owner, is_new_plan):
        value = _value(arm.variant, definition)
        if arm.role != ArmRole.CONTROL or not _is_at_rest(value, definition):
            shares[value] = shares.get(value, 0) + arm.weight_ppm
    return max(shares.values(), default=0)


def _arms(owner: "Experiment", is_new_plan: bool) -> Iterable[Arm]:
    if is_new_plan or owner.started_at is None:
        return experiments.newest_version(owner).arms.all()
    return experiments.plan(owner.key).arms


def _value(variant: str | None, definition: Mapping[str, Any] | None) -> str:
    """What product code gets, as text; the variant's name where the flag does not know it."""
    values = definition["variants"] if definition else {}
    return json.dumps(values[variant], sort_keys=True) if variant in values else f"variant {variant}"


def _is_at_rest(value: str, definition: Mapping[str, Any] | None) -> bool:
    """Whether units get it without any rule; where the flag is served by others, the plan's word counts."""
    if definition is None:
        return True
    return value in {_value(definition[name], definition) for name in ("default", "off")}
