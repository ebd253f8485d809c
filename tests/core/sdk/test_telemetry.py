"""Evaluations as events on OpenTelemetry spans."""

import pytest

pytest.importorskip("opentelemetry")

from opentelemetry import trace

from headway.telemetry import OpenTelemetryHook
from headway.testing import MemoryClient
from tests.core.sdk.build import document, experiment


class Span(trace.NonRecordingSpan):
    def __init__(self, recording=True):
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.recording = recording
        self.events = []

    def is_recording(self):
        return self.recording

    def add_event(self, name, attributes=None, timestamp=None):
        self.events.append((name, attributes))


def _asked(hook, flag, span):
    client = MemoryClient(document=document({"home": experiment()}), hooks=[hook])
    with trace.use_span(span):
        client.evaluate(flag, unit="user-1")
    return span.events


def test_hook__evaluation__one_event_by_the_conventions():
    ((name, attributes),) = _asked(OpenTelemetryHook(), "home", Span())

    assert name == "feature_flag.evaluation"
    assert attributes.pop("feature_flag.result.variant") in ("control", "treatment")
    assert attributes == {
        "feature_flag.key": "home",
        "feature_flag.provider.name": "headway",
        "feature_flag.result.reason": "split",
        "feature_flag.version": "1",
    }


def test_hook__unknown_flag_with_unit__error_and_context():
    ((_, attributes),) = _asked(OpenTelemetryHook(with_unit=True), "nope", Span())

    assert attributes["error.type"] == "flag_not_found"
    assert attributes["feature_flag.result.reason"] == "error"
    assert attributes["feature_flag.context.id"] == "user-1"


def test_hook__span_that_does_not_record__nothing():
    assert _asked(OpenTelemetryHook(), "home", Span(recording=False)) == []
