"""Definitions in plain words."""

from dataclasses import replace

import pytest

from metrics import words
from metrics.definitions import Amount, Cap, Direction, Kind, Measure, MetricDefinition, Source

ORDERS = MetricDefinition(
    key="orders",
    title="Orders",
    question="How many?",
    kind=Kind.COUNT,
    unit="orders",
    direction=Direction.UP,
    owner="rosa",
    hypothesis="It rises.",
    source=Source("purchase", Measure.COUNT, (("page", "pay"),)),
)
BELOW = Source("session", Measure.COUNT)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, 'Average number per unit of "purchase" events where page = pay.'),
        (
            {"kind": Kind.MEAN},
            'Average per unit of the summed values of "purchase" events where page = pay.',
        ),
        (
            {"kind": Kind.PROPORTION},
            'Share of units with at least one of "purchase" events where page = pay.',
        ),
        (
            {"kind": Kind.RATIO, "denominator": BELOW},
            'The number of "purchase" events where page = pay divided by the number of "session" events.',
        ),
        (
            {"kind": Kind.QUANTILE, "quantile": 0.95},
            'The value that 95 % of all "purchase" events where page = pay stay below.',
        ),
        (
            {"window_hours": 168},
            'Average number per unit of "purchase" events where page = pay, '
            "within 7 d after a unit's first exposure.",
        ),
    ],
)
def test_how__each_kind__one_sentence(changes, sentence):
    assert words.how(replace(ORDERS, **changes)) == sentence


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (None, ""),
        (Cap(percentile=99.9), "a unit counts at most the 99.9th percentile of all arms together"),
        (Cap(absolute=50.0, floor=0.0), "a unit counts at most 50 orders, and at least 0 orders"),
    ],
)
def test_cap__each_form__said(limits, sentence):
    assert words.cap(replace(ORDERS, cap=limits)) == sentence


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, ""),
        (Amount(0.02, relative=True), "2 % of the control's value"),
        (Amount(30.0, relative=False), "30 ms"),
    ],
)
def test_amount__relative_or_not__scale_is_said(size, text):
    assert words.amount(size, "ms") == text
