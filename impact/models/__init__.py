"""Entities of this layer, one file for each part of it."""

from impact.models.evidence import Evidence, EvidenceState
from impact.models.natural import NaturalExperiment
from impact.models.ratio import Ratio, RatioState, ValueModel

__all__ = ["Evidence", "EvidenceState", "NaturalExperiment", "Ratio", "RatioState", "ValueModel"]
