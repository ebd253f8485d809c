"""The flag side of an experiment: who assigns units to arms while it runs. Calls downwards only."""

from datetime import datetime

from experiments.models import Experiment
from experiments.plan import LockedPlan
from flags import services as flag_services
from flags.gates import Subject


def subject(experiment: Experiment, actor: str, now: datetime, coverage_ppm: int) -> Subject:
    """What the gates are told about a change of this experiment's traffic."""
    return Subject(
        now=now,
        actor=actor,
        flag=experiment.flag,
        environment=experiment.environment,
        experiment=experiment.key,
        coverage_after_ppm=coverage_ppm,
    )


def publish(plan: LockedPlan, coverage_ppm: int, *, actor: str, now: datetime) -> None:
    """Let the flag serve the arms of the plan to `coverage_ppm` of its units."""
    flag_services.publish_experiment_rule(
        environment=plan.environment,
        flag=plan.flag,
        experiment=plan.experiment,
        arms=[(arm.variant, arm.weight_ppm) for arm in plan.arms],
        coverage_ppm=coverage_ppm,
        actor=actor,
        now=now,
    )
