"""Rows of experiments: the plan and what was decided (`planned`), and what moves while it runs (`moving`)."""

from experiments.models.moving import CleanUp, CoverageRamp, PendingChange, Rollout, SavedFilter
from experiments.models.planned import (
    Arm,
    Decision,
    Experiment,
    ExperimentVersion,
    MetricBinding,
    Phase,
    Taken,
    VersionState,
)

__all__ = [
    "Arm",
    "CleanUp",
    "CoverageRamp",
    "Decision",
    "Experiment",
    "ExperimentVersion",
    "MetricBinding",
    "PendingChange",
    "Phase",
    "Rollout",
    "SavedFilter",
    "Taken",
    "VersionState",
]
