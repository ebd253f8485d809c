"""Hypotheses as sentences."""

from dataclasses import replace

import pytest

from experiments.drafts import UNSTATED
from experiments.words import sentence
from metrics.definitions import Amount, Direction
from tests.core.experiments.plans import plan

STATED = plan().hypothesis


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "Prefetch payment methods for signed-in users: Orders per user rises by 1 % or more, "
            "because the last step opens faster.",
        ),
        (
            {"direction": Direction.DOWN, "expected": Amount(30.0, relative=False), "mechanism": ""},
            "Prefetch payment methods for signed-in users: Orders per user falls by 30 ms or more.",
        ),
        (
            {"expected": UNSTATED, "audience": "", "mechanism": ""},
            "Prefetch payment methods: Orders per user rises.",
        ),
        (
            {"direction": Direction.NONE, "audience": "", "mechanism": ""},
            "Prefetch payment methods: Orders per user does not move.",
        ),
        ({"change": ""}, ""),
    ],
)
def test_sentence__parts_that_are_stated__said(changes, expected):
    assert sentence(replace(STATED, **changes), "Orders per user", "ms") == expected
