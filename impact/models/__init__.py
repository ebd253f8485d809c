"""Entities of this layer, one file for each part of it."""

from impact.models.evidence import Evidence, EvidenceState
from impact.models.kept import KeptDay
from impact.models.natural import NaturalExperiment
from impact.models.ratio import Ratio, RatioState, ValueModel
from impact.models.study import AblationStudy, StudyApproval, StudyState

__all__ = [
    "AblationStudy",
    "Evidence",
    "EvidenceState",
    "KeptDay",
    "NaturalExperiment",
    "Ratio",
    "RatioState",
    "StudyApproval",
    "StudyState",
    "ValueModel",
]
