"""Headway behind the OpenFeature API: `pip install headway[openfeature]`.

>>> from openfeature import api
>>> api.set_provider(HeadwayProvider(headway.Client(url, key)))

The targeting key is the unit; the exact reason, the rule and the experiment are in the flag's metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional, TypeVar

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.flag_evaluation import FlagResolutionDetails, Reason
from openfeature.provider import AbstractProvider, Metadata
from openfeature.track import TrackingEventDetails

from headway.client import Client
from headway.evaluation import Config, Evaluation, results

__all__ = ["REASONS", "HeadwayProvider"]

T = TypeVar("T")
_NO_CONTEXT = EvaluationContext()

REASONS: Mapping[str, Reason] = {
    results.DISABLED: Reason.DISABLED,
    results.OVERRIDE: Reason.TARGETING_MATCH,
    results.TARGETING_MATCH: Reason.TARGETING_MATCH,
    results.SPLIT: Reason.SPLIT,
    results.PREREQUISITE_FAILED: Reason.DEFAULT,
    results.HOLDOUT: Reason.DEFAULT,
    results.NOT_IN_LAYER: Reason.DEFAULT,
    results.OUT_OF_ROLLOUT: Reason.DEFAULT,
    results.DEFAULT: Reason.DEFAULT,
}
"""Reasons of answers; what is not here is an error."""

_ERRORS: Mapping[str, ErrorCode] = {
    results.UNIT_MISSING: ErrorCode.TARGETING_KEY_MISSING,
    results.FLAG_NOT_FOUND: ErrorCode.FLAG_NOT_FOUND,
    results.ERROR: ErrorCode.GENERAL,
}


class HeadwayProvider(AbstractProvider):
    """Answers from a client. The client is closed when the provider is shut down."""

    def __init__(self, client: Client, *, ready_within_s: float = 2.0) -> None:
        super().__init__()
        self._client = client
        self._ready_within_s = ready_within_s
        self._is_initialized = False
        self._forget = client.on_change(self._changed)

    def get_metadata(self) -> Metadata:
        return Metadata(name="headway")

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Wait a little for a first configuration.

        Raises ProviderNotReadyError when none came. Flags give their defaults until it is there, and then
        OpenFeature is told.
        """
        is_ready = self._client.wait_until_ready(self._ready_within_s)
        self._is_initialized = True
        if not is_ready and not self._client.wait_until_ready(0):
            raise ProviderNotReadyError("no configuration was received yet")

    def shutdown(self) -> None:
        self._forget()
        self._client.close()

    def _changed(self, config: Config) -> None:
        """The first configuration after a start without one makes the provider ready; others are changes."""
        if self._is_initialized:
            self.emit_provider_ready(ProviderEventDetails())
            details = ProviderEventDetails(metadata={"version": config.version})
            self.emit_provider_configuration_changed(details)

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: Optional[EvaluationContext] = None
    ) -> FlagResolutionDetails[bool]:
        return self._resolve(flag_key, default_value, evaluation_context, bool)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: Optional[EvaluationContext] = None
    ) -> FlagResolutionDetails[str]:
        return self._resolve(flag_key, default_value, evaluation_context, str)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: Optional[EvaluationContext] = None
    ) -> FlagResolutionDetails[int]:
        return self._resolve(flag_key, default_value, evaluation_context, int)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: Optional[EvaluationContext] = None
    ) -> FlagResolutionDetails[float]:
        details = self._resolve(flag_key, default_value, evaluation_context, (float, int))
        details.value = float(details.value)
        return details

    def resolve_object_details(
        self, flag_key: str, default_value: Any, evaluation_context: Optional[EvaluationContext] = None
    ) -> FlagResolutionDetails[Any]:
        return self._resolve(flag_key, default_value, evaluation_context, (dict, list))

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: Optional[EvaluationContext] = None,
        tracking_event_details: Optional[TrackingEventDetails] = None,
    ) -> None:
        """The details' value is the event's, their texts, numbers and truth values are its dims."""
        context = evaluation_context or _NO_CONTEXT
        details = tracking_event_details or TrackingEventDetails()
        dims = {
            name: value
            for name, value in details.attributes.items()
            if isinstance(value, (str, int, float, bool))
        }
        self._client.track(tracking_event_name, context.targeting_key, details.value, dims=dims or None)

    def _resolve(
        self, flag_key: str, default: T, context: Optional[EvaluationContext], kinds: Any
    ) -> FlagResolutionDetails[T]:
        known = context or _NO_CONTEXT
        answer = self._client.evaluate(flag_key, known.targeting_key, known.attributes, default)
        reason = REASONS.get(answer.reason)
        if reason is None:
            return _failed(default, self._code(answer), answer)
        value = answer.value
        is_fitting = isinstance(value, kinds) and (kinds is bool or not isinstance(value, bool))
        if answer.variant is not None and not is_fitting:
            return _failed(default, ErrorCode.TYPE_MISMATCH, answer)
        return FlagResolutionDetails(value, None, None, reason, answer.variant, _metadata(answer))

    def _code(self, answer: Evaluation) -> ErrorCode:
        if self._client.source.name == "none":
            return ErrorCode.PROVIDER_NOT_READY
        return _ERRORS.get(answer.reason, ErrorCode.GENERAL)


def _failed(default: T, code: ErrorCode, answer: Evaluation) -> FlagResolutionDetails[T]:
    message = answer.detail or f"the value is a {type(answer.value).__name__}"
    return FlagResolutionDetails(default, code, message, Reason.ERROR, None, _metadata(answer))


def _metadata(answer: Evaluation) -> dict[str, Any]:
    metadata: dict[str, Any] = {"headway.reason": answer.reason}
    if answer.version is not None:
        metadata["version"] = answer.version
    if answer.rule is not None:
        metadata["headway.rule"] = answer.rule
    if answer.experiment is not None:
        metadata["headway.experiment"] = answer.experiment
    return metadata
