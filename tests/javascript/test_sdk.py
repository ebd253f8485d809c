"""The JavaScript SDK: its own tests, its size, and the same decisions as the Python SDK on any document."""

import gzip
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.evaluation import compile_config
from tests.core.sdk import strategies
from tests.core.sdk.test_checking import REFUSED

pytestmark = pytest.mark.flow  # one worker builds the SDK, that of the platform
MAX_BROWSER_BYTES = 6_000
MANY = settings(deadline=None, suppress_health_check=list(HealthCheck))


def _is_json(value):
    """Can the value cross over? JSON knows no infinities and no bytes."""
    return not isinstance(value, bytes) and not (isinstance(value, float) and not math.isfinite(value))


ATTRIBUTES = strategies.ATTRIBUTES.map(
    lambda found: {name: value for name, value in found.items() if _is_json(value)}
)
# 1.5 is no unit in either language; 1.0 is one in JavaScript, which has no other way to write 1.
CASES = st.lists(st.tuples(strategies.UNITS.filter(_is_json), ATTRIBUTES), min_size=1, max_size=8)


def test_own_tests__golden_vectors_and_faults__pass(npm, built):
    printed = npm("run", "test:built")

    assert "# fail 0" in printed
    assert "# skipped 0" in printed


def test_browser_bundle__zipped__small(built):
    bundle = (built / "dist" / "headway.min.js").read_bytes()

    assert len(gzip.compress(bundle, 9)) < MAX_BROWSER_BYTES


@MANY
@given(strategies.documents(), CASES)
def test_decisions__any_document__as_in_python(decider, whole, cases):
    config = compile_config(whole)
    expected = [config.evaluate("main", unit, attributes) for unit, attributes in cases]

    answers = decider.ask(whole, [["main", unit, attributes] for unit, attributes in cases])

    assert [answer[:3] for answer in answers] == [[of.variant, of.reason, of.rule] for of in expected]


def test_documents__each_refusal__at_the_same_field(decider):
    for whole, field, _ in REFUSED:
        if not _is_plain_json(whole):
            continue

        answer = decider.ask(whole)

        assert isinstance(answer, dict), (whole, field)
        assert field in [problem["field"] for problem in answer["problems"]]


def _is_plain_json(whole):
    """NaN and infinity never arrive from a server."""
    try:
        json.dumps(whole, allow_nan=False)
    except ValueError:
        return False
    return True
