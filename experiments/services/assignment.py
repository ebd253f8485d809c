"""The flag side of an experiment: who assigns units to arms while it runs. Calls downwards only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from experiments.models import Experiment
from experiments.plan import WHOLE_PPM, LockedPlan
from experiments.services.transitions import Act, locked_row
from flags import queries as flag_queries
from flags import services as flag_services
from flags.gates import Subject

if TYPE_CHECKING:
    from flags.models import RampRun


def subject(
    experiment: Experiment, actor: str, now: datetime, coverage_ppm: int, *, coverage_before_ppm: int = 0
) -> Subject:
    """What the gates are told about a change of this experiment's traffic."""
    return Subject(
        now=now,
        actor=actor,
        flag=experiment.flag,
        environment=experiment.environment,
        experiment=experiment.key,
        is_production=flag_queries.is_production(experiment.environment),
        coverage_before_ppm=coverage_before_ppm,
        coverage_after_ppm=coverage_ppm,
    )


def hold_place(experiment: Experiment) -> None:
    """Take the lock of the flag's environment before anything is written; the audit's lock comes after it.

    Also where another system assigns: a trip opens under the same lock, so that no decision overlooks one.
    """
    flag_services.lock_environment(environment=experiment.environment)


def hold_traffic(*, key: str) -> None:
    """Make changes of the experiment, and of what its environment serves, wait for this transaction.

    Whoever ends an experiment after something else in one transaction calls this first.
    """
    hold_place(locked_row(key))


def publish(plan: LockedPlan, coverage_ppm: int, *, actor: str, now: datetime) -> None:
    """Let the flag serve the arms of the plan to `coverage_ppm` of its units."""
    flag_services.publish_experiment_rule(
        environment=plan.environment,
        flag=plan.flag,
        experiment=plan.experiment,
        arms=[(arm.variant, arm.weight_ppm) for arm in plan.arms],
        coverage_ppm=coverage_ppm,
        unit_type=plan.unit_type,
        layer=plan.layer,
        actor=actor,
        now=now,
    )


def take_slots(plan: LockedPlan, *, actor: str, now: datetime) -> None:
    """Make the planned share of the layer the experiment's own, unless it is already."""
    if plan.layer and not flag_queries.owned_slots(flag_queries.layer(plan.layer), plan.experiment):
        flag_services.allocate_slots(
            layer=plan.layer,
            experiment=plan.experiment,
            share_ppm=plan.layer_share_ppm or WHOLE_PPM,
            actor=actor,
            now=now,
        )


def free_slots(plan: LockedPlan, *, actor: str, now: datetime) -> None:
    """Give the slots back; they rest before another experiment gets them."""
    if plan.layer:
        flag_services.free_slots(layer=plan.layer, experiment=plan.experiment, actor=actor, now=now)


def withdraw(experiment: Experiment, *, reason: str, actor: str, now: datetime) -> None:
    """Take the arms out of the flag: every unit of the experiment gets the flag's default."""
    flag_services.end_experiment_rule(
        environment=experiment.environment,
        flag=experiment.flag,
        experiment=experiment.key,
        actor=actor,
        now=now,
        reason=reason,
    )


def begin_rollout(
    experiment: Experiment, variant: str, steps: Sequence[Mapping[str, Any]], act: Act
) -> "RampRun":
    """Give the flag a rule that serves the variant to a growing share of its units, and its ramp."""
    place: dict[str, Any] = {"flag": experiment.flag, "environment": experiment.environment}
    by: dict[str, Any] = {"actor": act.actor, "now": act.now, "reason": act.reason}
    name = rule_of_rollout(experiment)
    flag_services.begin_rollout_rule(**place, experiment=experiment.key, rule=name, variant=variant, **by)
    return flag_services.start_ramp(**place, rule=name, steps=list(steps), **by)


def end_rollout(experiment: Experiment, variant: str, act: Act) -> None:
    """The variant becomes the flag's default and the rule goes; nobody sees a difference."""
    flag_services.end_rollout_rule(
        flag=experiment.flag,
        environment=experiment.environment,
        experiment=experiment.key,
        rule=rule_of_rollout(experiment),
        variant=variant,
        actor=act.actor,
        now=act.now,
        reason=act.reason,
    )


def rule_of_rollout(experiment: Experiment) -> str:
    """The id of the rule that a roll-out of this experiment moves."""
    return f"rollout-{experiment.key}"[:63]


def ship(experiment: Experiment, variant: str, *, reason: str, actor: str, now: datetime) -> None:
    """Make the winning variant the flag's default; the flag's gates are asked."""
    flag_services.ship_variant(
        environment=experiment.environment,
        flag=experiment.flag,
        variant=variant,
        experiment=experiment.key,
        actor=actor,
        now=now,
        reason=reason,
    )
