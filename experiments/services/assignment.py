"""The flag side of an experiment: who assigns units to arms while it runs. Calls downwards only."""

from datetime import datetime

from experiments.models import Experiment
from experiments.plan import LockedPlan
from flags import queries as flag_queries
from flags import services as flag_services
from flags.gates import Subject


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
    """Take the lock of the flag's environment before anything is written; the audit's lock comes after it."""
    if experiment.assigned_here:
        flag_services.lock_environment(environment=experiment.environment)


def publish(plan: LockedPlan, coverage_ppm: int, *, actor: str, now: datetime) -> None:
    """Let the flag serve the arms of the plan to `coverage_ppm` of its units."""
    flag_services.publish_experiment_rule(
        environment=plan.environment,
        flag=plan.flag,
        experiment=plan.experiment,
        arms=[(arm.variant, arm.weight_ppm) for arm in plan.arms],
        coverage_ppm=coverage_ppm,
        unit_type=plan.unit_type,
        actor=actor,
        now=now,
    )


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
