"""Evaluations as events on the current OpenTelemetry span, by the semantic conventions for feature flags.

>>> headway.Client(url, key, hooks=[OpenTelemetryHook()])
"""

from __future__ import annotations

from typing import Any

from opentelemetry import trace

from headway.evaluation import Evaluation

__all__ = ["OpenTelemetryHook"]

EVENT = "feature_flag.evaluation"
_ERRORS = {
    "FLAG_NOT_FOUND": "flag_not_found",
    "UNIT_MISSING": "targeting_key_missing",
    "TYPE_MISMATCH": "type_mismatch",
    "ERROR": "general",
}
_REASONS = {"SPLIT": "split", "DISABLED": "disabled", "OVERRIDE": "targeting_match"}


class OpenTelemetryHook:
    """Adds an event to the span that records, if there is one. `with_unit` adds the unit's id as well."""

    def __init__(self, *, with_unit: bool = False) -> None:
        self._with_unit = with_unit

    def before(self, flag: str, unit: Any, attributes: Any, default: Any) -> None:
        """Nothing to do before."""

    def after(self, evaluation: Evaluation, unit: Any, attributes: Any) -> None:
        span = trace.get_current_span()
        if span.is_recording():
            span.add_event(EVENT, self._attributes(evaluation, unit))

    def _attributes(self, evaluation: Evaluation, unit: Any) -> dict[str, Any]:
        error = _ERRORS.get(evaluation.reason)
        fitting = "targeting_match" if evaluation.reason == "TARGETING_MATCH" else "default"
        found = {
            "feature_flag.key": evaluation.flag,
            "feature_flag.provider.name": "headway",
            "feature_flag.result.reason": "error" if error else _REASONS.get(evaluation.reason, fitting),
            "feature_flag.result.variant": evaluation.variant,
            "feature_flag.version": None if evaluation.version is None else str(evaluation.version),
            "error.type": error,
            "error.message": evaluation.detail if error else None,
            "feature_flag.context.id": str(unit) if self._with_unit and unit is not None else None,
        }
        return {name: value for name, value in found.items() if value is not None}
